import Crypto
import Foundation
import Rosters
import SwiftASN1

/// Object identifiers, as the contents of their DER.
enum OID {
    /// id-data (RFC 5652 §4).
    static let data: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]
    /// id-signedData (RFC 5652 §5.1).
    static let signedData: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02]
    /// RFC 5652 §11.1.
    static let contentType: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03]
    /// RFC 5652 §11.2.
    static let messageDigest: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04]
    /// RFC 5652 §11.3.
    static let signingTime: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x05]
    /// The run authority's attribute over the approvals that it saw: 2.25.318704569364525730931175031618716386195, from
    /// the UUID efc44471-643d-4acb-84df-24e053f94393 (ITU-T X.667 §7).
    static let approvals: [UInt8] = [
        0x69, 0x83, 0xDF, 0xC4, 0xA2, 0x9C, 0xAC, 0xC3, 0xEA, 0xAB, 0x97, 0x84, 0xEF, 0xC9, 0x9C, 0x85, 0x9F,
        0xE5, 0x87, 0x13,
    ]
}

extension DER {
    struct Malformed: Error {}

    static var malformed: any Error { Malformed() }

    /// A tag, a length in the fewest octets, the content (ITU-T X.690 §10.1).
    static func tagged(_ tag: UInt8, _ content: some Collection<UInt8>) -> [UInt8] {
        guard content.count >= 0x80 else { return [tag, UInt8(content.count)] + content }
        var length: [UInt8] = []
        var rest = content.count
        while rest > 0 {
            length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + content
    }

    /// The members of a SET OF in ascending order (ITU-T X.690 §11.6), one after the other.
    static func sorted(_ members: [[UInt8]]) -> [UInt8] {
        members.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    }

    /// The nodes in a constructed one.
    static func members(_ node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { throw malformed }
        return Array(nodes)
    }

    /// The content of a primitive node.
    static func primitive(_ node: ASN1Node) throws -> [UInt8] {
        guard case .primitive(let bytes) = node.content else { throw malformed }
        return Array(bytes)
    }
}

extension StrictSignature.Curve {
    /// SHA-256 or SHA-384, with parameters absent (RFC 5754 §2).
    var digestAlgorithm: [UInt8] {
        let last: UInt8 = self == .p256 ? 1 : 2
        return DER.tagged(
            0x30, DER.tagged(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] as [UInt8]))
    }

    /// ecdsa-with-SHA256 or ecdsa-with-SHA384 (RFC 5753 §2.1.1).
    var signatureAlgorithm: [UInt8] {
        let last: UInt8 = self == .p256 ? 2 : 3
        return DER.tagged(
            0x30, DER.tagged(0x06, [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, last] as [UInt8]))
    }

    func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .p256: Array(SHA256.hash(data: bytes))
        case .p384: Array(SHA384.hash(data: bytes))
        }
    }
}

/// Times as CMS writes them: UTCTime to the end of 2049, GeneralizedTime after it (RFC 5652 §11.3).
enum SigningTime {
    private static let utcTimeTag: UInt8 = 0x17
    private static let generalizedTimeTag: UInt8 = 0x18

    private static func calendar() -> Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .current
        return calendar
    }

    static func der(_ seconds: Int64) throws -> [UInt8] {
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

    static func read(_ node: ASN1Node) throws -> Int64 {
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
