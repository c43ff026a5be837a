import CBOR
import Testing

@Suite("Deterministic CBOR")
struct DeterministicEncodingTests {
    /// RFC 8949 appendix A, the values that are in the deterministic subset read here.
    static let vectors: [(hex: String, write: @Sendable (inout CBORWriter) -> Void)] = [
        ("00", { $0.unsigned(0) }),
        ("01", { $0.unsigned(1) }),
        ("0a", { $0.unsigned(10) }),
        ("17", { $0.unsigned(23) }),
        ("1818", { $0.unsigned(24) }),
        ("1819", { $0.unsigned(25) }),
        ("1864", { $0.unsigned(100) }),
        ("1903e8", { $0.unsigned(1000) }),
        ("1a000f4240", { $0.unsigned(1_000_000) }),
        ("1b000000e8d4a51000", { $0.unsigned(1_000_000_000_000) }),
        ("1bffffffffffffffff", { $0.unsigned(.max) }),
        ("20", { $0.integer(-1) }),
        ("29", { $0.integer(-10) }),
        ("3863", { $0.integer(-100) }),
        ("3903e7", { $0.integer(-1000) }),
        ("f4", { $0.bool(false) }),
        ("f5", { $0.bool(true) }),
        ("f6", { $0.null() }),
        (
            "c11a514b67b0",
            {
                $0.tag(1)
                $0.unsigned(1_363_896_240)
            }
        ),
        (
            "d74401020304",
            {
                $0.tag(23)
                $0.byteString([1, 2, 3, 4])
            }
        ),
        ("40", { $0.byteString([UInt8]()) }),
        ("4401020304", { $0.byteString([1, 2, 3, 4]) }),
        ("60", { $0.text("") }),
        ("6161", { $0.text("a") }),
        ("6449455446", { $0.text("IETF") }),
        ("62225c", { $0.text("\"\\") }),
        ("62c3bc", { $0.text("\u{fc}") }),
        ("63e6b0b4", { $0.text("\u{6c34}") }),
        ("64f0908591", { $0.text("\u{10151}") }),
        ("80", { $0.array(count: 0) }),
        (
            "83010203",
            {
                $0.array(count: 3)
                for item in 1...3 { $0.unsigned(UInt64(item)) }
            }
        ),
        ("a0", { $0.map(count: 0) }),
        (
            "a201020304",
            {
                $0.map(count: 2)
                for item in 1...4 { $0.unsigned(UInt64(item)) }
            }
        ),
        (
            "826161a161626163",
            {
                $0.array(count: 2)
                $0.text("a")
                $0.map(count: 1)
                $0.text("b")
                $0.text("c")
            }
        ),
    ]

    @Test(
        "Values of RFC 8949 appendix A are written and accepted as they stand there",
        arguments: vectors.indices)
    func vector(index: Int) throws {
        let vector = Self.vectors[index]
        var writer = CBORWriter()
        vector.write(&writer)
        #expect(writer.bytes == bytes(vector.hex))
        try CBORReader.checkDocument(writer.bytes)
    }

    @Test(
        "Integers at the edges of each length are read back",
        arguments: [
            0, 23, 24, 255, 256, 65535, 65536, 4_294_967_295, 4_294_967_296, UInt64.max,
        ])
    func edges(value: UInt64) throws {
        var writer = CBORWriter()
        writer.unsigned(value)
        var reader = CBORReader(writer.bytes)
        #expect(try reader.unsigned() == value)
        try reader.finish()
    }

    @Test("Negative integers are read back", arguments: [-1, -24, -25, -256, -257, Int64.min, Int64.max])
    func negative(value: Int64) throws {
        var writer = CBORWriter()
        writer.integer(value)
        var reader = CBORReader(writer.bytes)
        #expect(try reader.integer() == value)
    }

    /// The bytes, and why they are refused.
    static let refusals: [(String, CBORError.Code)] = [
        ("", .truncated),
        ("1817", .notShortest),
        ("1900ff", .notShortest),
        ("1a0000ffff", .notShortest),
        ("1b00000000ffffffff", .notShortest),
        ("3817", .notShortest),
        ("5817" + String(repeating: "00", count: 23), .notShortest),
        ("7801" + "61", .notShortest),
        ("d80101", .notShortest),
        ("18", .truncated),
        ("19ff", .truncated),
        ("42ff", .truncated),
        ("6261", .truncated),
        ("8201", .truncated),
        ("a101", .truncated),
        ("1c", .reserved),
        ("1f", .reserved),
        ("5f4100ff", .indefiniteLength),
        ("7f6161ff", .indefiniteLength),
        ("9fff", .indefiniteLength),
        ("bfff", .indefiniteLength),
        ("ff", .indefiniteLength),
        ("0000", .trailingBytes),
        ("a0f6", .trailingBytes),
        ("a201000100", .duplicateKey),
        ("a202000100", .unsortedKeys),
        ("a2616200616100", .unsortedKeys),
        ("a2616100616100", .duplicateKey),
        ("a262616100616200", .unsortedKeys),
        ("61ff", .invalidText),
        ("62c080", .invalidText),
        ("63eda080", .invalidText),
        ("f7", .unsupported),
        ("f90000", .unsupported),
        ("fa00000000", .unsupported),
        ("fb0000000000000000", .unsupported),
        ("f818", .unsupported),
        ("e0", .unsupported),
        ("9a00100000", .tooLarge),
        ("5a00100000", .tooLarge),
        ("818181818181818181", .tooDeep),
        ("c1c1c1c1c1c1c1c1c100", .tooDeep),
    ]

    @Test("Anything but the one deterministic encoding is refused", arguments: refusals)
    func refusal(hex: String, code: CBORError.Code) {
        let error = #expect(throws: CBORError.self) { try CBORReader.checkDocument(bytes(hex)) }
        #expect(error?.code == code)
    }

    @Test("An integer key must be greater than the key before it")
    func keys() throws {
        var reader = CBORReader([0x05, 0x05])
        var previous: UInt64?
        #expect(try reader.nextKey(after: &previous) == 5)
        #expect(throws: CBORError(.duplicateKey, at: 1)) { try reader.nextKey(after: &previous) }
    }

    @Test("A value of another type than the one asked for is refused and stays unread")
    func types() throws {
        var reader = CBORReader([0x41, 0x07])
        #expect(throws: CBORError(.unexpectedType, at: 0)) { try reader.unsigned() }
        #expect(throws: CBORError(.unexpectedType, at: 0)) { try reader.text() }
        #expect(throws: CBORError(.unexpectedType, at: 0)) { try reader.map() }
        #expect(try Array(reader.byteString()) == [7])
    }

    @Test("A reader over a range sees nothing outside it")
    func range() throws {
        var reader = CBORReader([0xff, 0x42, 0x01, 0x02, 0xff], range: 1..<3)
        #expect(throws: CBORError(.truncated, at: 0)) { try reader.byteString() }
    }

    @Test("No sequence of up to three bytes makes the reader crash")
    func exhaustive() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                try? CBORReader.checkDocument([first, second])
                for third in stride(from: UInt8(0), through: 0xf0, by: 0x11) {
                    try? CBORReader.checkDocument([first, second, third])
                }
            }
        }
    }
}

func bytes(_ hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var digits = hex[...]
    while let byte = UInt8(digits.prefix(2), radix: 16) {
        bytes.append(byte)
        digits = digits.dropFirst(2)
    }
    return bytes
}
