/// Reads the lines of one device list: the header once, then each row's values in the order that the run wants.
struct ListReader: Sendable {
    enum Form: Hashable, Sendable {
        case csv
        case jsonLines
    }

    let form: Form
    let limits: ListLimits
    /// The list's columns in their order.
    private(set) var columns: [String] = []
    private var columnOctets: [[UInt8]] = []
    /// For each value that the run wants, its column in the list; fewer than wanted where columns are missing.
    private(set) var wanted: [Int] = []
    private(set) var serial = 0
    /// The column with the certification requests; nil where the run wants none, or the list has none.
    private(set) var request: Int?
    private let hasRequests: Bool

    /// The column that a list has where devices make their keys.
    static let requestColumn = "csr"

    init(form: Form, limits: ListLimits, hasRequests: Bool = false) {
        self.form = form
        self.limits = limits
        self.hasRequests = hasRequests
    }

    /// Takes the columns out of the first line; every fault of it is reported.
    ///
    /// False when rows cannot be read by it. A wanted column that is missing, or a column that is badly named, does not
    /// keep rows from being checked for the rest.
    mutating func readHeader(
        _ line: UnsafeBufferPointer<UInt8>, wanted names: [String], report: (LineFault) -> Void
    ) -> Bool {
        if let fault = encodingFault(line) {
            report(fault)
            return false
        }
        var header: [(name: String, offset: Int)] = []
        switch form {
        case .csv:
            var fields = LineFields()
            if let fault = splitCSV(line, limits, into: &fields) {
                report(fault)
                return false
            }
            header = fields.fields.indices.map { (fields.text($0, of: line), fields.fields[$0].offset) }
        case .jsonLines:
            var splitter = JSONLineSplitter()
            let result = splitter.names(line, limits)
            if let fault = result.fault {
                report(fault)
                return false
            }
            header = result.names
        }
        for (index, (name, offset)) in header.enumerated() {
            if !Self.isColumnName(name) {
                report(
                    LineFault(
                        offset: offset, field: name, code: "list.column-name",
                        message: "a column's name is a letter and then letters, digits, - and _, 64 at most"))
            }
            if header[..<index].contains(where: { $0.name.lowercased() == name.lowercased() }) {
                report(
                    LineFault(
                        offset: offset, field: name, code: "list.column-repeated",
                        message: "the column \(name) is there already; case does not tell columns apart"))
            }
        }
        columns = header.map(\.name)
        columnOctets = columns.map { Array($0.utf8) }
        for name in ["serial"] + names.filter({ $0 != "serial" }) where !columns.contains(name) {
            report(
                LineFault(
                    offset: 0, field: name, code: "list.column-missing",
                    message: "the list has no column \(name), which "
                        + (name == "serial" ? "every list has" : "the template uses")))
        }
        if hasRequests {
            request = columns.firstIndex(of: Self.requestColumn)
            if request == nil {
                report(
                    LineFault(
                        offset: 0, field: Self.requestColumn, code: "list.column-missing",
                        message: "the list has no column csr with the devices' certification requests"))
            }
        }
        wanted = names.compactMap { columns.firstIndex(of: $0) }
        guard let serial = columns.firstIndex(of: "serial") else { return false }
        self.serial = serial
        return true
    }

    private static func isColumnName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 64, isLetter(first) else { return false }
        return name.utf8.allSatisfy { isLetter($0) || 0x30...0x39 ~= $0 || $0 == 0x2D || $0 == 0x5F }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { 0x41...0x5A ~= byte || 0x61...0x7A ~= byte }

    /// Splits a row; false when a fault was reported that leaves nothing to look at.
    func readRow(
        _ line: UnsafeBufferPointer<UInt8>, _ splitter: inout JSONLineSplitter, into fields: inout LineFields,
        report: (LineFault) -> Void
    ) -> Bool {
        if line.isEmpty {
            report(LineFault(offset: 0, field: "", code: "list.blank-line", message: "the line is empty"))
            return false
        }
        if let fault = encodingFault(line) {
            report(fault)
            return false
        }
        switch form {
        case .csv:
            if let fault = splitCSV(line, limits, into: &fields) {
                report(named(fault, fields.fields.count))
                return false
            }
            guard fields.fields.count == columns.count else {
                report(
                    LineFault(
                        offset: 0, field: "", code: "list.ragged",
                        message: "the line has \(fields.fields.count) fields, the header \(columns.count)"))
                return false
            }
        case .jsonLines:
            if let fault = splitter.split(line, columns: columnOctets, limits, into: &fields) {
                report(fault)
                return false
            }
        }
        var clean = true
        for index in columns.indices {
            let field = fields.fields[index]
            if field.count == 0 {
                guard index == serial || index == request || wanted.contains(index) else { continue }
                report(
                    LineFault(
                        offset: field.offset, field: columns[index],
                        code: index == serial ? "list.serial-empty" : "list.value-empty",
                        message: index == serial
                            ? "the serial is empty"
                            : index == request
                                ? "the request is empty" : "the value is empty, and the template uses it"))
                clean = false
            } else if fields.withOctets(index, of: line, hasOuterBlank) {
                report(
                    LineFault(
                        offset: field.offset, field: columns[index], code: "list.blank",
                        message: "the value begins or ends with a blank"))
                clean = false
            } else if field.unescapedStart != nil, index != request,
                fields.withOctets(index, of: line, { encodingFault($0) }) != nil
            {
                report(
                    LineFault(
                        offset: field.offset, field: columns[index], code: "list.control",
                        message: "the value has a control character"))
                clean = false
            }
        }
        return clean
    }

    /// Gives a fault of splitting the name of the column that it happened in.
    private func named(_ fault: LineFault, _ fields: Int) -> LineFault {
        var fault = fault
        let index = fault.code == "list.value-too-long" ? fields - 1 : fields
        if fault.field.isEmpty, columns.indices.contains(index) { fault.field = columns[index] }
        return fault
    }
}
