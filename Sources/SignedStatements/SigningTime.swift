import Foundation
import SwiftASN1

/// Times as CMS writes them: UTCTime to the end of 2049, GeneralizedTime after it (RFC 5652 §11.3).
package enum SigningTime {
    private static let utcTimeTag: UInt8 = 0x17
    private static let generalizedTimeTag: UInt8 = 0x18

    private static func calendar() -> Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .current
        return calendar
    }

    package static func der(_ seconds: Int64) throws -> [UInt8] {
        let parts = calendar().dateComponents(
            [.year, .month, .day, .hour, .minute, .second],
            from: Date(timeIntervalSince1970: TimeInterval(seconds)))
        guard let year = parts.year, (1970...9999).contains(year) else { throw DER.malformed }
        func digits(_ number: Int?, _ count: Int = 2) -> String {
            let text = String(number ?? 0)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let rest =
            digits(parts.month) + digits(parts.day) + digits(parts.hour) + digits(parts.minute)
            + digits(parts.second) + "Z"
        return year < 2050
            ? DER.tagged(utcTimeTag, Array((digits(year % 100) + rest).utf8))
            : DER.tagged(generalizedTimeTag, Array((digits(year, 4) + rest).utf8))
    }

    package static func read(_ node: ASN1Node) throws -> Int64 {
        let isShort = node.identifier == .utcTime
        guard isShort || node.identifier == .generalizedTime else { throw DER.malformed }
        let text = try DER.primitive(node)
        let length = isShort ? 13 : 15
        guard text.count == length, text.last == UInt8(ascii: "Z"),
            text.dropLast().allSatisfy({ (0x30...0x39).contains($0) })
        else { throw DER.malformed }
        let numbers = text.dropLast().map { Int($0) - 0x30 }
        func pair(_ index: Int) -> Int { numbers[index] * 10 + numbers[index + 1] }
        let start = isShort ? 2 : 4
        let year = isShort ? (pair(0) < 50 ? 2000 : 1900) + pair(0) : pair(0) * 100 + pair(2)
        let parts = DateComponents(
            year: year, month: pair(start), day: pair(start + 2), hour: pair(start + 4),
            minute: pair(start + 6), second: pair(start + 8))
        guard let date = calendar().date(from: parts) else { throw DER.malformed }
        return Int64(date.timeIntervalSince1970)
    }
}
