import Allowlist
import Certificates
import Foundation
import Logging
import Manifests
import PKCS11
import RunLedger
import RunTelemetry
import Sites
import TokenKeys

/// The making of a run's devices: rows to workers, finished chunks to package, ledger and log in row order.
final class DeviceMaking {
    private let driver: RunDriver
    private let plan: RunPlan
    private let folder: RunFolder
    private let log: RunLog
    private let limits: WorkerLimits
    private let chunkRows: Int
    /// Chunks reserved and not recorded, at most.
    private let chunksInHand: Int
    private let certificates: DeviceCertificatePlan
    private let adds: PreparedAdds
    private let rows: ManifestRows
    private let run: String
    /// The first row not recorded; everything before it is.
    private var nextToRecord: Int
    /// Chunks made and waiting for one before them.
    private var finished: [Int: MadeChunk] = [:]
    /// One a session of a worker.
    private var keptTransportKeys: Set<[UInt8]> = []
    private var isStopping = false
    /// Why no more rows can be begun; thrown when those in hand are recorded.
    private var obstacle: LedgerError?
    private let logger = Logger(label: "rootline.run")

    init(
        driver: RunDriver, plan: RunPlan, record: RunRecord, folder: RunFolder, log: RunLog,
        limits: WorkerLimits, wrapping: KeyWrapping?
    ) throws {
        self.driver = driver
        self.plan = plan
        self.folder = folder
        self.log = log
        self.limits = limits
        run = record.run.id
        certificates = try plan.certificates(notBefore: record.run.notBefore)
        adds = try log.prepared(certificates)
        nextToRecord = try driver.ledger.nextRow(run: run)
        rows = try plan.rows.rows(from: nextToRecord)
        // A crash burns all that is in hand: never more than half of the losses that are still allowed.
        let allowedLosses = record.remainingAllowance - (record.run.quantity - nextToRecord)
        guard allowedLosses >= 0 else {
            throw LedgerError(
                .allowanceSpent, run,
                "\(record.run.quantity - nextToRecord) devices are missing, and \(record.remainingAllowance) more certificates are authorised",
                hint: "Losses used the allowance up: the approvers must authorise another run for the rest.")
        }
        let share = allowedLosses / (2 * 2 * limits.workers * limits.sessions)
        chunkRows = allowedLosses == 0 ? limits.chunkRows : max(1, min(limits.chunkRows, share))
        chunksInHand = allowedLosses == 0 ? .max : max(1, allowedLosses / (2 * chunkRows))
        setUp = WorkerSetUp(
            driver: driver, plan: plan, record: record, wrapping: wrapping, curve: certificates.curve,
            limits: limits, delivery: try driver.deliverySetUp(plan))
    }

    private let setUp: WorkerSetUp

    /// Makes every row that is missing; throws `interrupted` after a signal, when what was begun is recorded.
    func makeAll() throws {
        guard nextToRecord < plan.manifest.quantity else { return }
        let signals = try StopSignals()
        let pool = try WorkerPool(
            executable: driver.executable, setUp: setUp, pin: driver.pin,
            columns: plan.workerColumns(certificates), limits: limits, signals: signals,
            lockLogin: { [site = driver.site] in try site.lockForLogin() })
        defer { pool.end() }
        for _ in 0..<min(pool.capacity, chunksInHand) {
            guard let chunk = try nextChunk(), try reserve(chunk) else { break }
            pool.give(chunk)
        }
        while !(pool.isIdle && finished.isEmpty) {
            let events = try pool.wait()
            driver.monitor.tick()
            for event in events {
                switch event {
                case .made(let made):
                    finished[made.firstRow] = made
                case .lost(let chunks, let reason):
                    driver.monitor.workerLost(reason)
                    driver.notice("A worker was replaced: \(reason)")
                    for chunk in chunks {
                        if let again = try replacement(for: chunk) { pool.give(again) }
                    }
                case .stopRequested:
                    isStopping = true
                    driver.notice("Stopping when the rows in hand are recorded…")
                case .notice(let text):
                    driver.notice(text)
                }
            }
            while let made = takeFinished() {
                var next: [WorkChunk] = []
                while !isStopping, next.count < made.count, let chunk = try nextChunk() { next.append(chunk) }
                for chunk in try record(made, reservingNext: next) { pool.give(chunk) }
            }
            // A gap before the finished chunks: what stands behind it cannot be recorded in row order.
            if obstacle != nil, pool.isIdle { break }
        }
        if let obstacle { throw obstacle }
        if isStopping, nextToRecord < plan.manifest.quantity {
            throw RunError(
                .interrupted, run, "stopped with \(nextToRecord) of \(plan.manifest.quantity) devices made",
                hint: "rootline run resume \(run)")
        }
    }

    private func nextChunk() throws -> WorkChunk? {
        let batch = try rows.next(chunkRows)
        guard let first = batch.first else { return nil }
        return WorkChunk(
            firstRow: first.index,
            rows: zip(batch, CertificateSerialNumber.draw(batch.count)).map { row, number in
                WorkChunk.Row(
                    certificateSerialNumber: number, values: plan.workerValues(row, certificates),
                    request: row.request ?? [])
            })
    }

    private func reservation(of chunk: WorkChunk) -> Reservation {
        Reservation(
            firstRow: chunk.firstRow,
            certificateSerialNumbers: chunk.rows.map(\.certificateSerialNumber.bytes))
    }

    /// Burns what a lost worker had in hand, and reserves the same rows under new serial numbers; nil where the
    /// allowance does not reach for that.
    private func replacement(for chunk: WorkChunk) throws -> WorkChunk? {
        driver.monitor.burned(try driver.ledger.burn(firstRow: chunk.firstRow, run: run))
        logger.warning(
            "rows burned",
            metadata: ["run": "\(run)", "firstRow": "\(chunk.firstRow)", "rows": "\(chunk.rows.count)"])
        let again = WorkChunk(
            firstRow: chunk.firstRow,
            rows: chunk.rows.map {
                WorkChunk.Row(
                    certificateSerialNumber: CertificateSerialNumber(), values: $0.values,
                    request: $0.request)
            })
        return try reserve(again) ? again : nil
    }

    /// Reserves a chunk; false where the allowance does not reach for it.
    private func reserve(_ chunk: WorkChunk) throws -> Bool {
        do {
            try driver.ledger.reserve(reservation(of: chunk), run: run)
            return true
        } catch {
            guard error.code == .allowanceSpent else { throw error }
            stop(because: error)
            return false
        }
    }

    private func stop(because error: LedgerError) {
        obstacle = obstacle ?? error
        isStopping = true
    }

    /// The finished chunks that join what is recorded, in row order; nil where there is none.
    private func takeFinished() -> [MadeChunk]? {
        var made: [MadeChunk] = []
        var next = nextToRecord
        while made.count < DeviceMaking.chunksAtOnce, let chunk = finished.removeValue(forKey: next) {
            made.append(chunk)
            next += chunk.devices.count
        }
        return made.isEmpty ? nil : made
    }

    private func joined(_ made: [MadeChunk]) -> [UInt8] {
        if made.count == 1 { return made[0].package }
        var lines: [UInt8] = []
        lines.reserveCapacity(made.reduce(0) { $0 + $1.package.count })
        for chunk in made { lines.append(contentsOf: chunk.package) }
        return lines
    }

    /// Chunks that are recorded together at most: 64 of 256 devices are some 25 MB.
    private static let chunksAtOnce = 64

    /// Transport keys and package flushed, ledger committed, package shown, log grown: in this order, so that each
    /// later thing only ever speaks of what the earlier ones hold.
    ///
    /// Answers which of `next` are reserved now: a spent allowance must not cost the devices that are made.
    private func record(_ made: [MadeChunk], reservingNext next: [WorkChunk]) throws -> [WorkChunk] {
        let firstRow = made[0].firstRow
        let package = PackageChunk(folder: folder.packages, firstRow: firstRow)
        // No transport key stands where devices made their keys.
        for chunk in made where keptTransportKeys.insert(chunk.transportKey).inserted {
            guard !chunk.transportKey.isEmpty else { continue }
            try folder.keep(transportKey: chunk.transportKey)
        }
        try package.prepare(joined(made))
        let devices = try DeviceChunk(joining: made.map(\.devices))
        var reserved = next
        do {
            try driver.ledger.record(
                devices, firstRow: firstRow, run: run, reservingNext: next.map(reservation))
        } catch {
            guard error.code == .allowanceSpent else { throw error }
            try driver.ledger.record(devices, firstRow: firstRow, run: run, reservingNext: [])
            stop(because: error)
            reserved = []
        }
        try package.publish()
        try log.append(devices, adds)
        logger.debug(
            "chunk recorded",
            metadata: ["run": "\(run)", "firstRow": "\(firstRow)", "rows": "\(devices.count)"])
        nextToRecord += devices.count
        driver.monitor.recorded(
            devices.count, latency: made.reduce(into: LatencyHistogram()) { $0.merge($1.latency) })
        return reserved
    }
}
