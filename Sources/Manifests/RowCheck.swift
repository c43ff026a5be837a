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

extension RunManifest {
    /// Checks every row of the device list in one pass with flat memory; the error carries every fault.
    ///
    /// When serials seem to repeat, a second pass compares them exactly and names both lines.
    ///
    /// - Parameters:
    ///   - requiredColumns: the columns whose values the run wants, in that order; normally a template's `columns`.
    ///   - rowCheck: called for every row that is well formed, with the values of those columns.
    public func checkRows(
        requiredColumns: [String], limits: ListLimits = ListLimits(),
        rowCheck: ([String]) -> [RowValueFault] = { _ in [] }
    ) throws(ManifestError) -> CheckedManifest {
        switch devices {
        case .range(let range): return try checkRange(range, requiredColumns, rowCheck)
        case .csv(let path): return try checkList(path, .csv, requiredColumns, limits, rowCheck)
        case .jsonLines(let path): return try checkList(path, .jsonLines, requiredColumns, limits, rowCheck)
        }
    }

    private func checkRange(
        _ range: SerialRange, _ columns: [String], _ rowCheck: ([String]) -> [RowValueFault]
    ) throws(ManifestError) -> CheckedManifest {
        var faults = FaultLog()
        for column in columns where column != "serial" {
            faults.add(
                fault(
                    "devices", code: "list.column-missing",
                    message: "the template uses the column \(column), and a range has serials only"))
        }
        try faults.throwIfFaulty(subject: file)
        for row in 0..<range.count {
            let serial = range.serial(row: row)
            for found in rowCheck(columns.map { _ in serial }) {
                faults.add(
                    fault("devices", code: "list.value", message: "serial \(serial): \(found.message)"))
            }
        }
        try faults.throwIfFaulty(subject: file)
        return CheckedManifest(
            manifest: self, columns: columns, digest: CheckedManifest.digest(self, list: nil), reader: nil,
            listSize: 0, segments: [])
    }

    private func checkList(
        _ path: String, _ form: ListReader.Form, _ columns: [String], _ limits: ListLimits,
        _ rowCheck: ([String]) -> [RowValueFault]
    ) throws(ManifestError) -> CheckedManifest {
        let list = try ListFile(path: path)
        _ = try list.size()
        var pass = ListPass(path: path, reader: ListReader(form: form, limits: limits), quantity: quantity)
        var cutter = SegmentCutter(list)
        while let piece = try cutter.next() {
            if case .lines(let bytes, _) = piece { pass.whole.update(data: bytes) }
            pass.take(piece, columns, rowCheck)
        }
        pass.finish(self)
        let repeated = pass.repeatedHashes()
        if !repeated.isEmpty {
            var search = RepeatSearch(path: path, reader: pass.reader, hashes: repeated)
            var cutter = SegmentCutter(list)
            while let piece = try cutter.next() { search.take(piece, &pass.faults) }
        }
        try pass.faults.throwIfFaulty(subject: file)
        return CheckedManifest(
            manifest: self, columns: columns,
            digest: CheckedManifest.digest(self, list: Array(pass.whole.finalize())),
            reader: pass.reader, listSize: pass.size, segments: pass.segments)
    }
}

/// The state of the pass over a device list.
private struct ListPass {
    let path: String
    var reader: ListReader
    let quantity: Int
    var faults = FaultLog()
    var segments: [ListSegment] = []
    var whole = SHA256()
    var size = 0
    var rows = 0
    private var line = 0
    private var hasHeader = false
    private var headerIsBad = false
    /// One 64-bit hash a row, keyed anew in every process, so that nobody can prepare a list that collides.
    private var hashes: [UInt64] = []
    private var fields = LineFields()
    private var splitter = JSONLineSplitter()

    init(path: String, reader: ListReader, quantity: Int) {
        self.path = path
        self.reader = reader
        self.quantity = quantity
        hashes.reserveCapacity(min(quantity, 1 << 20))
    }

    mutating func take(
        _ piece: SegmentCutter.Piece, _ columns: [String], _ rowCheck: ([String]) -> [RowValueFault]
    ) {
        switch piece {
        case .overlongLine:
            line += 1
            if hasHeader { rows += 1 }
            let file = path
            let number = line
            faults.add(
                ManifestFault(
                    file: file, line: number, column: 1, field: "", code: "list.value-too-long",
                    message: "the line has more than \(SegmentCutter.longestLine) octets"))
            if !hasHeader { (hasHeader, headerIsBad) = (true, true) }
        case .lines(let bytes, let offset):
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
                read(body, columns, rowCheck)
                return true
            }
        }
    }

    private mutating func read(
        _ text: UnsafeBufferPointer<UInt8>, _ columns: [String], _ rowCheck: ([String]) -> [RowValueFault]
    ) {
        let number = line
        let file = path
        var log = faults
        faults = FaultLog()
        defer { faults = log }
        func report(_ fault: LineFault) {
            log.add(
                ManifestFault(
                    file: file, line: number, column: column(of: fault.offset, in: text), field: fault.field,
                    code: fault.code, message: fault.message))
        }
        if !hasHeader {
            hasHeader = true
            headerIsBad = !reader.readHeader(text, wanted: columns, report: report)
            // In JSON lines the first line is a row as well.
            if reader.form == .csv || headerIsBad { return }
        }
        rows += 1
        guard !headerIsBad else { return }
        guard reader.readRow(text, &splitter, into: &fields, report: report) else { return }
        if rows <= quantity + 1_000_000 {
            hashes.append(fields.withOctets(reader.serial, of: text, serialHash))
        }
        let values = reader.wanted.map { fields.text($0, of: text) }
        for found in rowCheck(values) {
            let index =
                reader.wanted.indices.contains(found.column) ? reader.wanted[found.column] : reader.serial
            report(
                LineFault(
                    offset: fields.fields[index].offset, field: reader.columns[index], code: "list.value",
                    message: found.message))
        }
    }

    /// Checks what can only be known at the end.
    mutating func finish(_ manifest: RunManifest) {
        let (rows, file) = (rows, path)
        if rows == 0 {
            guard !headerIsBad else { return }
            faults.add(
                ManifestFault(
                    file: file, line: 1, column: 1, field: "", code: "list.empty",
                    message: "the list has no devices"))
        } else if rows != manifest.quantity {
            faults.add(
                manifest.fault(
                    "quantity", code: "list.quantity",
                    message: "the quantity is \(manifest.quantity), and the list has \(rows) rows"))
        }
    }

    /// The hashes that more than one serial has.
    mutating func repeatedHashes() -> Set<UInt64> {
        hashes.sort()
        var repeated: Set<UInt64> = []
        for (left, right) in zip(hashes, hashes.dropFirst()) where left == right { repeated.insert(left) }
        hashes = []
        return repeated
    }
}

/// The hash of a serial; its key is drawn once a process.
private func serialHash(_ serial: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(serial))
    return UInt64(bitPattern: Int64(hasher.finalize()))
}

/// Reads the list again to find the serials behind repeated hashes, and compares them octet for octet.
private struct RepeatSearch {
    let path: String
    let reader: ListReader
    let hashes: Set<UInt64>
    private var firstLines: [String: Int] = [:]
    private var line = 0
    private var fields = LineFields()
    private var splitter = JSONLineSplitter()

    init(path: String, reader: ListReader, hashes: Set<UInt64>) {
        self.path = path
        self.reader = reader
        self.hashes = hashes
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
            guard reader.readRow(body, &splitter, into: &fields, report: { _ in }),
                hashes.contains(fields.withOctets(reader.serial, of: body, serialHash))
            else { return true }
            let serial = fields.text(reader.serial, of: body)
            guard let first = firstLines[serial] else {
                firstLines[serial] = line
                return true
            }
            let (file, number) = (path, line)
            let place = column(of: fields.fields[reader.serial].offset, in: body)
            faults.add(
                ManifestFault(
                    file: file, line: number, column: place, field: "serial", code: "list.serial-repeated",
                    message: "the serial \(serial) is in line \(first) already"))
            return true
        }
    }
}
