import CanonicalJSON
import Foundation

/// What the members of a roster and the run authority sign: a statement in the one form of RFC 8785.
public protocol ApprovableStatement: Sendable {
    /// The digest of the roster in force whose members approve, 32 octets.
    var roster: [UInt8] { get }
    /// How many of them have to.
    var approvals: Int { get }
    /// The SHA-256 of the subjectPublicKeyInfo of the key that countersigns: the run authority's.
    var authority: [UInt8] { get }
    /// Whether it counts only with a countersignature; nearly every statement does.
    var needsCountersignature: Bool { get }
    /// The first second of its time, since 1970 UTC.
    var notBefore: Int64 { get }
    /// The last second of its time, since 1970 UTC.
    var notAfter: Int64 { get }
    /// 16 octets that make every statement another one.
    var nonce: [UInt8] { get }

    /// The bytes to sign; refused when a value is out of its range.
    func encode() throws(StatementError) -> [UInt8]
    /// Reads signed bytes; refused unless encoding gives back the same bytes, with no key more or fewer.
    static func decode(_ bytes: [UInt8]) throws(StatementError) -> Self
}

extension ApprovableStatement {
    public var needsCountersignature: Bool { true }

    /// The largest quorum that a statement can ask for.
    public static var mostApprovals: Int { 63 }

    /// Whether the time, in seconds since 1970 UTC, lies within the statement's, both ends included.
    public func isCurrent(at seconds: Int64) -> Bool { notBefore <= seconds && seconds <= notAfter }

    /// What is out of range in the fields that every statement has.
    package var commonFault: String? {
        if nonce.count != StatementForm.nonceLength { return "nonce is not 16 octets" }
        if roster.count != 32 { return "roster is not 32 octets" }
        if authority.count != 32 { return "authority is not 32 octets" }
        if !(1...Self.mostApprovals).contains(approvals) { return "approvals is out of range" }
        if notBefore < 0 || notAfter > JSONValue.largestInteger || notBefore > notAfter {
            return "notBefore and notAfter are out of range or inverted"
        }
        return nil
    }
}

/// How statements write what JSON has no form for.
package enum StatementForm {
    package static let nonceLength = 16

    /// Draws 16 octets from the system's generator.
    package static func makeNonce() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<nonceLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    package static func malformed(_ message: String) -> StatementError {
        StatementError(.statementMalformed, "authorisation", message)
    }

    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Octets written in lower-case hexadecimal digits; nil for anything else.
    package static func octets(hexadecimal text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2),
            digits.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 })
        else { return nil }
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }
}

/// Takes a statement's fields one by one, so that what is left over shows.
package struct StatementReader {
    private static let longestStatement = 1 << 16

    private let bytes: [UInt8]
    private var object: [String: JSONValue]

    package init(_ bytes: [UInt8]) throws(StatementError) {
        guard bytes.count <= StatementReader.longestStatement,
            case .object(let object) = JSONValue(canonical: bytes)
        else {
            throw StatementForm.malformed("the content is not a JSON object in canonical form (RFC 8785)")
        }
        self.bytes = bytes
        self.object = object
    }

    package mutating func text(_ key: String) throws(StatementError) -> String {
        guard case .string(let text) = object.removeValue(forKey: key) else {
            throw StatementForm.malformed("\(key) is missing or not a string")
        }
        return text
    }

    package mutating func number(_ key: String) throws(StatementError) -> Int {
        guard case .integer(let number) = object.removeValue(forKey: key) else {
            throw StatementForm.malformed("\(key) is missing or not a whole number")
        }
        return number
    }

    package mutating func flag(_ key: String) throws(StatementError) -> Bool {
        guard case .bool(let flag) = object.removeValue(forKey: key) else {
            throw StatementForm.malformed("\(key) is missing or neither true nor false")
        }
        return flag
    }

    /// Octets in base64; another spelling of them shows at the end.
    package mutating func base64(_ key: String) throws(StatementError) -> [UInt8] {
        guard let octets = Data(base64Encoded: try text(key)) else {
            throw StatementForm.malformed("\(key) is not in base64")
        }
        return Array(octets)
    }

    package mutating func octets(_ key: String) throws(StatementError) -> [UInt8] {
        guard let octets = StatementForm.octets(hexadecimal: try text(key)) else {
            throw StatementForm.malformed("\(key) is not in lower-case hexadecimal digits")
        }
        return octets
    }

    package mutating func octetsOrNull(_ key: String) throws(StatementError) -> [UInt8]? {
        guard object[key] == .null else { return try octets(key) }
        object[key] = nil
        return nil
    }

    /// Whether the statement's type is the rehearsals'; any third type is refused.
    package mutating func isRehearsal(type: String, rehearsalType: String) throws(StatementError) -> Bool {
        let found = try text("type")
        guard found == type || found == rehearsalType else {
            throw StatementForm.malformed("the type \(found) is not \(type)")
        }
        return found == rehearsalType
    }

    /// Throws where a key is left over, or writing does not give the same bytes.
    package func requireEnd(rewritten: [UInt8]) throws(StatementError) {
        if let key = object.keys.min() { throw StatementForm.malformed("the key \(key) is not known") }
        guard rewritten == bytes else {
            throw StatementForm.malformed("encoding does not give back the same bytes")
        }
    }
}
