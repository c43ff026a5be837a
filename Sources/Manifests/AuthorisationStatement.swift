import CanonicalJSON

/// What a run authority and the approvers sign before a run may start.
///
/// The signature is over ``encode()``, a JSON object in the form of RFC 8785. Digests are SHA-256, written as 64
/// lower-case hexadecimal digits. Its `type` is `rootline/authorisation/v1`, in a rehearsal
/// `rootline/rehearsal-authorisation/v1`.
public struct AuthorisationStatement: Hashable, Sendable {
    public static let type = "rootline/authorisation/v1"
    public static let rehearsalType = "rootline/rehearsal-authorisation/v1"

    /// What the statement says about the run, as the line can compute it again.
    public struct Facts: Hashable, Sendable {
        public var rehearsal: Bool
        public var run: String
        public var product: String
        /// ``CheckedManifest/digest``.
        public var manifestDigest: [UInt8]
        /// The SHA-256 of the certificate template's bytes.
        public var templateDigest: [UInt8]
        /// The SHA-256 of the issuing CA's subjectPublicKeyInfo.
        public var issuerDigest: [UInt8]
        /// The SHA-256 of the station's subjectPublicKeyInfo; nil when nothing is delivered to a station.
        public var stationDigest: [UInt8]?
        public var quantity: Int
        /// The origin of the log that the run is published in.
        public var origin: String

        public init(
            rehearsal: Bool, run: String, product: String, manifestDigest: [UInt8], templateDigest: [UInt8],
            issuerDigest: [UInt8], stationDigest: [UInt8]?, quantity: Int, origin: String
        ) {
            self.rehearsal = rehearsal
            self.run = run
            self.product = product
            self.manifestDigest = manifestDigest
            self.templateDigest = templateDigest
            self.issuerDigest = issuerDigest
            self.stationDigest = stationDigest
            self.quantity = quantity
            self.origin = origin
        }
    }

    public var facts: Facts
    /// How many devices may be made beyond the quantity to replace scrapped ones.
    public var spoilage: Int
    /// The first second of the run's time, since 1970 UTC.
    public var notBefore: Int64
    /// The last second of the run's time, since 1970 UTC.
    public var notAfter: Int64
    /// 16 octets that make every statement another one.
    public var nonce: [UInt8]
    /// The log's size that the approvers saw.
    public var treeSize: Int64
    /// The log's root at that size, 32 octets.
    public var rootHash: [UInt8]

    public init(
        facts: Facts, spoilage: Int, notBefore: Int64, notAfter: Int64,
        nonce: [UInt8] = AuthorisationStatement.makeNonce(), treeSize: Int64, rootHash: [UInt8]
    ) {
        self.facts = facts
        self.spoilage = spoilage
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.nonce = nonce
        self.treeSize = treeSize
        self.rootHash = rootHash
    }

    /// Draws 16 octets from the system's generator.
    public static func makeNonce() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// The bytes to sign; refused when a value is out of its range.
    public func encode() throws(ManifestError) -> [UInt8] {
        if let fault = firstFault() { throw Self.malformed(fault) }
        let stationDigest = facts.stationDigest
        let statement: JSONValue = [
            "type": .string(facts.rehearsal ? Self.rehearsalType : Self.type),
            "run": .string(facts.run),
            "product": .string(facts.product),
            "manifest": .string(Self.hexadecimal(facts.manifestDigest)),
            "template": .string(Self.hexadecimal(facts.templateDigest)),
            "issuer": .string(Self.hexadecimal(facts.issuerDigest)),
            "station": stationDigest.map { .string(Self.hexadecimal($0)) } ?? .null,
            "quantity": .integer(facts.quantity),
            "spoilage": .integer(spoilage),
            "notBefore": .integer(Int(notBefore)),
            "notAfter": .integer(Int(notAfter)),
            "nonce": .string(Self.hexadecimal(nonce)),
            "origin": .string(facts.origin),
            "treeSize": .integer(Int(treeSize)),
            "rootHash": .string(Self.hexadecimal(rootHash)),
        ]
        return statement.canonical
    }

    /// Reads signed bytes; refused unless encoding gives back the same bytes, with no key more or fewer.
    public static func decode(_ bytes: [UInt8]) throws(ManifestError) -> AuthorisationStatement {
        guard bytes.count <= 1 << 16, case .object(var object) = JSONValue(canonical: bytes) else {
            throw malformed("the content is not a JSON object in canonical form (RFC 8785)")
        }
        func text(_ key: String) throws(ManifestError) -> String {
            guard case .string(let text) = object.removeValue(forKey: key) else {
                throw malformed("\(key) is missing or not a string")
            }
            return text
        }
        func number(_ key: String) throws(ManifestError) -> Int {
            guard case .integer(let number) = object.removeValue(forKey: key) else {
                throw malformed("\(key) is missing or not a whole number")
            }
            return number
        }
        func octets(_ key: String) throws(ManifestError) -> [UInt8] {
            guard let octets = Self.octets(hexadecimal: try text(key)) else {
                throw malformed("\(key) is not in lower-case hexadecimal digits")
            }
            return octets
        }
        let type = try text("type")
        guard type == Self.type || type == rehearsalType else {
            throw malformed("the type \(type) is not known")
        }
        let station: [UInt8]?
        if object["station"] == .null {
            station = nil
            object["station"] = nil
        } else {
            station = try octets("station")
        }
        let facts = Facts(
            rehearsal: type == rehearsalType, run: try text("run"), product: try text("product"),
            manifestDigest: try octets("manifest"), templateDigest: try octets("template"),
            issuerDigest: try octets("issuer"), stationDigest: station, quantity: try number("quantity"),
            origin: try text("origin"))
        let statement = AuthorisationStatement(
            facts: facts, spoilage: try number("spoilage"), notBefore: Int64(try number("notBefore")),
            notAfter: Int64(try number("notAfter")), nonce: try octets("nonce"),
            treeSize: Int64(try number("treeSize")),
            rootHash: try octets("rootHash"))
        if let key = object.keys.min() { throw malformed("the key \(key) is not known") }
        guard try statement.encode() == bytes else {
            throw malformed("encoding does not give back the same bytes")
        }
        return statement
    }

    /// A fact that differs between what was signed and what is.
    public struct Difference: Hashable, Sendable, CustomStringConvertible {
        /// The key in the signed object.
        public let field: String
        public let signed: String
        public let actual: String

        public var description: String { "\(field): signed \(signed), is \(actual)" }
    }

    /// Compares what was signed with what is; empty when they agree.
    public func check(against actual: Facts) -> [Difference] {
        var differences: [Difference] = []
        func compare(_ field: String, _ signed: String, _ actual: String) {
            if signed != actual {
                differences.append(Difference(field: field, signed: signed, actual: actual))
            }
        }
        func type(_ facts: Facts) -> String { facts.rehearsal ? Self.rehearsalType : Self.type }
        compare("type", type(facts), type(actual))
        compare("run", facts.run, actual.run)
        compare("product", facts.product, actual.product)
        compare("manifest", Self.hexadecimal(facts.manifestDigest), Self.hexadecimal(actual.manifestDigest))
        compare("template", Self.hexadecimal(facts.templateDigest), Self.hexadecimal(actual.templateDigest))
        compare("issuer", Self.hexadecimal(facts.issuerDigest), Self.hexadecimal(actual.issuerDigest))
        compare(
            "station", facts.stationDigest.map(Self.hexadecimal) ?? "null",
            actual.stationDigest.map(Self.hexadecimal) ?? "null")
        compare("quantity", String(facts.quantity), String(actual.quantity))
        compare("origin", facts.origin, actual.origin)
        return differences
    }

    /// Whether the time, in seconds since 1970 UTC, lies within the run's time, both ends included.
    public func isCurrent(at seconds: Int64) -> Bool { notBefore <= seconds && seconds <= notAfter }

    private func firstFault() -> String? {
        let digests = [
            ("manifest", facts.manifestDigest), ("template", facts.templateDigest),
            ("issuer", facts.issuerDigest),
            ("rootHash", rootHash), ("station", facts.stationDigest ?? [UInt8](repeating: 0, count: 32)),
        ]
        for (name, digest) in digests where digest.count != 32 { return "\(name) is not 32 octets" }
        if nonce.count != 16 { return "nonce is not 16 octets" }
        for (name, text) in [("run", facts.run), ("product", facts.product), ("origin", facts.origin)] {
            if text.isEmpty || text.utf8.count > 1024 { return "\(name) is empty or longer than 1024 octets" }
        }
        if !(1...RunManifest.largestQuantity).contains(facts.quantity) { return "quantity is out of range" }
        if !(0...RunManifest.largestQuantity).contains(spoilage) { return "spoilage is out of range" }
        if notBefore < 0 || notAfter > JSONValue.largestInteger || notBefore > notAfter {
            return "notBefore and notAfter are out of range or inverted"
        }
        if !(0...Int64(JSONValue.largestInteger)).contains(treeSize) { return "treeSize is out of range" }
        return nil
    }

    private static func malformed(_ message: String) -> ManifestError {
        ManifestError(.authorisationInvalid, subject: "authorisation", message: message)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func octets(hexadecimal text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2),
            digits.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 })
        else { return nil }
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
    }
}
