import Allowlist
import AllowlistPublication
import Certificates
import RunLedger
import Sites
import TransparencyLog

/// A device that is in the published log, and what is known of it.
struct PublishedDevice {
    /// nil where only the certificate is known and the log has hashed serials.
    let serial: String?
    let answer: LookupAnswer
    let device: AllowlistEntry.Add
    /// The index of its `add`.
    let index: UInt64

    /// How people call it.
    var name: String { serial ?? "the certificate \(device.certificateSerial.hexText)" }

    private init(_ answer: LookupAnswer, serial: String?) throws {
        guard let device = answer.device, let index = answer.entryIndex else {
            throw LedgerError(.deviceUnknown, serial ?? "certificate", "the log does not list it")
        }
        (self.answer, self.device, self.index, self.serial) = (answer, device, index, serial)
    }

    /// The device of a ledger's record.
    init(_ record: DeviceRecord, in reader: BundleReader) throws {
        guard let certificate = Digest32(record.device.certificateDigest),
            let key = Digest32(record.device.publicKeyDigest),
            case let answer = try reader.lookup(certificate: certificate, key: key), answer.entryIndex != nil
        else {
            throw RunError(
                .inconsistent, record.device.serial,
                "the ledger has this device of run \(record.run), and the log does not",
                hint: "The log was lost or restored from an older copy. Restore the newest, and find out why."
            )
        }
        try self.init(answer, serial: record.device.serial)
    }

    /// The device with this certificate in DER; `file` names it in errors.
    init(certificate der: [UInt8], file: String, in reader: BundleReader) throws {
        let key = try ReceivedCertificate(der: der).subjectPublicKeyInfo
        let answer = try reader.lookup(certificate: Digest32.sha256(der), key: Digest32.sha256(key))
        guard answer.entryIndex != nil else {
            throw LedgerError(
                .deviceUnknown, file, answer.reason ?? "the log does not list a device with this certificate",
                hint: "Nothing was changed. A burned certificate is revoked already; `run crl` lists it.")
        }
        try self.init(answer, serial: answer.device?.serial.plainText)
    }

    /// The `revoke` that stands, which is the first: what log and revocation list say of a certificate never changes.
    var revocation: LookupAnswer.Event? { answer.events.first { $0.status == .revoked } }

    /// The `replace` that put another device in this one's place.
    var replacement: LookupAnswer.Event? { answer.events.first { $0.status == .replaced } }
}

extension RunDriver {
    /// The released device of a sealed run that a person names; the published log has it.
    func published(_ request: DeviceRequest, in reader: BundleReader) throws -> (
        PublishedDevice, DeviceRecord
    ) {
        let record = try device(request)
        guard try self.record(record.run).state == .sealed else {
            throw RunError(
                .wrongState, request.serial,
                "its run \(record.run) is not sealed: the log does not list the device yet",
                hint:
                    "A device that has not left the line is scrapped: rootline run scrap \(request.serial) --reason …"
            )
        }
        return (try PublishedDevice(record, in: reader), record)
    }

    /// Opens the log to append to what is published, where no run is halfway in or out of it.
    func openPublishedLog() throws -> (writer: BundleWriter, reader: BundleReader) {
        let runs = try ledger.runs()
        if let run = runs.first(where: { $0.state == .opening || $0.state == .sealing }) {
            throw RunError(
                .unfinished, run.run.id, "this run was stopped while it was opened or sealed",
                hint: "rootline run resume \(run.run.id)")
        }
        let writer = try openLog()
        guard writer.published != nil else {
            throw RunError(
                .wrongState, site.log, "nothing was published yet", hint: "No run was started here yet.")
        }
        return (writer, try BundleReader(directory: site.log, pins: try PublishedLog(site).pins))
    }

    /// Publishes what was appended, and remembers how large the log is since: a smaller one lacks it.
    func publishEvents(_ writer: BundleWriter) throws {
        try keys.publish(writer)
        try ledger.noteLogSize(writer.size)
    }

    /// Throws where the log is smaller than it was after an event that the ledger has no other word of.
    func requireNotedSize(of writer: BundleWriter) throws {
        guard try ledger.notedLogSize() <= writer.published?.size ?? 0 else {
            throw RunError(
                .inconsistent, site.log,
                "devices were revoked or replaced in a larger log than this one",
                hint: "The log was restored from an older copy. Restore the newest, and find out why.")
        }
    }
}
