import Allowlist
import AllowlistPublication
import RunLedger
import Sites
import TransparencyLog

/// What the log is told of scrapped devices: a `revoke`, then a `scrap`, so that a question about the device is
/// answered with the operator's words; a `replace` where another device took the serial over.
struct ScrapEntries {
    let writer: BundleWriter
    let ledger: any Ledger

    /// Appends what is missing of `revoke` and `scrap` for a device whose `add` is at `index`.
    func append(
        _ scrap: ScrappedDevice, addedAt index: UInt64, isRevoked: Bool = false, isScrapped: Bool = false
    ) throws {
        if !isRevoked {
            try writer.append(
                .revoke(
                    .init(
                        run: scrap.record.run,
                        reason: RevocationReason(rawValue: UInt64(scrap.revocation.rawValue)) ?? .unspecified,
                        effectiveAt: UInt64(scrap.at), subject: .device(index: index))))
        }
        if !isScrapped {
            try writer.append(
                .scrap(.init(index: index, reason: scrap.reason, scrappedAt: UInt64(scrap.at))))
        }
    }

    /// Appends what happened to the devices of a run that is about to be sealed, and to those whose serials it took
    /// over.
    ///
    /// - Parameters:
    ///   - firstAdd: where the run's `add` entries begin; they follow each other in the order of recording.
    ///   - published: the published log, for devices of earlier runs.
    func append(
        before seal: RunRecord, firstAdd: UInt64, at time: Int64, published: () throws -> BundleReader
    ) throws {
        let run = seal.run
        for scrap in try ledger.scraps(run: run.id) {
            try append(scrap, addedAt: try index(of: scrap.record, firstAdd: firstAdd))
        }
        var reader: BundleReader?
        for serial in try ledger.scrappedSerials(product: run.product) {
            let made = try ledger.devices(serial: serial, product: run.product)
            for (prior, new) in zip(made, made.dropFirst()) where new.run == run.id {
                let priorIndex: UInt64
                if prior.run == run.id {
                    priorIndex = try index(of: prior, firstAdd: firstAdd)
                } else {
                    let opened = try reader ?? published()
                    reader = opened
                    priorIndex = try ScrapEntries.published(prior, in: opened).index
                }
                guard case .scrapped(let reason, _) = prior.state else {
                    throw RunError(.inconsistent, serial, "two released devices have this serial")
                }
                try writer.append(
                    .replace(
                        .init(
                            priorIndex: priorIndex, newIndex: try index(of: new, firstAdd: firstAdd),
                            reason: reason, replacedAt: UInt64(time))))
            }
        }
    }

    /// Where the `add` of a device of the run in hand stands.
    private func index(of device: DeviceRecord, firstAdd: UInt64) throws -> UInt64 {
        let index = firstAdd + UInt64(try ledger.place(of: device))
        guard case .add(let entry) = try writer.entry(at: index),
            entry.certificate.bytes == device.device.certificateDigest
        else {
            throw RunError(
                .inconsistent, device.device.serial, "its entry is not where the order of recording puts it")
        }
        return index
    }

    /// Where the published log has a device, and which events of it.
    static func published(
        _ record: DeviceRecord, in reader: BundleReader
    ) throws -> (index: UInt64, isRevoked: Bool, isScrapped: Bool) {
        guard let certificate = Digest32(record.device.certificateDigest),
            let key = Digest32(record.device.publicKeyDigest),
            case let answer = try reader.lookup(certificate: certificate, key: key),
            let index = answer.entryIndex
        else {
            throw RunError(
                .inconsistent, record.device.serial,
                "the ledger has this device of run \(record.run), and the log does not",
                hint: "The log was lost or restored from an older copy. Restore the newest, and find out why."
            )
        }
        func has(_ status: LookupAnswer.Status) -> Bool { answer.events.contains { $0.status == status } }
        return (index, has(.revoked), has(.scrapped))
    }
}
