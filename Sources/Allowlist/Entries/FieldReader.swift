import CBOR
import TransparencyLog

/// Reads the integer-keyed fields of an entry in ascending order.
struct FieldReader {
    private var reader: CBORReader
    private var pairsLeft: Int
    private var previousKey: UInt64?
    private var nextKey: UInt64?

    private static let limits = CBORReader.Limits(depth: 4, stringLength: 2048, itemCount: 256)

    init(_ bytes: [UInt8], range: Range<Int>) throws(AllowlistError) {
        var reader = CBORReader(bytes, range: range, limits: Self.limits)
        do throws(CBORError) {
            pairsLeft = try reader.map()
        } catch {
            throw FieldReader.refusal(error)
        }
        self.reader = reader
        try advance()
    }

    /// Reads a nested map's fields with `body`.
    mutating func map<Value>(
        _ body: (inout FieldReader) throws(AllowlistError) -> Value
    ) throws(AllowlistError) -> Value {
        var nested = self
        nested.previousKey = nil
        nested.nextKey = nil
        nested.pairsLeft = try read { (reader) throws(CBORError) in try reader.map() }
        nested.reader = reader
        try nested.advance()
        let value = try body(&nested)
        try nested.noFieldsLeft()
        reader = nested.reader
        return value
    }

    /// Whether the next field has this key; nothing is read.
    func has(_ key: UInt64) -> Bool { nextKey == key }

    /// Whether the next field's value is a byte string; nothing is read.
    var isByteString: Bool { (try? reader.peek()) == .byteString }

    mutating func unsigned(_ key: UInt64) throws(AllowlistError) -> UInt64 {
        try field(key) { (reader) throws(CBORError) in try reader.unsigned() }
    }

    mutating func bool(_ key: UInt64) throws(AllowlistError) -> Bool {
        try field(key) { (reader) throws(CBORError) in try reader.bool() }
    }

    mutating func text(_ key: UInt64) throws(AllowlistError) -> String {
        try field(key) { (reader) throws(CBORError) in try reader.text() }
    }

    mutating func bytes(_ key: UInt64) throws(AllowlistError) -> [UInt8] {
        try field(key) { (reader) throws(CBORError) in Array(try reader.byteString()) }
    }

    mutating func digest(_ key: UInt64) throws(AllowlistError) -> Digest32 {
        try digest(try field(key) { (reader) throws(CBORError) in try reader.byteString() }, key)
    }

    /// An array whose items are read by `item`.
    mutating func array<Item>(
        _ key: UInt64, _ item: (inout FieldReader) throws(AllowlistError) -> Item
    ) throws(AllowlistError) -> [Item] {
        guard nextKey == key else { throw missing(key) }
        let count = try read { (reader) throws(CBORError) in try reader.array() }
        var items: [Item] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try item(&self)) }
        try advance()
        return items
    }

    /// A digest that is an item of an array.
    mutating func digestItem() throws(AllowlistError) -> Digest32 {
        try digest(try read { (reader) throws(CBORError) in try reader.byteString() }, nil)
    }

    /// Ends the entry: no field and no byte may be left.
    func finish() throws(AllowlistError) {
        try noFieldsLeft()
        do throws(CBORError) {
            try reader.finish()
        } catch {
            throw FieldReader.refusal(error)
        }
    }

    func refusal(_ message: String) -> AllowlistError {
        AllowlistError(.entryMalformed, offset: reader.offset, message)
    }

    private func noFieldsLeft() throws(AllowlistError) {
        if let nextKey { throw refusal("field \(nextKey) has no place in this entry") }
    }

    private func missing(_ key: UInt64) -> AllowlistError {
        if let nextKey { return refusal("field \(nextKey) stands where field \(key) must be") }
        return refusal("field \(key) is missing")
    }

    private func digest(_ bytes: ArraySlice<UInt8>, _ key: UInt64?) throws(AllowlistError) -> Digest32 {
        guard let digest = Digest32(bytes) else {
            throw refusal("a digest\(key.map { " (field \($0))" } ?? "") has \(bytes.count) bytes, not 32")
        }
        return digest
    }

    private mutating func field<Value>(
        _ key: UInt64, _ body: (inout CBORReader) throws(CBORError) -> Value
    ) throws(AllowlistError) -> Value {
        guard nextKey == key else { throw missing(key) }
        let value = try read(body)
        try advance()
        return value
    }

    private mutating func read<Value>(
        _ body: (inout CBORReader) throws(CBORError) -> Value
    ) throws(AllowlistError) -> Value {
        do throws(CBORError) {
            return try body(&reader)
        } catch {
            throw FieldReader.refusal(error)
        }
    }

    private mutating func advance() throws(AllowlistError) {
        guard pairsLeft > 0 else {
            nextKey = nil
            return
        }
        pairsLeft -= 1
        do throws(CBORError) {
            nextKey = try reader.nextKey(after: &previousKey)
        } catch {
            throw FieldReader.refusal(error)
        }
    }

    private static func refusal(_ error: CBORError) -> AllowlistError {
        AllowlistError(
            .entryMalformed, offset: error.offset, "the entry is not canonical CBOR: \(error.code.rawValue)")
    }
}
