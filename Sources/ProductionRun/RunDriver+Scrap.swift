import Allowlist
import AllowlistPublication
import Foundation
import RunLedger
import Sites
import TransparencyLog

/// A device to scrap, revoke or replace, as a person names it.
public struct DeviceRequest: Hashable, Sendable {
    public var serial: String
    /// Needed where several products have a released device with this serial.
    public var product: String?
    /// The run that made it; a device of another run is refused.
    public var run: String?

    public init(serial: String, product: String? = nil, run: String? = nil) {
        self.serial = serial
        self.product = product
        self.run = run
    }
}

/// What `run scrap` did.
public struct ScrapOutcome: Sendable {
    public struct Device: Sendable {
        public let serial: String
        public let product: String
        public let run: String
        public let certificateSerialNumber: [UInt8]
        /// Seconds UTC.
        public let scrappedAt: Int64
        /// Whether it was scrapped before, for the same reason: nothing was changed.
        public let isEarlier: Bool
        /// Whether the published log has it; a device of a run that is not sealed enters it with the seal.
        public let isPublished: Bool
    }
    public let devices: [Device]
    /// The published log's entries.
    public let treeSize: UInt64
}

extension RunDriver {
    /// Takes released devices out of the books: their certificates are revoked and their serials are free again.
    ///
    /// All are checked first, and all are scrapped or none. The ledger has them, durably, before the log is told; a
    /// command that was killed between the two is completed by the next one that opens the log.
    ///
    /// - Throws: `LedgerError` `deviceUnknown`; `RunError` `manifestRefused` where a request is ambiguous or names
    ///   another run, `wrongState` where a device was scrapped before for another reason, `unfinished` where a run
    ///   must be resumed first.
    public func scrap(
        _ requests: [DeviceRequest], reason: String, revocation: ScrapRevocation
    ) throws -> ScrapOutcome {
        let runs = try ledger.runs()
        if let run = runs.first(where: { $0.state == .opening || $0.state == .sealing }) {
            throw RunError(
                .unfinished, run.run.id, "this run was stopped while it was opened or sealed",
                hint: "rootline run resume \(run.run.id)")
        }
        let writer = try openLog()
        let now = Int64(Date().timeIntervalSince1970)
        var orders: [ScrapOrder] = []
        var records: [(record: DeviceRecord, scrappedAt: Int64, isEarlier: Bool)] = []
        var scrapped: [String: [ScrappedDevice]] = [:]
        for request in requests {
            let record = try device(request)
            switch record.state {
            case .released:
                try requireNotReplaced(record)
                orders.append(
                    ScrapOrder(
                        serial: request.serial, product: record.product, reason: reason,
                        revocation: revocation, at: now))
                records.append((record, now, false))
            case .scrapped(let before, let at):
                // Repeated after it was killed, or with a list of which some were done.
                let known = try scrapped[record.run] ?? ledger.scraps(run: record.run)
                scrapped[record.run] = known
                let revoked = known.first {
                    $0.record.chunk == record.chunk && $0.record.position == record.position
                }?.revocation
                guard before == reason, revoked == revocation else {
                    throw RunError(
                        .wrongState, request.serial,
                        "it was scrapped at \(Date(timeIntervalSince1970: TimeInterval(at)).ISO8601Format()): "
                            + "\(before)",
                        hint: "Nothing was changed. What log and revocation list say of it stays.")
                }
                records.append((record, at, true))
            }
        }
        guard Set(orders.map { [$0.product, $0.serial] }).count == orders.count else {
            throw RunError(.manifestRefused, "serials", "a device is named twice; nothing was changed")
        }
        try ledger.scrap(orders)
        try publishScraps(writer)
        let sealed = Set(try ledger.runs().filter { $0.state == .sealed }.map(\.run.id))
        let devices = records.map { record, scrappedAt, isEarlier in
            ScrapOutcome.Device(
                serial: record.device.serial, product: record.product, run: record.run,
                certificateSerialNumber: record.device.certificateSerialNumber, scrappedAt: scrappedAt,
                isEarlier: isEarlier, isPublished: sealed.contains(record.run))
        }
        return ScrapOutcome(devices: devices, treeSize: writer.published?.size ?? 0)
    }

    /// Throws where another device took this one's place: a second one under its serial could not take it, too.
    private func requireNotReplaced(_ record: DeviceRecord) throws {
        guard try self.record(record.run).state == .sealed else { return }
        let reader = try BundleReader(directory: site.log, pins: try PublishedLog(site).pins)
        let device = try PublishedDevice(record, in: reader)
        if let replacement = device.replacement {
            throw RunError(
                .wrongState, record.device.serial,
                "the device of entry \(replacement.replacedBy ?? 0) took its place: \(replacement.reason)",
                hint: "Nothing was changed. It is revoked already, and its serial stays its own.")
        }
    }

    /// The device that a request names: the released one, or else the one that was scrapped last.
    func device(_ request: DeviceRequest) throws -> DeviceRecord {
        var made = try ledger.devices(serial: request.serial, product: request.product)
        if let run = request.run { made.removeAll { $0.run != run } }
        guard let last = made.last else {
            let place =
                [request.product.map { "of product \($0)" }, request.run.map { "of run \($0)" }]
                .compactMap { $0 }.joined(separator: " ")
            throw LedgerError(
                .deviceUnknown, request.serial,
                "no device \(place)\(place.isEmpty ? "" : " ")has this serial",
                hint: "Nothing was changed. `rootline allowlist lookup` shows what the log has.")
        }
        let released = made.filter { $0.state == .released }
        let products = Set((released.isEmpty ? made : released).map(\.product)).sorted()
        guard products.count == 1 else {
            throw RunError(
                .manifestRefused, request.serial,
                "several products have it: \(products.joined(separator: ", "))",
                hint: "Nothing was changed. Say which one is meant: --product.")
        }
        return released.last ?? last
    }

    /// Puts what the ledger has scrapped of sealed runs, and the log is not known to have, into the log.
    ///
    /// Safe to repeat: what the log has already is not appended again.
    func publishScraps(_ writer: BundleWriter) throws {
        // The `open-run` of a run that was stopped while it opened has its place right behind the published entries.
        guard try !ledger.runs().contains(where: { $0.state == .opening }) else { return }
        guard try ledger.publishedScrapSize() <= writer.published?.size ?? 0 else {
            throw RunError(
                .inconsistent, site.log, "the ledger knows of scrapped devices in a larger log than this one",
                hint: "The log was restored from an older copy. Restore the newest, and find out why.")
        }
        let pending = try ledger.unpublishedScraps()
        guard !pending.isEmpty else { return }
        let reader = try BundleReader(directory: site.log, pins: try PublishedLog(site).pins)
        let entries = ScrapEntries(writer: writer, ledger: ledger)
        for scrap in pending {
            let (index, isRevoked, isScrapped) = try ScrapEntries.published(scrap.record, in: reader)
            try entries.append(scrap, addedAt: index, isRevoked: isRevoked, isScrapped: isScrapped)
        }
        if writer.size > writer.published?.size ?? 0 { try keys.publish(writer) }
        try ledger.markPublished(pending, logSize: writer.size)
    }
}
