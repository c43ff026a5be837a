import Foundation
import Glibc

extension FaultyToken {
    /// What comes out of a compilation, and its name.
    public enum Product: Sendable {
        case library(String)
        case program(String)

        var name: String {
            switch self {
            case .library(let name), .program(let name): return name
            }
        }
    }

    /// Compiles C files of a test, with the PKCS#11 header at hand, and answers the product's path.
    ///
    /// The same contents are compiled once: the product stands in the package's `.build` under a name made of
    /// them. `including` names what the files include, so that a change there counts too. Throws with the
    /// compiler's output where it fails, and where there is no compiler.
    public static func compile(
        _ sources: [String], including others: [String] = [], as product: Product
    ) throws -> String {
        let compiler = try compilerPath()
        var arguments = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra"] + cryptokiFlags()
        switch product {
        case .library: arguments += ["-shared", "-fPIC"]
        case .program: break
        }
        let contents = try (sources + others).map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        let name = "\(product.name)-\(fingerprint([Data(arguments.joined(separator: " ").utf8)] + contents))"
        let output = try outputFolder() + "/" + name
        if FileManager.default.fileExists(atPath: output) { return output }

        // Renamed when it is whole: another process may compile the same or load it at this moment.
        let unfinished = output + ".\(getpid())-\(UUID().uuidString)"
        defer { unlink(unfinished) }
        let (code, text) = try run(
            compiler, arguments + sources + ["-o", unfinished, "-ldl", "-pthread"])
        guard code == 0 else { throw FaultyTokenError("\(compiler) failed with code \(code):\n\(text)") }
        guard rename(unfinished, output) == 0 else {
            throw FaultyTokenError("\(output): \(String(cString: strerror(errno)))")
        }
        return output
    }

    /// The first of `clang` and `cc` in the search path.
    static func compilerPath(
        searchPath: String = ProcessInfo.processInfo.environment["PATH"] ?? ""
    ) throws -> String {
        guard let path = executable("clang", searchPath) ?? executable("cc", searchPath) else {
            throw FaultyTokenError(
                "neither clang nor cc is in the search path: \(searchPath)\n"
                    + "Swift brings clang; Debian's package is gcc.")
        }
        return path
    }

    private static func executable(_ name: String, _ searchPath: String) -> String? {
        searchPath.split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Where `p11-kit/pkcs11.h` is; Debian's place where pkg-config does not say.
    private static func cryptokiFlags() -> [String] {
        let searchPath = ProcessInfo.processInfo.environment["PATH"] ?? ""
        if let tool = executable("pkg-config", searchPath),
            let (code, text) = try? run(tool, ["--cflags", "p11-kit-1"]), code == 0
        {
            return text.split(whereSeparator: \.isWhitespace).map { String($0) }
        }
        return ["-I/usr/include/p11-kit-1"]
    }

    private static func outputFolder() throws -> String {
        let package = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = package.appendingPathComponent(".build/faulty-token").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// FNV-1a, 64 bits: it tells versions of our own files apart and guards against nobody.
    private static func fingerprint(_ parts: [Data]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for part in parts {
            for octet in part + [0] {
                hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3
            }
        }
        return String(hash, radix: 16)
    }

    private static func run(_ path: String, _ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
