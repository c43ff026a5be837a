import Foundation
import Glibc

/// Tools that make tokens and disks fail: a PKCS#11 module that lies and fails by plan (`faulty-token.c`),
/// and a library for `LD_PRELOAD` that lets writes to files fail by plan (`faulty-files.c`).
///
/// Those two files say what a plan may contain. They are compiled when a test first asks, with `clang`, which
/// comes with Swift, or `cc`.
public enum FaultyToken {
    /// The lying and failing module's path.
    ///
    /// A program that loads it needs `FAULTY_TOKEN_MODULE`, the real module, in its environment.
    public static func module() throws -> String {
        try compiledModule.get()
    }

    /// The path of the library for `LD_PRELOAD`.
    public static func filesShim() throws -> String {
        try compiledShim.get()
    }

    /// The path of the library for `LD_PRELOAD` that watches, fails, ends and records operations below one folder.
    public static func siteFilesShim() throws -> String {
        try compiledSiteShim.get()
    }

    /// The path of the library for `LD_PRELOAD` that sets a program's wall clock off.
    public static func steppingClock() throws -> String {
        try compiledClock.get()
    }

    private static let compiledModule = Result {
        let source = SourceFolder.beside(#filePath)
        return try compile(
            source.paths("faulty-token.c", "faulty-token-plan.c", "faulty-token-lies.c"),
            including: source.paths("faulty-token.h", "faulty-token-functions.inc"),
            as: .library("faulty-token"))
    }

    private static let compiledShim = Result {
        try compile(SourceFolder.beside(#filePath).paths("faulty-files.c"), as: .library("faulty-files"))
    }

    private static let compiledSiteShim = Result {
        let source = SourceFolder.beside(#filePath)
        return try compile(
            source.paths("site-files.c", "site-files-plan.c"), including: source.paths("site-files.h"),
            as: .library("site-files"))
    }

    private static let compiledClock = Result {
        try compile(SourceFolder.beside(#filePath).paths("stepping-clock.c"), as: .library("stepping-clock"))
    }

    /// Sets up the module in this process, loaded already or yet to be; nil leaves a setting as it is.
    ///
    /// The real module is chosen once a process. A new plan counts its calls anew; an empty one forwards
    /// everything. Whoever changes the plan holds it for all users of the module in this process.
    public static func configure(
        realModule: String? = nil, plan: String? = nil, log: String? = nil
    ) throws {
        typealias Configure =
            @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> UInt
        let path = try module()
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL),
            let symbol = dlsym(library, "faulty_token_configure")
        else {
            throw FaultyTokenError(dlerror().map { String(cString: $0) } ?? "\(path): cannot be loaded")
        }
        let answer = unsafeBitCast(symbol, to: Configure.self)(realModule, plan, log)
        guard answer == 0 else {
            throw FaultyTokenError("the module refused its settings: CKR_0x\(String(answer, radix: 16))")
        }
    }
}

public struct FaultyTokenError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The folder of a source file, for files that stand beside it.
public struct SourceFolder: Sendable {
    let path: String

    public static func beside(_ file: String) -> SourceFolder {
        SourceFolder(path: URL(fileURLWithPath: file).deletingLastPathComponent().path)
    }

    public func paths(_ names: String...) -> [String] {
        names.map { path + "/" + $0 }
    }
}
