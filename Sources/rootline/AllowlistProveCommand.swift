import Allowlist
import ArgumentParser
import Foundation
import ProductionRun
import TransparencyLog

struct AllowlistProveCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Make a receipt that a device carries, or a proof of its absence.",
        discussion: """
            A receipt (C2SP tlog-proof) shows whoever pinned the log that a device is listed, without the list. It \
            is made for a device that is listed now: it cannot say later that the device was revoked. With \
            --absent, the proof shows the neighbours between which the device would stand in the log's index. \
            With --run, every device of a run that is still listed gets its receipt, in a new folder. Exit code 0: \
            made; 1: not listed, revoked, scrapped or replaced, or, with --absent, listed.
            """)

    @Argument(help: "The device's serial.") var serial: String?
    @Option(name: .long, help: "The device's certificate, in PEM.") var certificate: String?
    @Option(name: .long, help: "SHA-256 of the device's SubjectPublicKeyInfo, in hex.") var key: String?
    @Option(name: .long, help: "The product, where several use the same serial.") var product: String?
    @Option(name: .customLong("run"), help: "Every device of this run instead of one.") var runName: String?
    @Flag(name: .long, help: "Prove that no device with this key or serial is listed.") var absent = false
    @Flag(name: .long, help: "Put every cosignature into a receipt, however long it becomes.")
    var allCosignatures = false
    @Option(
        name: .long,
        help:
            "The new file, or - for standard output (default: the serial with .tlog-proof); with --run a folder."
    )
    var out: String?
    @OptionGroup var serialKey: SerialKeyFileOptions
    @OptionGroup var options: BundleOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        /// Nil where the proof went to standard output.
        var file: String?
        var bytes: Int
        var absent: Bool
        var serial: String?
        var product: String?
        var entryIndex: UInt64?
        var keyDigest: String?
        var treeSize: UInt64
        var root: String
    }

    struct RunDocument: Encodable {
        var version = 1
        var run: String
        var folder: String
        var receipts: UInt64
        var withdrawn: UInt64
        /// Receipts of more octets than a device is meant to carry.
        var overlong: UInt64
        var receiptsPerSecond: UInt64
        var treeSize: UInt64
        var root: String
    }

    func validate() throws {
        if runName != nil {
            guard serial == nil, certificate == nil, key == nil, !absent else {
                throw ValidationError("--run names all devices of a run: name no single one.")
            }
            guard let out, out != "-" else { throw ValidationError("Name the new folder with --out DIR.") }
            return
        }
        let named = [serial, certificate, key].filter { $0 != nil }.count
        guard named == 1 || (named == 2 && certificate == nil && !absent) else {
            throw ValidationError("Name a device: SERIAL, --certificate FILE, or --key HEX.")
        }
        guard out != "-" || output.format == .text else {
            throw ValidationError("--out - writes the proof itself: there is no place for JSON.")
        }
    }

    func run() throws {
        let (bundle, pins) = try options.resolve()
        let reader = try BundleReader(in: bundle, pins: pins)
        if let runName { return try proveAll(of: runName, reader) }
        if absent { return try proveAbsent(reader) }
        let answer = try lookUp(in: reader)
        guard answer.status == .listed, let index = answer.entryIndex, let device = answer.device else {
            return try refuse(answer)
        }
        let receipt = try reader.receipt(forEntryAt: index, cosignatures: choice)
        if !receipt.isOfIntendedLength {
            Terminal.say(
                "warning: the receipt has \(receipt.bytes.count) octets, more than the \(Receipt.intendedLength) a device is meant to carry"
            )
        }
        try put(
            receipt.bytes, name: "\(fileName(serial ?? device.serial.fileText)).\(TLogProof.fileExtension)",
            Document(
                bytes: receipt.bytes.count, absent: false, serial: device.serial.plainText ?? serial,
                product: device.product,
                entryIndex: index, keyDigest: device.key.hex, treeSize: reader.checkpoint.size,
                root: reader.checkpoint.root.hex))
    }

    private var choice: ReceiptMaker.Cosignatures { allCosignatures ? .all : .thatFit }

    private func lookUp(in reader: BundleReader) throws -> LookupAnswer {
        if let certificate {
            let file = try DeviceCertificateFile(certificate)
            return try reader.lookup(certificate: file.digest, key: file.key)
        }
        let digest = try key.map { try keyDigest($0) }
        if serial == nil, let digest { return try reader.lookup(key: digest, product: product) }
        return try reader.lookup(
            serial: serial ?? "", product: product, key: digest, serialKey: serialKey.resolve(options))
    }

    /// The list says no: that is the answer, and no receipt is made.
    private func refuse(_ answer: LookupAnswer) throws {
        let reason = answer.status.rawValue + (answer.reason.map { ": \($0)" } ?? "")
        throw AllowlistError(
            .receiptDevice, index: answer.entryIndex, "no receipt is made: \(reason)",
            hint: "A receipt is for a device that is listed; `allowlist lookup` says more.")
    }

    private func proveAbsent(_ reader: BundleReader) throws {
        let subject: AbsenceProof.Subject
        let name: String
        if let certificate {
            let file = try DeviceCertificateFile(certificate)
            (subject, name) = (.key(file.key), "key-\(file.key.hex.prefix(16))")
        } else if let key {
            let digest = try keyDigest(key)
            (subject, name) = (.key(digest), "key-\(digest.hex.prefix(16))")
        } else {
            subject = try reader.subject(serial: serial ?? "", serialKey: serialKey.resolve(options))
            name = fileName(serial ?? "")
        }
        let proof = try reader.absenceProof(of: subject)
        let keyDigest: String? = if case .key(let digest) = subject { digest.hex } else { nil }
        try put(
            proof.bytes, name: "\(name).absence.json",
            Document(
                bytes: proof.bytes.count, absent: true, serial: keyDigest == nil ? serial : nil,
                keyDigest: keyDigest, treeSize: reader.checkpoint.size, root: reader.checkpoint.root.hex))
    }

    private func put(_ bytes: [UInt8], name: String, _ document: Document) throws {
        var document = document
        let path = out ?? name
        if path == "-" {
            guard Terminal.put(bytes, to: 1) else {
                throw RunError(.io, "standard output", String(cString: strerror(errno)))
            }
            return
        }
        try NewFile.write(bytes, to: path)
        document.file = path
        if output.format == .json { return try printJSON(document) }
        print("written  \(path)")
        let subject =
            document.entryIndex.map { "entry \($0) of" }
            ?? "no device with this \(document.keyDigest == nil ? "serial" : "key") in"
        print("  \(bytes.count) octets: \(subject) \(document.treeSize) entries")
    }

    private func proveAll(of run: String, _ reader: BundleReader) throws {
        let folder = out ?? ""
        try NewFile.makeFolder(folder)
        let progress = ProgressLine(unit: "entries read")
        let start = ContinuousClock.now
        var overlong: UInt64 = 0
        let counts = try reader.receipts(
            ofRun: run, cosignatures: choice,
            progress: { progress.show(Int($0), of: Int($1)) },
            visit: { device, receipt in
                let bytes = receipt.bytes
                if bytes.count > Receipt.intendedLength { overlong += 1 }
                let name = "\(fileName(device.serial.fileText)).\(TLogProof.fileExtension)"
                try NewFile.write(bytes, to: "\(folder)/\(name)")
            })
        progress.end()
        let seconds = Double(start.duration(to: .now) / .milliseconds(1)) / 1000
        let document = RunDocument(
            run: run, folder: folder, receipts: counts.made, withdrawn: counts.withdrawn, overlong: overlong,
            receiptsPerSecond: seconds > 0 ? UInt64(Double(counts.made) / seconds) : 0,
            treeSize: reader.checkpoint.size, root: reader.checkpoint.root.hex)
        if overlong > 0 {
            Terminal.say(
                "warning: \(Int(overlong).grouped) receipts have more than \(Receipt.intendedLength) octets")
        }
        if output.format == .json { return try printJSON(document) }
        print("written  \(folder)")
        print(
            "  \(Int(counts.made).grouped) receipts of run \(run)"
                + (counts.withdrawn > 0
                    ? ", \(Int(counts.withdrawn).grouped) devices left out: revoked, scrapped or replaced"
                    : "")
        )
    }

    /// A serial as a file's name: what is neither a letter, a digit nor one of `._-` is percent-encoded, and so is a
    /// dot at the beginning.
    private func fileName(_ serial: String) -> String {
        var name = ""
        for byte in serial.utf8 {
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || byte == 0x2d || byte == 0x5f || (byte == 0x2e && !name.isEmpty)
            name += isPlain ? String(UnicodeScalar(byte)) : "%" + [byte].hex.uppercased()
        }
        return name
    }
}

extension ListedSerial {
    /// The serial, or the hexadecimal digits of its hash.
    fileprivate var fileText: String {
        switch self {
        case .plain(let serial): serial
        case .hashed(let hash): hash.hex
        }
    }
}
