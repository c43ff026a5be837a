import Crypto

/// A row's value that the caller refuses, by its place in the wanted columns.
public struct RowValueFault: Hashable, Sendable {
    public var column: Int
    public var message: String

    public init(column: Int, message: String) {
        self.column = column
        self.message = message
    }
}

/// What the caller has to say to each row.
struct RowChecks {
    /// How many serials are looked up at a time.
    static let batch = 500
    static let known = "serial.known"

    let columns: [String]
    /// How many of the columns are the template's; those behind are the registration ids' alone.
    let templateColumns: Int
    /// Called with the template's columns.
    let values: ([String]) -> [RowValueFault]
    let registrationIDs: RegistrationIDs?
    let releasedBy: (([String]) -> [String: String])?
    /// For keys that devices made; nil for keys of the token.
    let requests: RequestChecks?
    /// Told how many rows were read.
    let progress: (Int) -> Void

    static let keyRepeated = "request.key-repeated"

    static func keyMessage(_ place: String) -> String {
        "the request has the public key of \(place); every device makes a key of its own"
    }

    /// What is wrong with a row's values.
    func faults(_ values: [String]) -> [RowValueFault] {
        var faults = self.values(Array(values.prefix(templateColumns)))
        if let registrationIDs, let fault = RegistrationIDText.fault(registrationIDs.id(values)) {
            faults.append(RowValueFault(column: registrationIDs.blamed, message: fault))
        }
        return faults
    }

    /// Who wants a column, for the message that it is missing.
    func user(of column: String) -> String {
        columns.prefix(templateColumns).contains(column) ? "the template uses" : "the registration id uses"
    }

    static func message(_ serial: String, _ run: String) -> String {
        "\(serial) was released by run \(run); a device is made once"
    }
}

/// The state of the pass over a device list.
struct ListPass {
    let path: String
    var reader: ListReader
    var faults: FaultLog
    private(set) var segments: [ListSegment] = []
    private(set) var size = 0
    private(set) var rows = 0
    private var whole = SHA256()
    private var line = 0
    private var hasHeader = false
    private var headerIsBad = false
    /// One 64-bit hash a row, keyed anew in every process, so that nobody can prepare a list that collides.
    private var hashes: [UInt64] = []
    /// The same of the registration ids.
    private var idHashes: [UInt64] = []
    private var fields = LineFields()
    private var splitter = JSONLineSplitter()
    /// The most rows whose serials are compared; more of them are too many anyhow.
    private let mostHashes: Int
    /// The rows' requests under way, where devices made their keys.
    private var requests: RequestQueue?
    /// Serials that are still to be looked up among those of earlier runs.
    private var pending: [(line: Int, column: Int, serial: String)] = []

    /// The SHA-256 of the list's octets, of which overlong lines are no part.
    var digest: [UInt8] { Array(whole.finalize()) }

    init(
        path: String, reader: ListReader, quantity: Int?, faults: FaultLog, requests checks: RequestChecks?
    ) {
        self.path = path
        self.reader = reader
        self.faults = faults
        requests = checks.map { RequestQueue($0, quantity: quantity) }
        mostHashes = (quantity ?? 10_000_000) + 1_000_000
        hashes.reserveCapacity(min(quantity ?? 0, 1 << 20))
    }

    mutating func take(_ piece: SegmentCutter.Piece, _ checks: RowChecks) {
        switch piece {
        case .overlongLine:
            line += 1
            if hasHeader { rows += 1 }
            faults.add(
                ManifestFault(
                    file: path, line: line, column: 1, field: "", code: "list.value-too-long",
                    message: "the line has more than \(SegmentCutter.longestLine) octets"))
            if !hasHeader { (hasHeader, headerIsBad) = (true, true) }
        case .lines(let bytes, let offset):
            whole.update(data: bytes)
            size = offset + bytes.count
            segments.append(
                ListSegment(
                    offset: offset, count: bytes.count, firstLine: line + 1, firstRow: rows,
                    digest: Array(SHA256.hash(data: bytes))))
            forEachLine(bytes) { start, text in
                line += 1
                let isFirst = offset == 0 && start == 0
                let hasMark = isFirst && text.starts(with: [0xEF, 0xBB, 0xBF])
                let body = hasMark ? UnsafeBufferPointer(rebasing: text.dropFirst(3)) : text
                read(body, checks)
                return true
            }
        }
    }

    private mutating func read(_ text: UnsafeBufferPointer<UInt8>, _ checks: RowChecks) {
        let number = line
        let file = path
        var log = faults
        faults = FaultLog()
        defer { faults = log }
        func report(_ fault: LineFault) {
            log.add(file: file, line: number) {
                ManifestFault(
                    file: file, line: number, column: column(of: fault.offset, in: text), field: fault.field,
                    code: fault.code, message: fault.message)
            }
        }
        if !hasHeader {
            hasHeader = true
            headerIsBad = !reader.readHeader(
                text, wanted: checks.columns,
                report: { fault in
                    var fault = fault
                    if fault.code == "list.column-missing", checks.columns.contains(fault.field),
                        fault.field != "serial"
                    {
                        fault.message =
                            "the list has no column \(fault.field), which \(checks.user(of: fault.field))"
                    }
                    report(fault)
                })
            // In JSON lines the first line is a row as well.
            if reader.form == .csv || headerIsBad { return }
        }
        rows += 1
        guard !headerIsBad else { return }
        guard reader.readRow(text, &splitter, into: &fields, report: report) else { return }
        if rows <= mostHashes { hashes.append(fields.withOctets(reader.serial, of: text, serialHash)) }
        if checks.releasedBy != nil {
            let place = column(of: fields.fields[reader.serial].offset, in: text)
            pending.append((number, place, fields.text(reader.serial, of: text)))
            if pending.count == RowChecks.batch { lookUp(checks, &log) }
        }
        if let index = reader.request {
            let place = column(of: fields.fields[index].offset, in: text)
            requests?.add(
                PlacedRequest(
                    file: file, line: number, column: place, field: ListReader.requestColumn,
                    row: RequestChecks.Row(
                        serial: fields.text(reader.serial, of: text),
                        request: fields.withOctets(index, of: text) { Array($0) })), &log)
        }
        // Without one of its columns the template has nothing to say to a row.
        guard reader.wanted.count == checks.columns.count else { return }
        let values = reader.wanted.map { fields.text($0, of: text) }
        if rows <= mostHashes, let id = checks.registrationIDs?.id(values) {
            idHashes.append(textHash(id))
        }
        for found in checks.faults(values) {
            let index =
                reader.wanted.indices.contains(found.column) ? reader.wanted[found.column] : reader.serial
            report(
                LineFault(
                    offset: fields.fields[index].offset, field: reader.columns[index], code: "list.value",
                    message: found.message))
        }
    }

    private mutating func lookUp(_ checks: RowChecks, _ log: inout FaultLog) {
        defer { pending.removeAll(keepingCapacity: true) }
        guard let known = checks.releasedBy?(pending.map(\.serial)), !known.isEmpty else { return }
        let file = path
        for row in pending {
            guard let run = known[row.serial] else { continue }
            log.add(file: file, line: row.line) {
                ManifestFault(
                    file: file, line: row.line, column: row.column, field: "serial", code: RowChecks.known,
                    message: RowChecks.message(row.serial, run))
            }
        }
    }

    /// Checks what can only be known at the end.
    mutating func finish(_ checks: RowChecks) {
        if !pending.isEmpty {
            var log = faults
            lookUp(checks, &log)
            faults = log
        }
        var log = faults
        requests?.finish(&log)
        faults = log
        if rows == 0, !headerIsBad {
            faults.add(
                ManifestFault(
                    file: path, line: 1, column: 1, field: "", code: "list.empty",
                    message: "the list has no devices"))
        }
    }

    /// The hashes that more than one serial, registration id or request's key has.
    mutating func repeatedHashes() -> RepeatedHashes {
        defer { (hashes, idHashes) = ([], []) }
        return RepeatedHashes(
            serials: repeated(in: &hashes), ids: repeated(in: &idHashes),
            keys: requests?.repeatedHashes() ?? [])
    }

    var otherNames: OtherNames { requests?.otherNames ?? OtherNames() }
}

/// The hash of a serial; its key is drawn once a process.
private func serialHash(_ serial: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(serial))
    return UInt64(bitPattern: Int64(hasher.finalize()))
}

private func textHash(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8(serialHash)
}

/// Hashes that occurred more than once.
struct RepeatedHashes {
    var serials: Set<UInt64>
    var ids: Set<UInt64>
    /// Of the keys in certification requests.
    var keys: Set<UInt64>

    var isEmpty: Bool { serials.isEmpty && ids.isEmpty && keys.isEmpty }
}

/// Reads the list again to find what is behind repeated hashes, and compares it octet for octet.
struct RepeatSearch {
    let path: String
    let reader: ListReader
    let hashes: RepeatedHashes
    let checks: RowChecks
    private var firstLines: [String: Int] = [:]
    private var firstLinesOfIDs: [String: Int] = [:]
    private var firstKeyLines: [[UInt8]: Int] = [:]
    private var line = 0
    private var fields = LineFields()
    private var splitter = JSONLineSplitter()

    init(path: String, reader: ListReader, hashes: RepeatedHashes, checks: RowChecks) {
        self.path = path
        self.reader = reader
        self.hashes = hashes
        self.checks = checks
    }

    mutating func take(_ piece: SegmentCutter.Piece, _ faults: inout FaultLog) {
        guard case .lines(let bytes, let offset) = piece else {
            line += 1
            return
        }
        forEachLine(bytes) { start, text in
            line += 1
            if line == 1, reader.form == .csv { return true }
            let hasMark = offset == 0 && start == 0 && text.starts(with: [0xEF, 0xBB, 0xBF])
            let body = hasMark ? UnsafeBufferPointer(rebasing: text.dropFirst(3)) : text
            guard reader.readRow(body, &splitter, into: &fields, report: { _ in }) else { return true }
            compareKey(of: body, &faults)
            var repeats: [(code: String, what: String, first: Int)] = []
            if hashes.serials.contains(fields.withOctets(reader.serial, of: body, serialHash)) {
                let serial = fields.text(reader.serial, of: body)
                if let first = firstLines[serial] {
                    repeats.append(("list.serial-repeated", "serial \(serial)", first))
                } else {
                    firstLines[serial] = line
                }
            }
            if let ids = checks.registrationIDs, reader.wanted.count == checks.columns.count {
                let id = ids.id(reader.wanted.map { fields.text($0, of: body) })
                if hashes.ids.contains(textHash(id)) {
                    if let first = firstLinesOfIDs[id] {
                        repeats.append(("registration.id-repeated", "registration id \(id)", first))
                    } else {
                        firstLinesOfIDs[id] = line
                    }
                }
            }
            let (file, number) = (path, line)
            let place = column(of: fields.fields[reader.serial].offset, in: body)
            for (code, what, first) in repeats {
                faults.add(file: file, line: number) {
                    ManifestFault(
                        file: file, line: number, column: place, field: "serial", code: code,
                        message: "the \(what) is in line \(first) already")
                }
            }
            return true
        }
    }

    private mutating func compareKey(of body: UnsafeBufferPointer<UInt8>, _ faults: inout FaultLog) {
        guard !hashes.keys.isEmpty, let index = reader.request,
            let key = checks.requests?.key(fields.withOctets(index, of: body) { Array($0) }),
            hashes.keys.contains(keyHash(key))
        else { return }
        guard let first = firstKeyLines[key] else {
            firstKeyLines[key] = line
            return
        }
        let (file, number) = (path, line)
        let place = column(of: fields.fields[index].offset, in: body)
        faults.add(file: file, line: number) {
            ManifestFault(
                file: file, line: number, column: place, field: ListReader.requestColumn,
                code: RowChecks.keyRepeated, message: RowChecks.keyMessage("line \(first)"))
        }
    }
}
