import Allowlist
import ArgumentParser
import Certificates
import Foundation
import ProductionRun
import Sites
import TokenKeys
import TransparencyLog

struct AllowlistCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allowlist", abstract: "Check the signed list of devices, offline.",
        subcommands: [
            AllowlistVerifyCommand.self, AllowlistLookupCommand.self, AllowlistRotateSignerCommand.self,
        ])
}

/// Which bundle, and what is pinned of its log.
struct BundleOptions: ParsableArguments {
    @Option(name: .long, help: "The site whose list is meant (default: ROOTLINE_SITE).")
    var site: String?
    @Option(
        name: .long, help: "The bundle: a folder, or a .tar as `pack` makes it (default: the site's log).")
    var bundle: String?
    @Option(name: .long, help: "The pinned public key of the log, or its certificate, in PEM.")
    var logKey: String?
    @Option(name: .long, help: "The pinned origin of the log.")
    var origin: String?
    @Flag(name: .long, help: "Accept a rehearsal's list, whose devices are not real.")
    var allowRehearsal = false

    @Option(
        name: .long,
        help: "The pinned roster, whose members approve: the SHA-256 of one of its versions, or its file.")
    var approvers: String?

    /// The bundle and the pins, from options or from the site.
    func resolve() throws -> (bundle: any BundleSource, pins: Pins) {
        var (path, pins) = try resolvePath()
        if let approvers {
            guard
                let digest = Digest32(hex: approvers)
                    ?? FileManager.default.contents(atPath: approvers).map({ Digest32.sha256(Array($0)) })
            else { throw ValidationError("--approvers is a digest, 64 hexadecimal digits, or a file.") }
            pins.roster = digest
        }
        return (try openBundle(path), pins)
    }

    private func resolvePath() throws -> (path: String, pins: Pins) {
        if let logKey, let origin {
            guard let bundle = try bundle ?? siteFolder().map({ try Site(opening: $0).log }) else {
                throw ValidationError("Name the bundle with --bundle, or a site.")
            }
            let spki = try BundleOptions.publicKey(inPEMFile: logKey)
            return (bundle, try Pins(origin: origin, logKeySPKI: spki, allowRehearsal: allowRehearsal))
        }
        guard logKey == nil, origin == nil else {
            throw ValidationError("--log-key and --origin go together: both are pinned.")
        }
        guard let folder = try siteFolder() else {
            throw ValidationError(
                "Nothing is pinned. Name a site, or give --bundle, --log-key and --origin; a bundle cannot vouch for itself."
            )
        }
        let site = try Site(opening: folder)
        let certificate = try ReceivedCertificate(der: site.logKey().certificate)
        return (
            bundle ?? site.log,
            try Pins(
                origin: site.origin, logKeySPKI: certificate.subjectPublicKeyInfo,
                allowRehearsal: allowRehearsal)
        )
    }

    private func siteFolder() throws -> String? {
        var options = SiteOptions()
        options.site = site
        return try options.path()
    }

    private static func publicKey(inPEMFile path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(.notASite, path, "cannot be read")
        }
        let text = String(decoding: data, as: UTF8.self)
        if let key = derBlocks(inPEM: text, label: "PUBLIC KEY")?.first { return key }
        guard let certificate = derBlocks(inPEM: text)?.first else {
            throw ValidationError("\(path) holds neither a PUBLIC KEY nor a CERTIFICATE in PEM.")
        }
        return try ReceivedCertificate(der: certificate).subjectPublicKeyInfo
    }
}

struct AllowlistVerifyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify a whole bundle: every signature, entry, count and index.",
        discussion: "Exit code 1 where anything is wrong; the message names the file and the entry.")

    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Run: Encodable {
            var run: String
            var product: String
            var quantity: UInt64
            var spoilage: UInt64
            var reserved: UInt64
            var released: UInt64
            var scrapped: UInt64
            var burned: UInt64
            var sealed: Bool
            var activation: String?
        }
        var version = 1
        var verified = true
        var origin: String
        var rehearsal: Bool
        var treeSize: UInt64
        var root: String
        var authorised: String
        var devices: UInt64
        var entries: [String: UInt64]
        var runs: [Run]
        var warnings: [String]
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let list = try BundleVerifier.verify(bundle, pins: pins)
        try verifyCheckpointCMS(bundle, pins: pins)
        let document = Document(
            origin: list.origin, rehearsal: list.isRehearsal, treeSize: list.treeSize, root: list.root.hex,
            authorised: list.authorised.rawValue, devices: list.counts[.add] ?? 0,
            entries: Dictionary(uniqueKeysWithValues: list.counts.map { ($0.key.name, $0.value) }),
            runs: list.runs.map {
                Document.Run(
                    run: $0.id, product: $0.product, quantity: $0.quantity, spoilage: $0.spoilage,
                    reserved: $0.reserved, released: $0.released, scrapped: $0.scrapped, burned: $0.burned,
                    sealed: $0.isSealed, activation: $0.seal?.activation.name)
            }, warnings: list.warnings)
        if output.format == .json { return try printJSON(document) }
        print("verified  \(document.origin)\(document.rehearsal ? "  (rehearsal)" : "")")
        print("  \(Int(document.treeSize).grouped) entries, root \(document.root)")
        print("  \(Int(document.devices).grouped) devices, authorised: \(document.authorised)")
        for run in document.runs {
            print(
                "  run \(run.run) (\(run.product)): \(run.sealed ? "sealed" : "open"), \(Int(run.released).grouped) released of \(Int(run.quantity).grouped), \(run.scrapped) scrapped, \(run.burned) burned"
            )
        }
        for warning in document.warnings { Terminal.say("warning: \(warning)") }
    }

    /// The same text under a second signature form, checked with libcrypto.
    private func verifyCheckpointCMS(_ bundle: any BundleSource, pins: Pins) throws {
        let text = try bundle.bytes(of: SignedHead.textPath, maximum: SignedNote.maximumLength)
        let cms = try bundle.bytes(of: SignedHead.cmsPath, maximum: 1 << 20)
        let signer = try SignedHead(in: bundle, pins: pins).signer
        do {
            _ = try verifyCMS(cms, detachedContent: text, signedBy: signer.spki)
        } catch {
            throw AllowlistError(
                .checkpointSignature, file: SignedHead.cmsPath, error.message,
                hint: "Take the bundle again; do not use this one.")
        }
    }
}

struct AllowlistLookupCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup", abstract: "Ask whether a device is listed.",
        discussion: """
            By --certificate, serial and key are matched together, as an onboarding service must. A bare SERIAL \
            answers a person's question and identifies nobody. Exit code 0: listed; 1: not listed, revoked, \
            scrapped or replaced.
            """)

    @Argument(help: "The device's serial.") var serial: String?
    @Option(name: .long, help: "The device's certificate, in PEM.") var certificate: String?
    @Option(name: .long, help: "The product, where several use the same serial.") var product: String?
    @Option(name: .long, help: "SHA-256 of the device's SubjectPublicKeyInfo, in hex.") var key: String?
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var status: String
        var reason: String?
        var keyChecked: Bool
        var serialChecked: Bool
        var serial: String?
        var product: String?
        var run: String?
        var entryIndex: UInt64?
        var keyDigest: String?
        var certificateDigest: String?
        /// Whether the key is one that is replaced on a plan, as registration keys are at onboarding.
        var rotates: Bool?
        var treeSize: UInt64
    }

    func validate() throws {
        guard (serial == nil) != (certificate == nil) else {
            throw ValidationError("Name a device: SERIAL, or --certificate FILE.")
        }
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let reader = try BundleReader(in: bundle, pins: pins)
        let answer: LookupAnswer
        if let certificate {
            guard let data = FileManager.default.contents(atPath: certificate) else {
                throw SiteError(.notASite, certificate, "cannot be read")
            }
            guard let der = derBlocks(inPEM: String(decoding: data, as: UTF8.self))?.first else {
                throw SiteError(.notASite, certificate, "holds no certificate in PEM")
            }
            let received = try ReceivedCertificate(der: der)
            answer = try reader.lookup(
                certificate: Digest32.sha256(der), key: Digest32.sha256(received.subjectPublicKeyInfo))
        } else {
            let digest = try key.map { text in
                guard let digest = Digest32(hex: text) else {
                    throw ValidationError("--key is 64 hexadecimal digits.")
                }
                return digest
            }
            answer = try reader.lookup(serial: serial ?? "", product: product, key: digest)
        }
        let document = Document(
            status: answer.status.rawValue, reason: answer.reason, keyChecked: answer.keyChecked,
            serialChecked: answer.serialChecked, serial: answer.device?.serial.plainText ?? serial,
            product: answer.device?.product, run: answer.run, entryIndex: answer.entryIndex,
            keyDigest: answer.device?.key.hex,
            certificateDigest: answer.device?.certificate.hex, rotates: answer.device?.rotates,
            treeSize: answer.checkpoint.size)
        if output.format == .json {
            try printJSON(document)
        } else {
            print(document.status + (document.reason.map { ": \($0)" } ?? ""))
            if let device = answer.device {
                print("  serial       \(device.serial)")
                print("  product      \(device.product)")
                print("  run          \(device.run)")
                print(
                    "  entry        \(answer.entryIndex.map { "\($0)" } ?? "") of \(answer.checkpoint.size)")
                print("  key SHA-256  \(device.key.hex)\(device.rotates ? "  (rotates)" : "")")
                if !answer.keyChecked {
                    Terminal.say("The key was not checked: accept a device by serial and key together.")
                }
            }
        }
        if answer.status != .listed { throw ExitCode(1) }
    }
}
