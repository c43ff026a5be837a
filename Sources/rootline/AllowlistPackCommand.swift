import Allowlist
import ArgumentParser
import TransparencyLog

struct AllowlistPackCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack", abstract: "Put a bundle into one .tar for carrying.",
        discussion: """
            What the checkpoint covers, and nothing of a run in progress, is proven to the signed root and written in \
            a fixed form: the same bundle always gives the same file. Every command that takes --bundle reads it as \
            it is; `tar xf` makes the folder of it.
            """)

    @Option(name: .long, help: "The archive to write, FILE.tar; it must not be there.") var out: String
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var archive: String
        var sha256: String
        var bytes: UInt64
        var files: Int
        var treeSize: UInt64
        var root: String
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let packed = try PackedBundle(BundleContents(of: bundle, pins: pins), to: out)
        let document = Document(
            archive: out, sha256: packed.digest.hex, bytes: packed.byteCount, files: packed.fileCount,
            treeSize: packed.checkpoint.size, root: packed.checkpoint.root.hex)
        if output.format == .json { return try printJSON(document) }
        print("packed  \(out)")
        print("  \(document.files.grouped) files, \(Int(document.bytes).grouped) bytes")
        print("  \(Int(document.treeSize).grouped) entries, root \(document.root)")
        print("  SHA-256 \(document.sha256)")
    }
}
