import Foundation
import TransparencyLog

/// Programs that use the library through its header, compiled or interpreted by the tests.
enum CInterface: String, CaseIterable, Sendable, CustomStringConvertible {
    /// C against the library as SwiftPM builds it, which needs Swift's runtime beside it.
    case shared
    /// C against the library with Swift's runtime inside, as `make clib` builds it.
    case selfContained
    /// Python's ctypes.
    case python

    var description: String { rawValue }

    /// What the program prints for these commands, and how it exits.
    func run(
        _ list: String, key: String, origin: String = PublishedList.origin, options: Int = 0,
        _ commands: [String]
    ) throws -> (code: Int32, lines: [String]) {
        let arguments = [list, origin, key, String(options)] + commands
        let (code, output): (Int32, String)
        if self == .python {
            let client = Places.programs.appending(path: "client.py").path
            (code, output) = try Program("python3").run(
                [client, Places.products.appending(path: Places.library).path] + arguments)
        } else {
            (code, output) = try Program(try Self.clients.get()[self, default: ""]).run(arguments)
        }
        return (code, output.split(separator: "\n", omittingEmptySubsequences: true).map { String($0) })
    }

    /// The words that the library has for these numbers.
    static func words(_ numbers: [Int]) throws -> [String] {
        let program = Program(try clients.get()[.shared, default: ""])
        return try program.run(["words"] + numbers.map { String($0) }).output.split(separator: " ")
            .map { $0.trimmingCharacters(in: .newlines) }.filter { !$0.isEmpty }
    }

    /// The library with the runtime inside; linked once.
    static let selfContainedLibrary = Result<URL, any Error> {
        let folder = try FileManager.default.url(
            for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: Places.products, create: true
        )
        let library = folder.appending(path: "\(Places.library).1")
        let script = Places.package.appending(path: "Sources/AllowlistC/link.sh").path
        let (code, output) = try Program("sh").run([script, Places.products.path, library.path])
        guard code == 0 else { throw ProgramFailure("link.sh failed:\n\(output)") }
        return library
    }

    private static let clients = Result<[CInterface: String], any Error> {
        let shared = Places.products.appending(path: Places.library)
        return [
            .shared: try compile(against: shared, name: "client-shared"),
            .selfContained: try compile(
                against: try selfContainedLibrary.get(), name: "client-self-contained"),
        ]
    }

    private static func compile(against library: URL, name: String) throws -> String {
        let folder = try FileManager.default.url(
            for: .itemReplacementDirectory, in: .userDomainMask, appropriateFor: Places.products, create: true
        )
        let program = folder.appending(path: name).path
        // The strictest warnings: consumers compile the header with their own.
        let (code, output) = try Program("cc").run([
            "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", Places.headers.path,
            Places.programs.appending(path: "client.c").path, library.path,
            "-Wl,-rpath,\(library.deletingLastPathComponent().path)", "-Wl,--allow-shlib-undefined", "-o",
            program,
        ])
        guard code == 0 else { throw ProgramFailure("cc failed:\n\(output)") }
        return program
    }
}
