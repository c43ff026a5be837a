/// Splits one line that is a flat JSON object of strings (RFC 8259) into the fields of the columns, in their order.
///
/// The first line fixes the columns; every other line has exactly those, in any order.
struct JSONLineSplitter {
    private var names = LineFields()
    private var values = LineFields()

    /// Splits a line whose columns are known.
    mutating func split(
        _ line: UnsafeBufferPointer<UInt8>, columns: [[UInt8]], _ limits: ListLimits,
        into fields: inout LineFields
    ) -> LineFault? {
        if let fault = scan(line, limits) { return fault }
        fields.reset()
        for column in columns {
            var found: Int?
            for index in names.fields.indices
            where names.withOctets(index, of: line, { $0.elementsEqual(column) }) {
                found = index
            }
            guard let found else {
                let name = String(decoding: column, as: UTF8.self)
                return LineFault(
                    offset: 0, field: name, code: "list.ragged",
                    message: "the line has no \(name), as the first has")
            }
            fields.fields.append(values.fields[found])
        }
        guard names.fields.count == columns.count else {
            for index in names.fields.indices
            where !columns.contains(where: { name in
                names.withOctets(index, of: line) { $0.elementsEqual(name) }
            }) {
                return LineFault(
                    offset: names.fields[index].offset, field: names.text(index, of: line),
                    code: "list.ragged",
                    message: "the first line does not have this column")
            }
            return LineFault(
                offset: 0, field: "", code: "list.ragged", message: "the columns differ from the first line's"
            )
        }
        swap(&fields.unescaped, &values.unescaped)
        return nil
    }

    /// The names in a line with the octets where they stand.
    mutating func names(
        _ line: UnsafeBufferPointer<UInt8>, _ limits: ListLimits
    ) -> (names: [(name: String, offset: Int)], fault: LineFault?) {
        if let fault = scan(line, limits) { return ([], fault) }
        return (names.fields.indices.map { (names.text($0, of: line), names.fields[$0].offset) }, nil)
    }

    private mutating func scan(_ line: UnsafeBufferPointer<UInt8>, _ limits: ListLimits) -> LineFault? {
        names.reset()
        values.reset()
        var offset = 0
        func fault(_ message: String) -> LineFault {
            LineFault(offset: offset, field: "", code: "list.json", message: message)
        }
        func skipBlanks() { while offset < line.count, line[offset] == 0x20 { offset += 1 } }
        func take(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard offset < line.count, line[offset] == byte else { return false }
            offset += 1
            return true
        }
        guard take(UInt8(ascii: "{")) else { return fault("a line is one JSON object") }
        if take(UInt8(ascii: "}")) { return fault("the object is empty") }
        repeat {
            skipBlanks()
            guard string(line, &offset, into: &names) else {
                return fault("a name in double quotes is wanted")
            }
            let last = names.fields.count - 1
            for index in 0..<last
            where names.withOctets(
                index, of: line,
                { left in
                    names.withOctets(last, of: line) { left.elementsEqual($0) }
                })
            {
                offset = names.fields[last].offset
                return fault("the name is given twice in the line")
            }
            guard take(UInt8(ascii: ":")) else { return fault("a colon is wanted") }
            skipBlanks()
            guard string(line, &offset, into: &values) else {
                return fault("a value in double quotes is wanted; numbers and other values are not accepted")
            }
            if let value = values.fields.last, value.count > limits.valueOctets {
                return LineFault(
                    offset: value.offset, field: names.text(last, of: line), code: "list.value-too-long",
                    message: "the value has \(value.count) octets; at most \(limits.valueOctets) are accepted"
                )
            }
            if names.fields.count > limits.columns {
                return LineFault(
                    offset: offset, field: "", code: "list.columns",
                    message: "the line has more than \(limits.columns) fields")
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { return fault("a comma or the end of the object is wanted") }
        skipBlanks()
        return offset == line.count ? nil : fault("nothing may follow the object")
    }

    /// Reads a string; a value with escapes is unescaped beside the line.
    private func string(
        _ line: UnsafeBufferPointer<UInt8>, _ offset: inout Int, into fields: inout LineFields
    ) -> Bool {
        let opening = offset
        guard offset < line.count, line[offset] == 0x22 else { return false }
        offset += 1
        let start = offset
        while offset < line.count, line[offset] != 0x22, line[offset] != 0x5C { offset += 1 }
        guard offset < line.count else { return false }
        if line[offset] == 0x22 {
            fields.fields.append(LineField(offset: start, count: offset - start))
            offset += 1
            return true
        }
        let unescapedStart = fields.unescaped.count
        fields.unescaped.append(contentsOf: line[start..<offset])
        while offset < line.count, line[offset] != 0x22 {
            if line[offset] == 0x5C {
                guard let scalar = escape(line, &offset) else { return false }
                fields.unescaped.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
            } else {
                fields.unescaped.append(line[offset])
                offset += 1
            }
        }
        guard offset < line.count else { return false }
        offset += 1
        fields.fields.append(
            LineField(
                offset: opening, count: fields.unescaped.count - unescapedStart,
                unescapedStart: unescapedStart))
        return true
    }

    /// Reads an escape; an escaped control character or half a surrogate pair is refused.
    private func escape(_ line: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> Unicode.Scalar? {
        guard offset + 1 < line.count else { return nil }
        let kind = line[offset + 1]
        if kind == 0x22 || kind == 0x5C || kind == 0x2F {
            offset += 2
            return Unicode.Scalar(kind)
        }
        // Line breaks stand in PEM; the reader refuses them in every other value.
        if kind == UInt8(ascii: "n") || kind == UInt8(ascii: "r") {
            offset += 2
            return kind == UInt8(ascii: "n") ? "\n" : "\r"
        }
        guard let unit = codeUnit(line, offset) else { return nil }
        offset += 6
        if !(0xD800..<0xE000 ~= unit) {
            return unit < 0x20 || 0x7F..<0xA0 ~= unit ? nil : Unicode.Scalar(unit)
        }
        guard unit < 0xDC00, let low = codeUnit(line, offset), 0xDC00..<0xE000 ~= low else { return nil }
        offset += 6
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }

    private func codeUnit(_ line: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt32? {
        guard offset + 5 < line.count, line[offset] == 0x5C, line[offset + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt32 = 0
        for byte in line[offset + 2..<offset + 6] {
            switch byte {
            case 0x30...0x39: unit = unit << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: unit = unit << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: unit = unit << 4 | UInt32(byte - 0x57)
            default: return nil
            }
        }
        return unit
    }
}
