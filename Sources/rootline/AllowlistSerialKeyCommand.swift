import Allowlist
import ArgumentParser
import Foundation
import Glibc
import ProductionRun
import Sites
import TransparencyLog

struct AllowlistSerialKeyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "serial-key", abstract: "Give a consumer the key of a log of hashed serials.",
        discussion: """
            Only in a site made with `init --serials hashed`. Who has the key can ask by serial, and can find out by \
            guessing which serials a list has: hand it over on another way than the list, to who may read the serials \
            anyway. The file is made with mode 600; nothing is overwritten.
            """)

    @Option(name: .long, help: "The file to make.") var out: String
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var origin: String
        var file: String
        /// SHA-256 of the key's octets, by which its receiver can tell that it is the right one.
        var keyDigest: String
    }

    func run() throws {
        let site = try siteOptions.open()
        guard let key = try site.serialKey() else {
            throw SiteError(
                .refused, site.folder, "its log lists plain serials: there is no serial key",
                hint: "The form of serials is chosen by `rootline init --serials` and never changes.")
        }
        try SerialKeyFile.write(key, to: out)
        let document = Document(origin: site.origin, file: out, keyDigest: key.digest.hex)
        if output.format == .json { return try printJSON(document) }
        print("serial key of \(site.origin)")
        print("  file     \(out)")
        print("  SHA-256  \(document.keyDigest)")
        Terminal.say("It is a secret: hand it over on another way than the list.")
    }
}

extension SerialKeyFileOptions {
    /// The key of the file that was named, else that of the site whose own list is read; nil where there is neither.
    func resolve(_ options: BundleOptions) throws -> SerialKey? {
        if let key = try read() { return key }
        guard options.bundle == nil, options.pins == nil, options.logKey == nil else { return nil }
        var site = SiteOptions()
        site.site = options.site
        return try site.path().flatMap { try Site(opening: $0).serialKey() }
    }
}

/// The file by which a serial key is handed over.
enum SerialKeyFile {
    /// Makes the file, mode 600 and flushed; one that is there already is left alone.
    static func write(_ key: SerialKey, to path: String) throws {
        func failure() -> SiteError {
            let number = errno
            return SiteError(
                .cannotCreate, path, String(cString: strerror(number)),
                hint: number == EEXIST ? "Nothing is overwritten: name another file." : nil)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let isWritten = key.withFile { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
        guard isWritten, fsync(descriptor) == 0 else {
            let error = failure()
            unlink(path)
            throw error
        }
    }
}
