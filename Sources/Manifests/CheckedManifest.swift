import Crypto

/// One device of a run.
public struct ManifestRow: Hashable, Sendable {
    /// The row's number, from 0.
    public let index: Int
    /// The line of the list, from 1; for a range the row's number from 1.
    public let line: Int
    public let serial: String
    /// The values of ``CheckedManifest/columns``, in their order.
    public let values: [String]
    /// The octets of its certification request as the list or the file gives them; nil where the token makes keys.
    public let request: [UInt8]?
}

/// A device list that was read whole.
struct CheckedList: Sendable {
    let reader: ListReader
    /// In octets.
    let size: Int
    let segments: [ListSegment]
    /// The SHA-256 of its octets.
    let digest: [UInt8]
}

/// A manifest whose every row was checked.
public struct CheckedManifest: Sendable {
    public let manifest: RunManifest
    /// The columns of each row's values.
    public let columns: [String]
    /// What an authorisation cites: manifest, list and station key under one SHA-256.
    ///
    /// It is over this text, every line with a newline at its end and the digests in lower-case hexadecimal, so that
    /// anybody can compute it with `sha256sum`:
    ///
    ///     rootline/manifest/v1
    ///     manifest <SHA-256 of the manifest's bytes>
    ///     devices <SHA-256 of the list's bytes, or - for a range>
    ///     station <SHA-256 of the station key file's bytes, or - where there is none>
    ///
    /// For a folder of requests, the second digest is over what `LC_ALL=C sha256sum -- *` prints in it: for every file
    /// but those whose name begins with a dot, in the order of the names' octets, the SHA-256 of its bytes, two blanks,
    /// its name and a newline.
    public let digest: [UInt8]
    /// Requests that have another common name than their row's serial; certificates take nothing from it.
    public let otherNames: OtherNames

    /// The list, nil for a range and for a folder.
    let list: CheckedList?
    let folder: CheckedFolder?

    init(
        manifest: RunManifest, columns: [String], list: CheckedList?, folder: CheckedFolder? = nil,
        otherNames: OtherNames = OtherNames()
    ) {
        self.manifest = manifest
        self.columns = columns
        self.list = list
        self.folder = folder
        self.otherNames = otherNames
        digest = Self.digest(manifest, list: list?.digest ?? folder?.digest)
    }

    /// Rows in the list: the quantity.
    public var rowCount: Int { manifest.quantity }

    private static func digest(_ manifest: RunManifest, list: [UInt8]?) -> [UInt8] {
        func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
            digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let lines = [
            "rootline/manifest/v1",
            "manifest \(hexadecimal(SHA256.hash(data: manifest.source)))",
            "devices \(list.map { hexadecimal($0) } ?? "-")",
            "station \(manifest.station.map { hexadecimal(SHA256.hash(data: $0.pem)) } ?? "-")",
        ]
        return Array(SHA256.hash(data: Array((lines.joined(separator: "\n") + "\n").utf8)))
    }

    /// Reads the rows from one on, 0 being the first; a list that is not the one checked is refused.
    public func rows(from first: Int = 0) throws(ManifestError) -> ManifestRows {
        guard (0...rowCount).contains(first) else {
            throw ManifestError(
                .rowOutOfRange, subject: manifest.file, message: "row \(first) is not among \(rowCount)")
        }
        return try ManifestRows(self, from: first)
    }
}

/// Reads rows one after another; stands on one list file until it is let go.
///
/// A stretch of the list is handed out only when its SHA-256 is the one that was checked, so no row of an edited list
/// ever gets through.
public final class ManifestRows {
    private let checked: CheckedManifest
    private let file: ListFile?
    private var nextRow: Int
    private var nextSegment = 0
    private var buffered: [ManifestRow] = []
    private var position = 0

    init(_ checked: CheckedManifest, from first: Int) throws(ManifestError) {
        self.checked = checked
        nextRow = first
        guard let path = checked.manifest.devices.path else {
            file = nil
            nextSegment = first / CheckedFolder.stretch
            return
        }
        let file = try ListFile(path: path)
        self.file = file
        guard try file.size() == checked.list?.size else { throw Self.changed(path) }
        // The last segment that begins at or before the row; segments are in order.
        nextSegment = max(0, (checked.list?.segments ?? []).partitioningIndex { $0.firstRow > first } - 1)
    }

    /// The next row, or nil after the last.
    public func next() throws(ManifestError) -> ManifestRow? {
        guard nextRow < checked.rowCount else { return nil }
        if case .range(let range) = checked.manifest.devices {
            let serial = range.serial(row: nextRow)
            defer { nextRow += 1 }
            return ManifestRow(
                index: nextRow, line: nextRow + 1, serial: serial,
                values: checked.columns.map { _ in serial }, request: nil)
        }
        while position >= buffered.count {
            guard try fill() else { return nil }
        }
        defer {
            position += 1
            nextRow += 1
        }
        return buffered[position]
    }

    /// Reads rows until there are `count`, or fewer at the end.
    public func next(_ count: Int) throws(ManifestError) -> [ManifestRow] {
        var rows: [ManifestRow] = []
        rows.reserveCapacity(min(count, checked.rowCount - nextRow))
        while rows.count < count, let row = try next() { rows.append(row) }
        return rows
    }

    private func fill() throws(ManifestError) -> Bool {
        if let folder = checked.folder { return try fill(from: folder) }
        guard let file, let list = checked.list, nextSegment < list.segments.count else { return false }
        let (reader, segment) = (list.reader, list.segments[nextSegment])
        nextSegment += 1
        let bytes = try file.read(segment.count, at: segment.offset)
        guard bytes.count == segment.count, SHA256.hash(data: bytes).elementsEqual(segment.digest) else {
            throw Self.changed(file.path)
        }
        buffered.removeAll(keepingCapacity: true)
        position = 0
        var (line, row) = (segment.firstLine - 1, segment.firstRow)
        var splitter = JSONLineSplitter()
        var fields = LineFields()
        var sound = true
        let wantedRow = nextRow
        forEachLine(bytes) { start, text in
            line += 1
            if line == 1, reader.form == .csv { return true }
            let hasMark = segment.offset == 0 && start == 0 && text.starts(with: [0xEF, 0xBB, 0xBF])
            let body = hasMark ? UnsafeBufferPointer(rebasing: text.dropFirst(3)) : text
            if row >= wantedRow {
                guard reader.readRow(body, &splitter, into: &fields, report: { _ in }) else {
                    sound = false
                    return false
                }
                buffered.append(
                    ManifestRow(
                        index: row, line: line, serial: fields.text(reader.serial, of: body),
                        values: reader.wanted.map { fields.text($0, of: body) },
                        request: reader.request.map { fields.withOctets($0, of: body) { Array($0) } }))
            }
            row += 1
            return true
        }
        guard sound else { throw Self.changed(file.path) }
        return true
    }

    private func fill(from folder: CheckedFolder) throws(ManifestError) -> Bool {
        let first = nextSegment * CheckedFolder.stretch
        guard first < folder.names.count, nextSegment < folder.stretches.count else { return false }
        buffered.removeAll(keepingCapacity: true)
        position = 0
        var stretch = SHA256()
        for row in first..<min(first + CheckedFolder.stretch, folder.names.count) {
            let name = folder.names[row]
            guard let request = CheckedFolder.read(folder.path + "/" + name, reason: { _ in }) else {
                throw Self.changed(folder.path + "/" + name)
            }
            stretch.update(data: CheckedFolder.line(request, name))
            guard row >= nextRow else { continue }
            let serial = folder.names.serial(row)
            buffered.append(
                ManifestRow(
                    index: row, line: 1, serial: serial, values: checked.columns.map { _ in serial },
                    request: request))
        }
        guard stretch.finalize().elementsEqual(folder.stretches[nextSegment]) else {
            throw Self.changed(folder.path)
        }
        nextSegment += 1
        return true
    }

    private static func changed(_ path: String) -> ManifestError {
        ManifestError(
            .changed, subject: path,
            message: "the devices' list or request is not the one that was checked and approved",
            hint: "Put the approved list back, or have the changed one checked and approved.")
    }
}

extension Array {
    /// The first index whose element meets the predicate, which no earlier and every later element does.
    func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
