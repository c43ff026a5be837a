import Allowlist
import ArgumentParser
import Certificates
import Foundation
import ProductionRun
import Sites
import TransparencyLog

struct AllowlistCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allowlist", abstract: "Check the signed list of devices, offline.",
        subcommands: [
            AllowlistVerifyCommand.self, AllowlistLookupCommand.self, AllowlistPackCommand.self,
            AllowlistProveCommand.self, AllowlistVerifyReceiptCommand.self, AllowlistDiffCommand.self,
            AllowlistApplyCommand.self, AllowlistJournalCommand.self, AllowlistCosignCommand.self,
            AllowlistWitnessKeyCommand.self, AllowlistPinsCommand.self,
            AllowlistSerialKeyCommand.self, AllowlistRevokeCommand.self, AllowlistReplaceCommand.self,
            AllowlistRotateSignerCommand.self,
        ])
}

struct AllowlistVerifyCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify a whole bundle: every signature, entry, count and index.",
        discussion: "Exit code 1 where anything is wrong; the message names the file and the entry.")

    @OptionGroup var packages: PackageOptions
    @OptionGroup var options: BundleOptions
    @OptionGroup var kept: KeptListOptions
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
        struct Approval: Encodable {
            var needed: Int
            var members: Int
            var rosterVersion: Int
            var notVouchedFor: [String]
        }
        var version = 1
        var verified = true
        var origin: String
        var rehearsal: Bool
        var treeSize: UInt64
        var root: String
        var authorised: String
        /// With a roster pinned: how many of how many members approve, by which of its versions.
        var approval: Approval?
        /// When the log's key says it signed the checkpoint, in the form of RFC 3339.
        var signedAt: String?
        /// The time by which the checkpoint's age is judged, and the age in seconds.
        var time: String?
        var age: Int64?
        var devices: UInt64
        var entries: [String: UInt64]
        var runs: [Run]
        /// The folders of packages that were asked for with --packages.
        var packages: [PackageOptions.Checked]
        var warnings: [String]
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let list = try BundleVerifier.verify(bundle, pins: pins)
        try kept.accept(list, of: bundle, pins: pins)
        let checked = try packages.check(list)
        let age = list.time.map { Int64(clamping: pins.clock()) - Int64(clamping: $0) }
        let document = Document(
            origin: list.origin, rehearsal: list.isRehearsal, treeSize: list.treeSize, root: list.root.hex,
            authorised: list.authorised.rawValue,
            approval: list.approval.map {
                Document.Approval(
                    needed: $0.needed, members: $0.members, rosterVersion: $0.rosterVersion,
                    notVouchedFor: $0.notVouchedFor)
            }, signedAt: list.signedAt.map { timeText(Int64(clamping: $0)) },
            time: list.time.map { timeText(Int64(clamping: $0)) }, age: age, devices: list.counts[.add] ?? 0,
            entries: Dictionary(uniqueKeysWithValues: list.counts.map { ($0.key.name, $0.value) }),
            runs: list.runs.map {
                Document.Run(
                    run: $0.id, product: $0.product, quantity: $0.quantity, spoilage: $0.spoilage,
                    reserved: $0.reserved, released: $0.released, scrapped: $0.scrapped, burned: $0.burned,
                    sealed: $0.isSealed, activation: $0.seal?.activation.name)
            }, packages: checked, warnings: list.warnings)
        if output.format == .json { return try printJSON(document) }
        print("verified  \(document.origin)\(document.rehearsal ? "  (rehearsal)" : "")")
        print("  \(Int(document.treeSize).grouped) entries, root \(document.root)")
        print("  \(Int(document.devices).grouped) devices, authorised: \(Self.authorised(document))")
        if let time = document.time, let age { print("  checkpoint of \(time), \(Self.words(age: age))") }
        for run in document.runs {
            print(
                "  run \(run.run) (\(run.product)): \(run.sealed ? "sealed" : "open"), \(Int(run.released).grouped) released of \(Int(run.quantity).grouped), \(run.scrapped) scrapped, \(run.burned) burned"
            )
        }
        for name in document.approval?.notVouchedFor ?? [] { print("  not vouched for: \(name)") }
        for folder in checked {
            print(
                "  packages \(folder.folder): run \(folder.run), \(folder.devices.grouped) devices in \(folder.files.grouped) files"
            )
        }
        for warning in document.warnings { Terminal.say("warning: \(warning)") }
    }

    private static func authorised(_ document: Document) -> String {
        guard let approval = document.approval else { return document.authorised }
        return "\(document.authorised) by \(approval.needed) of \(approval.members), "
            + "roster version \(approval.rosterVersion)"
    }

    private static func words(age: Int64) -> String {
        let text = Pins.words(forSeconds: age.magnitude)
        return age < 0 ? "\(text) ahead of this machine's clock" : "\(text) old"
    }
}

struct AllowlistLookupCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup", abstract: "Ask whether a device is listed.",
        discussion: """
            By --certificate, serial and key are matched together, as an onboarding service must. A bare SERIAL \
            answers a person's question and identifies nobody. Exit code 0: listed; 1: not listed, revoked, \
            scrapped or replaced. A list of hashed serials needs --serial-key to be asked by serial; with --key alone \
            it answers for the key, and the serial is reported as not checked.
            """)

    @Argument(help: "The device's serial.") var serial: String?
    @Option(name: .long, help: "The device's certificate, in PEM.") var certificate: String?
    @Option(name: .long, help: "The product, where several use the same serial.") var product: String?
    @Option(name: .long, help: "SHA-256 of the device's SubjectPublicKeyInfo, in hex.") var key: String?
    @OptionGroup var serialKey: SerialKeyFileOptions
    @Option(name: .long, help: "Words for the journal, such as a ticket's number.") var reference: String?
    @OptionGroup var options: BundleOptions
    @OptionGroup var kept: KeptListOptions
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
        /// The entry of the device that took this one's place, and of the one whose place this one took.
        var replacedBy: UInt64?
        var replaces: UInt64?
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
        let journal = try kept.accept(reader, pins: pins)
        let answer: LookupAnswer
        var asked: (key: Digest32?, certificate: Digest32?) = (nil, nil)
        if let certificate {
            let der = try PEMFile.certificate(certificate)
            let received = try ReceivedCertificate(der: der)
            let digests = (Digest32.sha256(der), Digest32.sha256(received.subjectPublicKeyInfo))
            answer = try reader.lookup(certificate: digests.0, key: digests.1)
            asked = (digests.1, digests.0)
        } else {
            let digest = try key.map { text in
                guard let digest = Digest32(hex: text) else {
                    throw ValidationError("--key is 64 hexadecimal digits.")
                }
                return digest
            }
            answer = try reader.lookup(
                serial: serial ?? "", product: product, key: digest, serialKey: serialKey.resolve(options))
            asked.key = digest
        }
        // Recorded before it is said: what was answered is known even where nobody read it.
        try journal?.record(
            JournalDecision(
                answer, isAccepted: answer.status == .listed && answer.keyChecked,
                serial: answer.device?.serial ?? serial.map { .plain($0) }, key: asked.key,
                certificate: asked.certificate, reference: reference))
        let document = Document(
            status: answer.status.rawValue, reason: answer.reason, keyChecked: answer.keyChecked,
            serialChecked: answer.serialChecked,
            serial: answer.device?.serial.plainText
                ?? (answer.serialChecked || answer.device == nil ? serial : nil),
            product: answer.device?.product, run: answer.run, entryIndex: answer.entryIndex,
            replacedBy: answer.events.last(where: { $0.replacedBy != nil })?.replacedBy,
            replaces: answer.replaces,
            keyDigest: answer.device?.key.hex,
            certificateDigest: answer.device?.certificate.hex, rotates: answer.device?.rotates,
            treeSize: answer.checkpoint.size)
        if output.format == .json {
            try printJSON(document)
        } else {
            print(document.status + (document.reason.map { ": \($0)" } ?? ""))
            if let device = answer.device {
                print("  serial       \(answer.serialChecked ? serial ?? "" : "\(device.serial)")")
                print("  product      \(device.product)")
                print("  run          \(device.run)")
                print(
                    "  entry        \(answer.entryIndex.map { "\($0)" } ?? "") of \(answer.checkpoint.size)")
                if let prior = answer.replaces { print("  replaces     entry \(prior)") }
                print("  key SHA-256  \(device.key.hex)\(device.rotates ? "  (rotates)" : "")")
                if !answer.serialChecked, serial != nil {
                    Terminal.say(
                        "The serial was not checked: this list has hashed serials. Give --serial-key.")
                }
                if !answer.keyChecked {
                    Terminal.say("The key was not checked: accept a device by serial and key together.")
                }
            }
        }
        if answer.status != .listed { throw ExitCode(1) }
    }
}
