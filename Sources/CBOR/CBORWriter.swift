/// Appends deterministic CBOR (RFC 8949 §4.2.1) to a byte array.
///
/// Heads are always the shortest form and lengths always definite. Map keys are written by the
/// caller in ascending order of their encodings; for non-negative integers that is numeric order.
/// `CBORReader.checkDocument` tells whether that was kept.
public struct CBORWriter: Sendable {
    public private(set) var bytes: [UInt8]

    public init(reservingCapacity capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Empties the writer and keeps its storage, for use in a loop.
    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
    }

    public mutating func unsigned(_ value: UInt64) {
        head(.unsigned, value)
    }

    public mutating func integer(_ value: Int64) {
        if value >= 0 {
            head(.unsigned, UInt64(value))
        } else {
            head(.negative, UInt64(bitPattern: ~value))
        }
    }

    public mutating func byteString(_ value: some Collection<UInt8>) {
        head(.bytes, UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func byteString(_ value: UnsafeRawBufferPointer) {
        head(.bytes, UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func text(_ value: String) {
        let utf8 = value.utf8
        head(.text, UInt64(utf8.count))
        bytes.append(contentsOf: utf8)
    }

    /// Begins an array; exactly `count` items must follow.
    public mutating func array(count: Int) {
        head(.array, UInt64(count))
    }

    /// Begins a map; exactly `count` pairs of key and value must follow, keys ascending.
    public mutating func map(count: Int) {
        head(.map, UInt64(count))
    }

    /// Writes a tag number; exactly one item must follow.
    public mutating func tag(_ number: UInt64) {
        head(.tag, number)
    }

    public mutating func bool(_ value: Bool) {
        bytes.append(value ? 0xf5 : 0xf4)
    }

    public mutating func null() {
        bytes.append(0xf6)
    }

    private mutating func head(_ major: MajorType, _ argument: UInt64) {
        let type = major.rawValue << 5
        switch argument {
        case 0..<24:
            bytes.append(type | UInt8(argument))
        case 24...0xff:
            bytes.append(type | 24)
            bytes.append(UInt8(argument))
        case 0x100...0xffff:
            bytes.append(type | 25)
            appendBigEndian(argument, count: 2)
        case 0x1_0000...0xffff_ffff:
            bytes.append(type | 26)
            appendBigEndian(argument, count: 4)
        default:
            bytes.append(type | 27)
            appendBigEndian(argument, count: 8)
        }
    }

    private mutating func appendBigEndian(_ value: UInt64, count: Int) {
        var shift = (count - 1) * 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
            shift -= 8
        }
    }
}

/// The top three bits of an item's first byte (RFC 8949 §3.1).
enum MajorType: UInt8 {
    case unsigned, negative, bytes, text, array, map, tag, simple
}
