import Allowlist
import ArgumentParser
import Foundation
import Glibc
import ProductionRun
import Sites
import TransparencyLog

struct AllowlistCosignCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "cosign", abstract: "Vouch as a witness that the log only grew since you last looked.",
        discussion: """
            Checks the log's signature by what is pinned and that its tree extends the last one that was cosigned \
            with the same --state file, writes the checkpoint down there, and then makes a cosignature (C2SP \
            tlog-cosignature). A tree that is older or has another history is refused with exit code 1: keep that \
            bundle, it is evidence. The first time, --first makes the file; do not lose it, because a witness that \
            forgot can be misled. Without --out, the line is added to the bundle's own checkpoint.
            """)

    @Option(name: .long, help: "The witness's private key (`witness-key` makes one).") var witnessKey: String
    @Option(name: .long, help: "The witness's name, as in its verifier key.") var name: String
    @Option(name: .long, help: "The file of what was cosigned; one a witness and log.") var state: String
    @Flag(name: .long, help: "Make the file: nothing of this log was cosigned before.") var first = false
    @Option(name: .long, help: "A new file for the line, or - for standard output.") var out: String?
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var witness: String
        var verifierKey: String
        var origin: String
        var treeSize: UInt64
        var root: String
        /// The size that this witness cosigned before.
        var previousTreeSize: UInt64?
        var time: String
        var line: String
        /// Nil where the line went into the bundle's checkpoint or to standard output.
        var file: String?
    }

    func validate() throws {
        guard out != "-" || output.format == .text else {
            throw ValidationError("--out - writes the line itself: there is no place for JSON.")
        }
    }

    func run() throws {
        let key = try WitnessKeyFile.read(witnessKey, name: name)
        var (path, pins) = try options.resolvePath()
        // A witness vouches by itself, whoever else does.
        pins.witnesses = nil
        let bundle = try openBundle(path)
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard out != nil || isFolder.boolValue else {
            throw ValidationError("A .tar is not changed: name a file for the line with --out.")
        }
        // Before the file is made: a bundle that is refused leaves no state behind.
        _ = try SignedHead(in: bundle, pins: pins)
        let memory = try first ? WitnessState(creating: state) : WitnessState(opening: state)
        let time = UInt64(max(0, Glibc.time(nil)))
        let (head, line) = try Witness(key: key, pins: pins, state: memory).cosign(bundle, at: time)
        if let out {
            let bytes = Array("\(line.line)\n".utf8)
            if out == "-" {
                guard Terminal.put(bytes, to: 1) else {
                    throw RunError(.io, "standard output", String(cString: strerror(errno)))
                }
                return
            }
            try NewFile.write(bytes, to: out)
        } else {
            try CosignedCheckpoint.add(line, over: head.note.text, toBundleIn: path)
        }
        let document = Document(
            witness: name, verifierKey: "\(key.publicKey.verifierKey)", origin: head.checkpoint.origin,
            treeSize: head.checkpoint.size, root: head.checkpoint.root.hex,
            previousTreeSize: memory.last?.checkpoint.size, time: timeText(Int64(clamping: time)),
            line: line.line, file: out)
        if output.format == .json { return try printJSON(document) }
        print("cosigned  \(document.origin)")
        print("  \(Int(document.treeSize).grouped) entries, root \(document.root)")
        let before =
            document.previousTreeSize.map { "extends the \(Int($0).grouped) entries cosigned before" }
            ?? "the first cosignature of this log"
        print("  \(before)")
    }
}

struct AllowlistWitnessKeyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness-key", abstract: "Make a witness's key pair and print its verifier key.",
        discussion: """
            The private key is Ed25519, unencrypted PKCS#8 in PEM, readable by its owner alone; it belongs on the \
            witness's own machine, never on the site's. Those who pin the witness get the printed line.
            """)

    @Option(
        name: .long, help: "The witness's name: a URL without its scheme, such as hospital.example/witness.")
    var name: String
    @Option(name: .long, help: "The new file for the private key.") var out: String
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var name: String
        var verifierKey: String
        var file: String
    }

    func run() throws {
        let key: CosigningKey
        do {
            key = try CosigningKey(generatingFor: name)
        } catch {
            throw ValidationError("--name: \(error.message).")
        }
        try WitnessKeyFile.write(key, to: out)
        let text = "\(key.publicKey.verifierKey)"
        if output.format == .json {
            return try printJSON(Document(name: name, verifierKey: text, file: out))
        }
        print(text)
    }
}

/// The file of a witness's private key.
enum WitnessKeyFile {
    static func write(_ key: CosigningKey, to path: String) throws {
        var pem = key.pem
        defer { zero(&pem) }
        try NewFile.write(pem, to: path, mode: 0o600)
    }

    /// Reads a key that nobody but its owner can read.
    static func read(_ path: String, name: String) throws -> CosigningKey {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SiteError(.notASite, path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let file = try? FileManager.default.attributesOfItem(atPath: path)
        guard let file, file[.type] as? FileAttributeType == .typeRegular,
            let permissions = file[.posixPermissions] as? Int, let size = file[.size] as? Int, size <= 4096
        else {
            throw SiteError(.malformed, path, "is not the file of a private key")
        }
        guard permissions & 0o077 == 0 else {
            throw SiteError(
                .refused, path, "others than its owner can read this private key", hint: "chmod 600 \(path)")
        }
        var pem = [UInt8](repeating: 0, count: size)
        defer { zero(&pem) }
        let capacity = pem.count
        guard Glibc.read(descriptor, &pem, capacity) == capacity else {
            throw SiteError(.io, path, "cannot be read whole")
        }
        do {
            return try CosigningKey(name: name, pem: pem)
        } catch {
            throw SiteError(.malformed, path, error.message)
        }
    }

    private static func zero(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
    }
}
