import Allowlist
import ArgumentParser
import TransparencyLog

struct AllowlistVerifyReceiptCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-receipt", abstract: "Check a receipt, or a proof of absence, by what is pinned.",
        discussion: """
            Needs neither the list nor a network: the pinned origin and log key, and the pinned witnesses where there \
            are any. Name the device by --certificate, or by --key and --serial: a receipt can be copied from \
            another device. The answer also says what the proof cannot know. Exit code 0: proven; 1: not.
            """)

    @Argument(help: "The receipt or the proof of absence.") var file: String
    @Option(name: .long, help: "The device's certificate, in PEM.") var certificate: String?
    @Option(name: .long, help: "SHA-256 of the device's SubjectPublicKeyInfo, in hex.") var key: String?
    @Option(name: .long, help: "The serial that the device gives.") var serial: String?
    @Option(name: .long, help: "The product that the device must be of.") var product: String?
    @OptionGroup var serialKey: SerialKeyFileOptions
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Witness: Encodable {
            var name: String
            var time: String
        }
        struct Limit: Encodable {
            var code: String
            var text: String
        }
        var version = 1
        var verified = true
        /// `listed`, or `absent` for a proof of absence.
        var status: String
        var keyChecked: Bool
        var serialChecked: Bool
        var certificateChecked: Bool
        var serial: String?
        /// The hashed serial, where the log lists such.
        var serialDigest: String?
        var product: String?
        var run: String?
        var entryIndex: UInt64?
        var keyDigest: String?
        var certificateDigest: String?
        var notAfter: String?
        var rotates: Bool?
        var origin: String
        var treeSize: UInt64
        var root: String
        var witnesses: [Witness]
        /// What the proof cannot show.
        var notShown: [Limit]
    }

    func validate() throws {
        guard certificate == nil || key == nil else {
            throw ValidationError("--certificate has the key: leave --key out.")
        }
        guard serial == nil || certificate != nil || key != nil else {
            throw ValidationError("A serial alone identifies nobody: give --certificate or --key, too.")
        }
    }

    func run() throws {
        let pins = try options.resolvePins()
        let bytes = try readFile(file)
        let document: Document
        if AbsenceProof.isLikely(bytes) {
            document = Self.document(
                of: try AbsenceProof(parsing: bytes).verify(
                    pins: pins, device: presented(), serialKey: serialKey.read()))
        } else {
            document = Self.document(
                of: try Receipt(parsing: bytes).verify(
                    pins: pins, device: presented(), serialKey: serialKey.read()))
        }
        if output.format == .json { return try printJSON(document) }
        show(document)
    }

    private func presented() throws -> PresentedDevice? {
        if let certificate {
            let file = try DeviceCertificateFile(certificate)
            return PresentedDevice(key: file.key, certificate: file.digest, serial: serial, product: product)
        }
        return try key.map { PresentedDevice(key: try keyDigest($0), serial: serial, product: product) }
    }

    private static func document(of answer: ReceiptAnswer) -> Document {
        let device = answer.device
        return Document(
            status: "listed", keyChecked: answer.keyChecked, serialChecked: answer.serialChecked,
            certificateChecked: answer.certificateChecked, serial: device.serial.plainText,
            serialDigest: device.serial.plainText == nil ? device.serial.indexHash.hex : nil,
            product: device.product,
            run: device.run, entryIndex: answer.entryIndex, keyDigest: device.key.hex,
            certificateDigest: device.certificate.hex, notAfter: timeText(Int64(clamping: device.notAfter)),
            rotates: device.rotates, origin: answer.checkpoint.origin, treeSize: answer.checkpoint.size,
            root: answer.checkpoint.root.hex, witnesses: witnesses(answer.cosigned),
            notShown: limits(answer.limits))
    }

    private static func document(of answer: AbsenceAnswer) -> Document {
        var document = Document(
            status: "absent", keyChecked: false, serialChecked: false, certificateChecked: false,
            origin: answer.checkpoint.origin, treeSize: answer.checkpoint.size,
            root: answer.checkpoint.root.hex, witnesses: witnesses(answer.cosigned),
            notShown: limits(answer.limits))
        switch answer.subject {
        case .key(let digest):
            document.keyDigest = digest.hex
            document.keyChecked = answer.deviceChecked
        case .serial(let serial):
            document.serial = serial.plainText
            document.serialDigest = serial.plainText == nil ? serial.indexHash.hex : nil
            document.serialChecked = answer.deviceChecked
        }
        return document
    }

    private static func witnesses(_ cosigned: [WitnessQuorum.Cosigned]) -> [Document.Witness] {
        cosigned.map { .init(name: $0.witness, time: timeText(Int64(clamping: $0.time))) }
    }

    private static func limits(_ limits: [ProofLimit]) -> [Document.Limit] {
        limits.map { .init(code: $0.rawValue, text: $0.text) }
    }

    private func show(_ document: Document) {
        print(document.status)
        func line(_ name: String, _ value: String?) {
            if let value {
                print("  \(name)\(String(repeating: " ", count: max(1, 13 - name.count)))\(value)")
            }
        }
        line("serial", document.serial ?? document.serialDigest.map { "hashed, \($0)" })
        line("product", document.product)
        line("run", document.run)
        line("key SHA-256", document.keyDigest.map { $0 + (document.rotates == true ? "  (rotates)" : "") })
        line("not after", document.notAfter)
        let place = document.entryIndex.map { "entry \($0) of " } ?? ""
        line("in", "\(place)\(document.treeSize) entries of \(document.origin)")
        for witness in document.witnesses { line("cosigned", "\(witness.name), \(witness.time)") }
        print("It does not show:")
        for limit in document.notShown { print("  - \(limit.text)") }
        let isCompared = document.keyChecked || document.serialChecked
        if !isCompared {
            Terminal.say(
                document.status == "listed"
                    ? "No device was named: a receipt can be copied, so compare the key of the device before you."
                    : "No device was named: compare what is absent with the device before you.")
        }
    }
}
