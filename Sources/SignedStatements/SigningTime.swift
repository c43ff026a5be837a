import SwiftASN1

/// Times as CMS writes them: UTCTime to the end of 2049, GeneralizedTime after it (RFC 5652 §11.3).
///
/// Days are counted in the proleptic Gregorian calendar by hand: whoever opens a list should not load a calendar.
package enum SigningTime {
    private static let utcTimeTag: UInt8 = 0x17
    private static let generalizedTimeTag: UInt8 = 0x18
    private static let day: Int64 = 86_400
    /// The last second of 9999.
    private static let latest: Int64 = 253_402_300_799

    package static func der(_ seconds: Int64) throws -> [UInt8] {
        guard (0...latest).contains(seconds) else { throw DER.malformed }
        let (year, month, dayOfMonth) = date(day: seconds / day)
        func digits(_ number: Int64, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let second = seconds % day
        let rest =
            digits(month) + digits(dayOfMonth) + digits(second / 3600) + digits(second / 60 % 60)
            + digits(second % 60) + "Z"
        return year < 2050
            ? DER.tagged(utcTimeTag, Array((digits(year % 100) + rest).utf8))
            : DER.tagged(generalizedTimeTag, Array((digits(year, 4) + rest).utf8))
    }

    /// Seconds since 1970 UTC. A date that there is not is read as one that there is: the caller writes it again and
    /// compares.
    package static func read(_ node: ASN1Node) throws -> Int64 {
        let isShort = node.identifier == .utcTime
        guard isShort || node.identifier == .generalizedTime else { throw DER.malformed }
        let text = try DER.primitive(node)
        let length = isShort ? 13 : 15
        guard text.count == length, text.last == UInt8(ascii: "Z"),
            text.dropLast().allSatisfy({ (0x30...0x39).contains($0) })
        else { throw DER.malformed }
        let numbers = text.dropLast().map { Int64($0) - 0x30 }
        func pair(_ index: Int) -> Int64 { numbers[index] * 10 + numbers[index + 1] }
        let start = isShort ? 2 : 4
        let year = isShort ? (pair(0) < 50 ? 2000 : 1900) + pair(0) : pair(0) * 100 + pair(2)
        let days = dayNumber(year: year, month: pair(start), day: pair(start + 2))
        return days * day + pair(start + 4) * 3600 + pair(start + 6) * 60 + pair(start + 8)
    }

    /// Days from 1970-01-01 to a date. Years are counted from March, so that the odd day comes last.
    private static func dayNumber(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = day + 719_468
        let (cycle, inCycle) = (days / 146_097, days % 146_097)
        let year = (inCycle - inCycle / 1460 + inCycle / 36_524 - inCycle / 146_096) / 365
        let dayOfYear = inCycle - (365 * year + year / 4 - year / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            400 * cycle + year + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }
}
