import Allowlist
import ArgumentParser
import TransparencyLog

struct AllowlistDiffCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Write what a receiver's older bundle lacks into one .tar.",
        discussion: """
            It holds the new entries and the new checkpoint; `apply` grows tiles and index from them. --from is the \
            receiver's `checkpoint` file, which the list must extend, or his number of entries. From 0 on it makes a \
            whole bundle.
            """)

    @Option(name: .long, help: "The receiver's checkpoint: its file, or its number of entries.")
    var from: String
    @Option(name: .long, help: "The archive to write, FILE.tar; it must not be there.") var out: String
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var archive: String
        var sha256: String
        var bytes: UInt64
        var files: Int
        var base: UInt64
        var newEntries: UInt64
        var treeSize: UInt64
        var root: String
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let written =
            if let base = UInt64(from) {
                try BundleDelta.write(from: base, of: bundle, pins: pins, to: out)
            } else {
                try BundleDelta.write(
                    from: KeptListOptions.kept(from, origin: pins.origin), of: bundle, pins: pins, to: out)
            }
        let checkpoint = written.checkpoint
        let document = Document(
            archive: out, sha256: written.digest.hex, bytes: written.byteCount, files: written.fileCount,
            base: written.base, newEntries: checkpoint.size - written.base, treeSize: checkpoint.size,
            root: checkpoint.root.hex)
        if output.format == .json { return try printJSON(document) }
        print("delta  \(out)")
        print(
            "  \(Int(document.newEntries).grouped) entries from \(Int(document.base).grouped) on, to \(Int(document.treeSize).grouped)"
        )
        print("  \(document.files.grouped) files, \(Int(document.bytes).grouped) bytes")
        print("  SHA-256 \(document.sha256)")
    }
}

struct AllowlistApplyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Bring a bundle up to date by a delta.",
        discussion: """
            Checks the new checkpoint's signature, that this bundle with the delta's entries leads to the signed root, \
            and the form of every new entry; whoever stops it finds the old bundle or the new one. With --verify the \
            new list is verified whole before it takes the old one's place; without, run `verify` afterwards.
            """)

    @Argument(help: "The delta, as `diff` makes it.") var delta: String
    @Option(name: .long, help: "The bundle's folder; one that is not there is made by a delta from 0 on.")
    var to: String
    @Flag(name: .long, help: "Verify the whole new list before it becomes visible.") var verify = false
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var applied: Bool
        var verified: Bool
        var newEntries: UInt64
        var treeSize: UInt64
        var root: String
    }

    func validate() throws {
        guard options.bundle == nil else { throw ValidationError("The bundle to be grown is named by --to.") }
    }

    func run() throws {
        var options = options
        options.bundle = delta
        let (_, pins) = try options.resolve()
        let applied = try BundleDelta.apply(TarArchive(delta), to: to, pins: pins, verifying: verify)
        let document = Document(
            applied: !applied.wasThere, verified: applied.list != nil, newEntries: applied.newEntries,
            treeSize: applied.after.size, root: applied.after.root.hex)
        if output.format == .json { return try printJSON(document) }
        if applied.wasThere {
            print("already there: \(to) has \(Int(document.treeSize).grouped) entries")
        } else {
            print("applied  \(to)\(document.verified ? "  (verified)" : "")")
            print("  \(Int(document.newEntries).grouped) entries, now \(Int(document.treeSize).grouped)")
            print("  root \(document.root)")
            if !document.verified {
                Terminal.say(
                    "Runs, quantities and uniqueness were not checked: verify the bundle before use.")
            }
        }
    }
}
