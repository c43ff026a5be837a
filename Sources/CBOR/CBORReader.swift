/// Reads one deterministic CBOR document item by item and refuses every other encoding.
///
/// The reader keeps a reference to the array it was given and copies nothing but the texts it
/// returns. Offsets in errors count from the start of the document.
public struct CBORReader: Sendable {
    /// The bounds within which a document is read.
    public struct Limits: Hashable, Sendable {
        /// Nested arrays, maps and tags.
        public var depth: Int
        /// Bytes of one byte or text string.
        public var stringLength: Int
        /// Items of one array, or pairs of one map.
        public var itemCount: Int

        public init(depth: Int = 8, stringLength: Int = 1 << 16, itemCount: Int = 1 << 12) {
            self.depth = depth
            self.stringLength = stringLength
            self.itemCount = itemCount
        }
    }

    /// What the next item is.
    public enum ItemType: Hashable, Sendable {
        case unsigned, negative, byteString, text, array, map, tag, bool, null
    }

    private let bytes: [UInt8]
    private let start: Int
    private let end: Int
    private let limits: Limits
    private var position: Int

    public init(_ bytes: [UInt8], limits: Limits = Limits()) {
        self.init(bytes, range: 0..<bytes.count, limits: limits)
    }

    /// Reads the document that lies in `range` of `bytes`; a range beyond the array is clamped to it.
    public init(_ bytes: [UInt8], range: Range<Int>, limits: Limits = Limits()) {
        let range = range.clamped(to: 0..<bytes.count)
        self.bytes = bytes
        start = range.lowerBound
        end = range.upperBound
        position = range.lowerBound
        self.limits = limits
    }

    /// Bytes read so far.
    public var offset: Int { position - start }

    public var isAtEnd: Bool { position == end }

    /// The type of the next item, which stays unread.
    public func peek() throws(CBORError) -> ItemType {
        guard position < end else { throw CBORError(.truncated, at: offset) }
        switch bytes[position] >> 5 {
        case 0: return .unsigned
        case 1: return .negative
        case 2: return .byteString
        case 3: return .text
        case 4: return .array
        case 5: return .map
        case 6: return .tag
        default:
            switch bytes[position] {
            case 0xf4, 0xf5: return .bool
            case 0xf6: return .null
            case 0xff: throw CBORError(.indefiniteLength, at: offset)
            case 0xfc...0xfe: throw CBORError(.reserved, at: offset)
            default: throw CBORError(.unsupported, at: offset)
            }
        }
    }

    public mutating func unsigned() throws(CBORError) -> UInt64 {
        try head(.unsigned)
    }

    /// An integer of either sign within `Int64`.
    public mutating func integer() throws(CBORError) -> Int64 {
        let at = offset
        let type = try peek()
        guard type == .unsigned || type == .negative else { throw CBORError(.unexpectedType, at: at) }
        let argument = try head(type == .unsigned ? .unsigned : .negative)
        guard argument <= UInt64(Int64.max) else { throw CBORError(.tooLarge, at: at) }
        return type == .unsigned ? Int64(argument) : ~Int64(argument)
    }

    /// A byte string as a slice that shares the document's storage.
    public mutating func byteString() throws(CBORError) -> ArraySlice<UInt8> {
        bytes[try string(.bytes)]
    }

    public mutating func text() throws(CBORError) -> String {
        let at = offset
        let range = try string(.text)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw CBORError(.invalidText, at: at)
        }
        return text
    }

    /// The number of items that follow.
    public mutating func array() throws(CBORError) -> Int {
        try count(.array)
    }

    /// The number of pairs that follow; read each key with `nextKey` to have the order checked.
    public mutating func map() throws(CBORError) -> Int {
        try count(.map)
    }

    public mutating func tag() throws(CBORError) -> UInt64 {
        try head(.tag)
    }

    public mutating func bool() throws(CBORError) -> Bool {
        guard try peek() == .bool else { throw CBORError(.unexpectedType, at: offset) }
        defer { position += 1 }
        return bytes[position] == 0xf5
    }

    public mutating func null() throws(CBORError) {
        guard try peek() == .null else { throw CBORError(.unexpectedType, at: offset) }
        position += 1
    }

    /// An unsigned map key, which must be greater than the key before it in the same map.
    public mutating func nextKey(after previous: inout UInt64?) throws(CBORError) -> UInt64 {
        let at = offset
        let key = try head(.unsigned)
        if let last = previous {
            if key == last { throw CBORError(.duplicateKey, at: at) }
            if key < last { throw CBORError(.unsortedKeys, at: at) }
        }
        previous = key
        return key
    }

    /// Ends the document; bytes that are left over are an error.
    public func finish() throws(CBORError) {
        guard position == end else { throw CBORError(.trailingBytes, at: offset) }
    }

    /// Passes over one item of any type with all checks.
    public mutating func skip() throws(CBORError) {
        try skip(depth: 0)
    }

    /// Checks that `bytes` are exactly one item in deterministic encoding.
    public static func checkDocument(_ bytes: [UInt8], limits: Limits = Limits()) throws(CBORError) {
        var reader = CBORReader(bytes, limits: limits)
        try reader.skip()
        try reader.finish()
    }
}

extension CBORReader {
    private mutating func skip(depth: Int) throws(CBORError) {
        let type = try peek()
        switch type {
        case .unsigned: _ = try head(.unsigned)
        case .negative: _ = try head(.negative)
        case .byteString: _ = try string(.bytes)
        case .text: _ = try text()
        case .bool: _ = try bool()
        case .null: try null()
        case .array, .map, .tag:
            guard depth < limits.depth else { throw CBORError(.tooDeep, at: offset) }
            if type == .tag {
                _ = try tag()
                try skip(depth: depth + 1)
            } else if type == .array {
                for _ in 0..<(try array()) { try skip(depth: depth + 1) }
            } else {
                try skipPairs(depth: depth)
            }
        }
    }

    private mutating func skipPairs(depth: Int) throws(CBORError) {
        var previous: Range<Int>?
        for _ in 0..<(try map()) {
            let keyStart = position
            try skip(depth: depth + 1)
            let key = keyStart..<position
            if let previous {
                if bytes[previous] == bytes[key] {
                    throw CBORError(.duplicateKey, at: keyStart - start)
                }
                guard bytes[previous].lexicographicallyPrecedes(bytes[key]) else {
                    throw CBORError(.unsortedKeys, at: keyStart - start)
                }
            }
            previous = key
            try skip(depth: depth + 1)
        }
    }

    private mutating func count(_ major: MajorType) throws(CBORError) -> Int {
        let at = offset
        let value = try head(major)
        // Every item takes at least a byte, so a count beyond the bytes left is a lie.
        guard value <= UInt64(limits.itemCount) else { throw CBORError(.tooLarge, at: at) }
        guard value <= UInt64(end - position) else { throw CBORError(.truncated, at: at) }
        return Int(value)
    }

    private mutating func string(_ major: MajorType) throws(CBORError) -> Range<Int> {
        let at = offset
        let length = try head(major)
        guard length <= UInt64(limits.stringLength) else { throw CBORError(.tooLarge, at: at) }
        guard length <= UInt64(end - position) else { throw CBORError(.truncated, at: at) }
        let range = position..<position + Int(length)
        position = range.upperBound
        return range
    }

    private mutating func head(_ major: MajorType) throws(CBORError) -> UInt64 {
        let at = offset
        guard position < end else { throw CBORError(.truncated, at: at) }
        let first = bytes[position]
        guard first >> 5 == major.rawValue else {
            _ = try peek()
            throw CBORError(.unexpectedType, at: at)
        }
        let information = first & 0x1f
        if information < 24 {
            position += 1
            return UInt64(information)
        }
        let width: Int
        switch information {
        case 24: width = 1
        case 25: width = 2
        case 26: width = 4
        case 27: width = 8
        case 31 where major != .unsigned && major != .negative && major != .tag:
            throw CBORError(.indefiniteLength, at: at)
        default: throw CBORError(.reserved, at: at)
        }
        guard end - position > width else { throw CBORError(.truncated, at: at) }
        var value: UInt64 = 0
        for index in position + 1...position + width {
            value = value << 8 | UInt64(bytes[index])
        }
        let least: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
        guard value >= least else { throw CBORError(.notShortest, at: at) }
        position += 1 + width
        return value
    }
}
