import CBOR

extension FuzzTarget {
    /// `CBORReader`: accepts what the standard's deterministic form is and nothing else, and what was read
    /// is written again with the same bytes.
    static let cbor = FuzzTarget("cbor", maximumLength: 600, seeds: cborSeeds()) {
        (input) throws(BrokenProperty) in
        var outcome = Outcome.accepted
        do throws(CBORError) {
            try CBORReader.checkDocument(input)
        } catch {
            outcome = .refused(error.code.rawValue)
            try hold(error.offset >= 0 && error.offset <= input.count, "the error's offset is in the input")
        }
        try hold(
            CanonicalCBOR.isDocument(input) == (outcome == .accepted),
            "the reader and the second opinion disagree: \(outcome)")
        var reader = CBORReader(input)
        var writer = CBORWriter()
        do throws(CBORError) {
            try transcribe(&reader, &writer)
            try reader.finish()
        } catch {
            // Negative integers below Int64 are well formed and have no Swift value.
            try hold(
                outcome != .accepted || error.code == .tooLarge, "a checked document cannot be read: \(error)"
            )
            return outcome
        }
        try hold(writer.bytes == input, "what was read is not written again with the same bytes")
        return outcome
    }

    private static func transcribe(
        _ reader: inout CBORReader, _ writer: inout CBORWriter, depth: Int = 0
    ) throws(CBORError) {
        guard depth <= 8 else { throw CBORError(.tooDeep, at: reader.offset) }
        switch try reader.peek() {
        case .unsigned: writer.unsigned(try reader.unsigned())
        case .negative: writer.integer(try reader.integer())
        case .byteString: writer.byteString(try reader.byteString())
        case .text: writer.text(try reader.text())
        case .bool: writer.bool(try reader.bool())
        case .null:
            try reader.null()
            writer.null()
        case .tag:
            writer.tag(try reader.tag())
            try transcribe(&reader, &writer, depth: depth + 1)
        case .array:
            let count = try reader.array()
            writer.array(count: count)
            for _ in 0..<count { try transcribe(&reader, &writer, depth: depth + 1) }
        case .map:
            let count = try reader.map()
            writer.map(count: count)
            for _ in 0..<2 * count { try transcribe(&reader, &writer, depth: depth + 1) }
        }
    }

    private static func cborSeeds() -> [[UInt8]] {
        var writer = CBORWriter()
        writer.map(count: 4)
        writer.unsigned(0)
        writer.array(count: 3)
        for value: Int64 in [-1, 1 << 40, .min] { writer.integer(value) }
        writer.unsigned(300)
        writer.text("größer")
        writer.integer(-1)
        writer.tag(1)
        writer.byteString(Array(repeating: 7, count: 30))
        writer.text("a")
        writer.map(count: 2)
        writer.bool(false)
        writer.null()
        writer.bool(true)
        writer.array(count: 0)
        let nested = Array(repeating: UInt8(0x81), count: 8) + [0x00]
        return [
            writer.bytes, [0x00], [0xf6], nested, [0x81] + nested, [0xbf, 0xff],
            [0x9b] + [UInt8](repeating: 255, count: 8),
        ]
    }
}
