import Foundation
import Manifests
import RunLedger
import Sites
import TokenKeys

/// How a run ends that has made what it can.
public enum RunEnding: Sendable, Hashable {
    /// With its seal.
    case seal
    /// Made and not sealed: what is scrapped now can be made anew under the same authorisation.
    case keepOpen
    /// With its seal, without making what is missing.
    case close(reason: String?)

    var isClosing: Bool { if case .close = self { true } else { false } }
}

/// What `run rework` did.
public struct ReworkOutcome: Sendable {
    public struct Device: Sendable {
        public let row: Int
        public let serial: String
        /// What the station gets of it.
        public let package: String
    }
    public let run: String
    /// In the order in which they were made.
    public let devices: [Device]
    public let released: Int
    public let quantity: Int
    /// How many more certificates the authorisation allows.
    public let remainingAllowance: Int
}

extension RunDriver {
    /// Makes the scrapped devices of a run that is not sealed anew, each under a new key and certificate serial
    /// number, within the authorised quantity and spoilage.
    ///
    /// Killed anywhere, the next call goes on: what was reserved is burned, what was recorded is not made again. The
    /// log is told with the seal.
    ///
    /// - Parameter serials: which of them; all where it is nil.
    public func rework(_ id: String, serials: [String]?, manifest path: String?) throws -> ReworkOutcome {
        guard try ledger.run(id)?.state != .sealed else {
            throw RunError(
                .wrongState, id, "the run is sealed: nothing of it changes any more",
                hint: "What was scrapped since is made anew by a new run whose list has it.")
        }
        let (plan, record, folder, _) = try reopened(id, manifest: path)
        guard plan.manifest.keyOrigin == .token else {
            throw RunError(
                .wrongState, id, "devices made the keys of this run, and a key is certified once",
                hint: "Have the device make a new key, and give its request to a new run.")
        }
        guard record.state == .open else {
            throw RunError(
                .unfinished, id, "the run was stopped while it was opened or sealed",
                hint: "rootline run resume \(id)")
        }
        guard plan.manifest.keyOrigin == .token else {
            throw RunError(
                .manifestRefused, id, "its devices make their keys themselves: a new key needs a new request",
                hint: "Close the run, and give the scrapped rows with new requests to another one.")
        }
        _ = try openLog()
        try ledger.burn(firstRow: nil, run: id)
        let made = try ledger.nextRow(run: id)
        guard made == record.run.quantity else {
            throw RunError(
                .unfinished, id, "\(record.run.quantity - made) rows were not made yet",
                hint: "rootline run resume \(id) --keep-open")
        }
        try PackageChunk.reconcile(folder: folder.packages, recordedRows: made)
        try ReworkPackage.reconcile(folder: folder.packages, recorded: madeAnew(record))
        let rows = try rowsToRework(record, serials: serials)
        let current = try self.record(id)
        guard rows.count <= current.remainingAllowance else {
            throw LedgerError(
                .allowanceSpent, id,
                "\(rows.count) devices are to be made anew, and \(current.remainingAllowance) more certificates are authorised",
                hint: "Name those that matter with --serial, or close the run and have another one approved.")
        }
        let devices = try Reworking(
            driver: self, plan: plan, record: current, folder: folder,
            wrapping: wrapping(for: plan)
        ).make(rows: rows)
        let after = try self.record(id)
        return ReworkOutcome(
            run: id, devices: devices, released: after.released, quantity: after.run.quantity,
            remainingAllowance: after.remainingAllowance)
    }

    /// How many devices of the run were recorded beyond its rows.
    func madeAnew(_ record: RunRecord) -> Int {
        max(0, record.released + record.scrapped - record.run.quantity)
    }

    /// The rows whose devices are all scrapped, ascending.
    private func rowsToRework(_ record: RunRecord, serials: [String]?) throws -> [Int] {
        var rows: [String: Int] = [:]
        for scrap in try ledger.scraps(run: record.run.id) {
            rows[scrap.record.device.serial] = scrap.record.device.row
        }
        for serial in rows.keys {
            let made = try ledger.devices(serial: serial, product: record.run.product)
            if made.contains(where: { $0.state == .released }) { rows[serial] = nil }
        }
        if let serials {
            for serial in serials where rows[serial] == nil {
                throw RunError(
                    .manifestRefused, serial, "no scrapped device of run \(record.run.id) has this serial",
                    hint: "Nothing was made. Scrap it first: rootline run scrap \(serial) --reason …")
            }
            return Set(serials).compactMap { rows[$0] }.sorted()
        }
        return rows.values.sorted()
    }
}
