/// One fault of a line, without the file and the line's number.
struct LineFault {
    /// The octet of the line where it stands, from 0.
    var offset: Int
    var field: String
    var code: String
    var message: String
}

/// The longest values and the most columns that a list may have.
public struct ListLimits: Hashable, Sendable {
    /// Octets of one value.
    public var valueOctets: Int
    public var columns: Int

    public init(valueOctets: Int = 4096, columns: Int = 64) {
        self.valueOctets = valueOctets
        self.columns = columns
    }
}

/// A value of a line: where it stands, in the line itself or unescaped beside it.
struct LineField {
    /// The octet of the line where the value begins.
    var offset: Int
    var count: Int
    /// Where the value begins in ``LineFields/unescaped``, or nil when it stands in the line as it is.
    var unescapedStart: Int?
}

/// The fields of one line, reused from line to line.
struct LineFields {
    var fields: [LineField] = []
    var unescaped: [UInt8] = []

    mutating func reset() {
        fields.removeAll(keepingCapacity: true)
        unescaped.removeAll(keepingCapacity: true)
    }

    /// Calls the body with a value's octets.
    @inline(__always)
    func withOctets<Result>(
        _ index: Int, of line: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let field = fields[index]
        guard let start = field.unescapedStart else {
            return body(UnsafeBufferPointer(rebasing: line[field.offset..<field.offset + field.count]))
        }
        return unescaped.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[start..<start + field.count]))
        }
    }

    func text(_ index: Int, of line: UnsafeBufferPointer<UInt8>) -> String {
        withOctets(index, of: line) { String(decoding: $0, as: UTF8.self) }
    }
}

/// What every line has to be: UTF-8 without control characters.
func encodingFault(_ line: UnsafeBufferPointer<UInt8>) -> LineFault? {
    var seen: UInt8 = 0
    for (offset, byte) in line.enumerated() {
        seen |= byte
        if byte < 0x20 || byte == 0x7F { return controlFault(offset, UInt32(byte)) }
    }
    guard seen >= 0x80 else { return nil }
    var decoder = UTF8()
    var iterator = line.makeIterator()
    var offset = 0
    while true {
        switch decoder.decode(&iterator) {
        case .emptyInput: return nil
        case .error:
            return LineFault(
                offset: offset, field: "", code: "list.encoding",
                message: "the octets here are not UTF-8; save the list as UTF-8")
        case .scalarValue(let scalar):
            switch scalar.value {
            case 0x80..<0xA0, 0xFEFF, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
                return controlFault(offset, scalar.value)
            default: offset += UTF8.width(scalar)
            }
        }
    }
}

private func controlFault(_ offset: Int, _ value: UInt32) -> LineFault {
    LineFault(
        offset: offset, field: "", code: "list.control",
        message: "the control character U+\(String(value, radix: 16, uppercase: true)) is not accepted")
}

/// Whether text begins or ends with a blank of any script.
func hasOuterBlank(_ octets: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = octets.first, let last = octets.last else { return false }
    if first == 0x20 || last == 0x20 { return true }
    guard first >= 0x80 || last >= 0x80 else { return false }
    let text = String(decoding: octets, as: UTF8.self).unicodeScalars
    return text.first?.properties.isWhitespace == true || text.last?.properties.isWhitespace == true
}

/// The 1-based column of an octet, in Unicode scalars.
func column(of offset: Int, in line: UnsafeBufferPointer<UInt8>) -> Int {
    1 + line.prefix(offset).count { $0 & 0xC0 != 0x80 }
}
