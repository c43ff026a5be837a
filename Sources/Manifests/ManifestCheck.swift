import Foundation
import StrictYAML

/// A manifest under check: what of it can be read, and every fault found so far.
///
/// The caller adds what only it can know, such as a template that does not exist; `checkRows` then reads the device list
/// and throws all faults together, or gives a manifest that has none.
public struct ManifestCheck: Sendable {
    /// The manifest's path as it was given, for messages.
    public let file: String
    private let draft: ManifestDraft
    private var faults: FaultLog

    /// Reads the manifest and the station's key; throws only when there is no manifest to read.
    public init(path: String) throws(ManifestError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ManifestError(
                .unreadable, subject: path, message: "the manifest cannot be read",
                hint: "Check the path and its permissions.")
        }
        file = path
        var parser = ManifestParser(file: path)
        draft = parser.draft(Array(data))
        faults = FaultLog(
            files: [path] + (draft.devices?.path.map { [$0] } ?? []), folder: draft.devices?.folder)
        for problem in parser.yaml.problems {
            faults.add(
                ManifestFault(
                    file: path, line: problem.line, column: problem.column, field: problem.field,
                    code: problem.code, message: problem.message))
        }
    }

    /// The values that can be read, for the caller's own checks; nil is reported already.
    public var run: String? { draft.run }
    public var product: String? { draft.product }
    public var template: String? { draft.template }
    public var issuer: String? { draft.issuer }
    public var keyType: RunManifest.KeyType? { draft.keyType }
    public var station: StationKey? { draft.station }
    public var keyOrigin: RunManifest.KeyOrigin? { draft.keyOrigin }
    public var quantity: Int? { draft.quantity }
    public var delivery: RunManifest.Delivery? { draft.delivery }
    public var registration: Registration? { draft.registration }

    /// Adds a fault of one of the manifest's keys.
    public mutating func add(_ field: String, code: String, message: String) {
        faults.add(draft.fault(field, code, message))
    }

    /// Adds a fault of another file, such as the template.
    public mutating func add(_ fault: ManifestFault) {
        faults.add(fault)
    }

    /// Checks every row of the device list in one pass with flat memory; the error carries every fault, those of the
    /// manifest and those added included.
    ///
    /// When serials seem to repeat, a second pass compares them exactly and names both lines.
    ///
    /// - Parameters:
    ///   - requiredColumns: the columns whose values the run wants, in that order; normally a template's `columns`,
    ///     and none where the template is at fault.
    ///     The columns that registration ids use besides come after them.
    ///   - rowCheck: called with the values of those columns for every row that is well formed.
    ///   - releasedBy: answers which of some serials an earlier run has released, each with that run; nil asks nothing.
    ///   - requests: judges the rows' certification requests, where devices make their keys; nil judges none.
    ///   - progress: told now and then how many rows were read.
    public func checkRows(
        requiredColumns: [String] = [], limits: ListLimits = ListLimits(),
        rowCheck: @escaping ([String]) -> [RowValueFault] = { _ in [] },
        releasedBy: (([String]) -> [String: String])? = nil, requests: RequestChecks? = nil,
        progress: @escaping (Int) -> Void = { _ in }
    ) throws(ManifestError) -> CheckedManifest {
        let columns =
            requiredColumns + (draft.registration?.id.columns ?? []).filter { !requiredColumns.contains($0) }
        let checks = RowChecks(
            columns: columns, templateColumns: requiredColumns.count, values: rowCheck,
            registrationIDs: draft.registration.flatMap {
                RegistrationIDs($0.id, columns: columns, product: draft.product ?? "")
            }, releasedBy: releasedBy, requests: requests, progress: progress)
        var faults = faults
        var list: CheckedList?
        var folder: CheckedFolder?
        var otherNames = OtherNames()
        switch draft.devices {
        case .range(let range):
            checkRange(range, checks, &faults)
        case .csv(let path):
            list = try checkList(path, ListReader(.csv, limits, draft), checks, &faults, &otherNames)
        case .jsonLines(let path):
            list = try checkList(path, ListReader(.jsonLines, limits, draft), checks, &faults, &otherNames)
        case .requests(let path):
            var check = RequestFolderCheck(path: path, quantity: draft.quantity, checks: checks) {
                draft.fault($0 == "list.quantity" ? "quantity" : "devices", $0, $1)
            }
            do {
                folder = try check.check(&faults)
            } catch {
                faults.add(draft.fault("devices", "list.unreadable", error.message))
            }
            otherNames = check.otherNames
        case nil: break
        }
        try faults.throwIfFaulty(subject: file)
        guard let manifest = draft.manifest else {
            throw ManifestError(.invalid, subject: file, message: "the manifest is incomplete")
        }
        return CheckedManifest(
            manifest: manifest, columns: columns, list: list, folder: folder, otherNames: otherNames)
    }

    private func checkRange(_ range: SerialRange, _ checks: RowChecks, _ faults: inout FaultLog) {
        let missing = checks.columns.filter { $0 != "serial" }
        for column in missing {
            faults.add(
                draft.fault(
                    "devices", "list.column-missing",
                    "\(checks.user(of: column)) the column \(column), and a range has serials only"))
        }
        var rows = 0..<range.count
        while !rows.isEmpty {
            let serials = rows.prefix(RowChecks.batch).map { range.serial(row: $0) }
            rows = rows.dropFirst(serials.count)
            for serial in serials where missing.isEmpty {
                for found in checks.faults(checks.columns.map { _ in serial }) {
                    faults.add(
                        draft.fault("devices", "list.value", "serial \(serial): \(found.message)"))
                }
            }
            guard let known = checks.releasedBy?(serials), !known.isEmpty else { continue }
            for serial in serials {
                guard let run = known[serial] else { continue }
                faults.add(draft.fault("devices", RowChecks.known, RowChecks.message(serial, run)))
            }
        }
    }

    private func checkList(
        _ path: String, _ reader: ListReader, _ checks: RowChecks, _ faults: inout FaultLog,
        _ otherNames: inout OtherNames
    ) throws(ManifestError) -> CheckedList? {
        let list: ListFile
        do {
            list = try ListFile(path: path)
            _ = try list.size()
        } catch {
            guard faults.count > 0 else { throw error }
            faults.add(draft.fault("devices", "list.unreadable", error.message))
            return nil
        }
        var pass = ListPass(
            path: path, reader: reader, quantity: draft.quantity, faults: faults, requests: checks.requests)
        var cutter = SegmentCutter(list)
        while let piece = try cutter.next() {
            pass.take(piece, checks)
            checks.progress(pass.rows)
        }
        pass.finish(checks)
        if pass.rows > 0, let quantity = draft.quantity, pass.rows != quantity {
            pass.faults.add(
                draft.fault(
                    "quantity", "list.quantity",
                    "the quantity is \(quantity), and the list has \(pass.rows) rows"))
        }
        let repeated = pass.repeatedHashes()
        otherNames = pass.otherNames
        if !repeated.isEmpty {
            var search = RepeatSearch(
                path: path, reader: pass.reader, hashes: repeated, checks: checks)
            var cutter = SegmentCutter(list)
            while let piece = try cutter.next() { search.take(piece, &pass.faults) }
        }
        faults = pass.faults
        return CheckedList(
            reader: pass.reader, size: pass.size, segments: pass.segments, digest: pass.digest)
    }
}

extension ListReader {
    fileprivate init(_ form: Form, _ limits: ListLimits, _ draft: ManifestDraft) {
        self.init(form: form, limits: limits, hasRequests: draft.keyOrigin == .device)
    }
}
