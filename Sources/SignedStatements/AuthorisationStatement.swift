import CanonicalJSON

/// What the approvers and the run authority sign before a run may start.
///
/// The signature is over ``encode()``, a JSON object in the form of RFC 8785. Digests are SHA-256, written as 64
/// lower-case hexadecimal digits. Its `type` is `rootline/authorisation/v1`, in a rehearsal
/// `rootline/rehearsal-authorisation/v1`.
public struct AuthorisationStatement: ApprovableStatement, Hashable {
    public static let type = "rootline/authorisation/v1"
    public static let rehearsalType = "rootline/rehearsal-authorisation/v1"
    /// Of devices of one run, and of certificates beyond them.
    public static let largestQuantity = 100_000_000

    /// What the statement says about the run, as the line can compute it again.
    public struct Facts: Hashable, Sendable {
        public var rehearsal: Bool
        public var run: String
        public var product: String
        /// The SHA-256 over manifest, device list and station key, as the line computes it.
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
    /// The digest of the roster in force whose members approve, 32 octets.
    public var roster: [UInt8]
    /// How many of them have to.
    public var approvals: Int
    /// The SHA-256 of the run authority's subjectPublicKeyInfo, which countersigns.
    public var authority: [UInt8]

    public init(
        facts: Facts, spoilage: Int, notBefore: Int64, notAfter: Int64,
        nonce: [UInt8] = AuthorisationStatement.makeNonce(), treeSize: Int64, rootHash: [UInt8],
        roster: [UInt8], approvals: Int, authority: [UInt8]
    ) {
        self.roster = roster
        self.approvals = approvals
        self.authority = authority
        self.facts = facts
        self.spoilage = spoilage
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.nonce = nonce
        self.treeSize = treeSize
        self.rootHash = rootHash
    }

    /// Draws 16 octets from the system's generator.
    public static func makeNonce() -> [UInt8] { StatementForm.makeNonce() }

    /// The bytes to sign; refused when a value is out of its range.
    public func encode() throws(StatementError) -> [UInt8] {
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
            "roster": .string(Self.hexadecimal(roster)),
            "approvals": .integer(approvals),
            "authority": .string(Self.hexadecimal(authority)),
        ]
        return statement.canonical
    }

    /// Reads signed bytes; refused unless encoding gives back the same bytes, with no key more or fewer.
    public static func decode(_ bytes: [UInt8]) throws(StatementError) -> AuthorisationStatement {
        var reader = try StatementReader(bytes)
        let isRehearsal = try reader.isRehearsal(type: Self.type, rehearsalType: rehearsalType)
        let facts = Facts(
            rehearsal: isRehearsal, run: try reader.text("run"), product: try reader.text("product"),
            manifestDigest: try reader.octets("manifest"), templateDigest: try reader.octets("template"),
            issuerDigest: try reader.octets("issuer"), stationDigest: try reader.octetsOrNull("station"),
            quantity: try reader.number("quantity"), origin: try reader.text("origin"))
        let statement = AuthorisationStatement(
            facts: facts, spoilage: try reader.number("spoilage"),
            notBefore: Int64(try reader.number("notBefore")), notAfter: Int64(try reader.number("notAfter")),
            nonce: try reader.octets("nonce"), treeSize: Int64(try reader.number("treeSize")),
            rootHash: try reader.octets("rootHash"), roster: try reader.octets("roster"),
            approvals: try reader.number("approvals"), authority: try reader.octets("authority"))
        try reader.requireEnd(rewritten: try statement.encode())
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

    private func firstFault() -> String? {
        let digests = [
            ("manifest", facts.manifestDigest), ("template", facts.templateDigest),
            ("issuer", facts.issuerDigest),
            ("rootHash", rootHash), ("station", facts.stationDigest ?? [UInt8](repeating: 0, count: 32)),
        ]
        for (name, digest) in digests where digest.count != 32 { return "\(name) is not 32 octets" }
        if let fault = commonFault { return fault }
        for (name, text) in [("run", facts.run), ("product", facts.product), ("origin", facts.origin)] {
            if text.isEmpty || text.utf8.count > 1024 { return "\(name) is empty or longer than 1024 octets" }
        }
        if !(1...Self.largestQuantity).contains(facts.quantity) { return "quantity is out of range" }
        if !(0...Self.largestQuantity).contains(spoilage) { return "spoilage is out of range" }
        if !(0...Int64(JSONValue.largestInteger)).contains(treeSize) { return "treeSize is out of range" }
        return nil
    }

    private static func malformed(_ message: String) -> StatementError { StatementForm.malformed(message) }

    private static func hexadecimal(_ bytes: [UInt8]) -> String { StatementForm.hexadecimal(bytes) }
}
