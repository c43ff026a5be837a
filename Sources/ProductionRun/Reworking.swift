import Certificates
import Foundation
import Manifests
import PKCS11
import RunLedger
import Sites
import TokenKeys

/// Makes single rows of a run anew, one after another on one worker: reserved, made, recorded, shown.
///
/// The steps and their order are those of every device (``DeviceMaking``); only the rows stand alone.
struct Reworking {
    let driver: RunDriver
    let plan: RunPlan
    let record: RunRecord
    let folder: RunFolder
    let wrapping: KeyWrapping?

    private var run: String { record.run.id }

    /// Makes these rows, in this order; throws `interrupted` after a signal, when the one in hand is recorded.
    func make(rows: [Int]) throws -> [ReworkOutcome.Device] {
        guard !rows.isEmpty else { return [] }
        let limits = WorkerLimits(workers: 1, sessions: 1, quantity: 1)
        let certificates = try plan.certificates(notBefore: record.run.notBefore)
        let signals = try StopSignals()
        let pool = try WorkerPool(
            executable: driver.executable,
            setUp: WorkerSetUp(
                driver: driver, plan: plan, record: record, wrapping: wrapping,
                curve: certificates.curve, limits: limits,
                delivery: try driver.deliverySetUp(plan)),
            pin: driver.pin, columns: plan.workerColumns(certificates), limits: limits, signals: signals,
            lockLogin: { [site = driver.site] in try site.lockForLogin() })
        defer { pool.end() }
        var number = driver.madeAnew(record)
        var made: [ReworkOutcome.Device] = []
        var isStopping = false
        for row in rows {
            if isStopping {
                throw RunError(
                    .interrupted, run, "stopped with \(made.count) of \(rows.count) devices made anew",
                    hint: "rootline run rework \(run)")
            }
            number += 1
            let package = ReworkPackage(folder: folder.packages, number: number, row: row)
            let (chunk, device) = try make(row: row, certificates, pool, isStopping: &isStopping)
            try record(chunk, device, package)
            made.append(
                ReworkOutcome.Device(row: row, serial: chunk.rows[0].serial, package: package.path))
            if made.count.isMultiple(of: 100) { driver.notice("\(made.count) of \(rows.count) made anew") }
        }
        return made
    }

    /// Has the worker make one row; what a lost worker had in hand is burned and begun again.
    private func make(
        row: Int, _ certificates: DeviceCertificatePlan, _ pool: WorkerPool, isStopping: inout Bool
    ) throws -> (WorkChunk, MadeChunk) {
        guard let listed = try plan.rows.rows(from: row).next(1).first else {
            throw RunError(.inconsistent, run, "the list has no row \(row)")
        }
        let values = plan.workerValues(listed, certificates)
        while true {
            let chunk = WorkChunk(
                firstRow: row,
                rows: [
                    WorkChunk.Row(certificateSerialNumber: CertificateSerialNumber(), values: values)
                ])
            try driver.ledger.reserve(
                Reservation(
                    firstRow: row,
                    certificateSerialNumbers: chunk.rows.map(\.certificateSerialNumber.bytes)), run: run)
            pool.give(chunk)
            waiting: while true {
                for event in try pool.wait() {
                    switch event {
                    case .made(let made): return (chunk, made)
                    case .notice(let text): driver.notice(text)
                    case .stopRequested: isStopping = true
                    case .lost(let chunks, let reason):
                        driver.notice("The worker was replaced: \(reason)")
                        if !chunks.isEmpty {
                            try driver.ledger.burn(firstRow: row, run: run)
                            break waiting
                        }
                    }
                }
            }
        }
    }

    /// Transport key and package flushed, ledger committed, package shown.
    private func record(_ chunk: WorkChunk, _ made: MadeChunk, _ package: ReworkPackage) throws {
        try folder.keep(transportKey: made.transportKey)
        try package.prepare(made.package)
        try driver.ledger.record(made.devices, firstRow: chunk.firstRow, run: run, reservingNext: [])
        try package.publish()
    }
}
