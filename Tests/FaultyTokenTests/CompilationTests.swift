import Foundation
import Testing

@testable import FaultyToken

@Suite("C files are compiled once, and a failure comes with the compiler's words")
struct CompilationTests {
    @Test("The same contents give the same path, and other contents another")
    func once() throws {
        let scratch = try ScratchFolder()
        let source = scratch.path + "/answer.c"
        func compiled(_ answer: Int) throws -> String {
            try "int main(void) { return \(answer); }\n".write(
                toFile: source, atomically: true, encoding: .utf8)
            return try FaultyToken.compile([source], as: .program("answer"))
        }
        let first = try compiled(1)
        let stamp = try FileManager.default.attributesOfItem(atPath: first)[.systemFileNumber] as? Int
        #expect(try compiled(1) == first)
        #expect(try FileManager.default.attributesOfItem(atPath: first)[.systemFileNumber] as? Int == stamp)
        #expect(try compiled(2) != first)
        #expect(try FaultyToken.module() == FaultyToken.module())
    }

    @Test("A file that does not compile throws what the compiler said, and leaves nothing")
    func error() throws {
        let scratch = try ScratchFolder()
        let source = scratch.path + "/broken.c"
        try "int main(void) { return nonsense; }\n".write(toFile: source, atomically: true, encoding: .utf8)
        let error = #expect(throws: FaultyTokenError.self) {
            try FaultyToken.compile([source], as: .program("broken"))
        }
        #expect(error?.description.contains("nonsense") == true)
    }

    @Test("Without clang and cc the error says so")
    func noCompiler() throws {
        let scratch = try ScratchFolder()
        let error = #expect(throws: FaultyTokenError.self) {
            try FaultyToken.compilerPath(searchPath: scratch.path)
        }
        #expect(error?.description.hasPrefix("neither clang nor cc") == true)
    }
}
