/// The bounds that fields of entries keep, the same for writers and readers.
enum FieldBounds {
    /// 9999-12-31T23:59:59Z, the time that RFC 5280 §4.1.2.5 uses for "no well-defined expiration".
    static let latestTime: UInt64 = 253_402_300_799

    static func checkText(
        _ text: String, _ name: String, maximum: Int = 128
    ) throws(AllowlistError) {
        let length = text.utf8.count
        guard length >= 1, length <= maximum else {
            throw AllowlistError(.entryMalformed, "\(name) has \(length) UTF-8 bytes, not 1 to \(maximum)")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw AllowlistError(.entryMalformed, "\(name) has a control character")
        }
    }

    static func checkBytes(
        _ bytes: [UInt8], _ name: String, _ lengths: ClosedRange<Int>
    ) throws(AllowlistError) {
        guard lengths.contains(bytes.count) else {
            throw AllowlistError(
                .entryMalformed,
                "\(name) has \(bytes.count) bytes, not \(lengths.lowerBound) to \(lengths.upperBound)")
        }
    }

    static func checkTime(_ seconds: UInt64, _ name: String) throws(AllowlistError) {
        guard seconds <= latestTime else {
            throw AllowlistError(.entryMalformed, "\(name) is after the year 9999")
        }
    }

    /// Counts are bounded so that sums of two never overflow.
    static func checkCount(_ count: UInt64, _ name: String) throws(AllowlistError) {
        guard count <= 1 << 48 else {
            throw AllowlistError(.entryMalformed, "\(name) is larger than any run")
        }
    }
}
