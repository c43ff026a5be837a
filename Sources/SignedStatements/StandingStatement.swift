import CanonicalJSON

/// What the approvers and the run authority sign so that the issuing CA's revocation lists may be issued unattended.
///
/// In the form of ``AuthorisationStatement``; its `type` is `rootline/standing-authorisation/v1`, in a rehearsal
/// `rootline/rehearsal-standing-authorisation/v1`.
public struct StandingStatement: ApprovableStatement, Hashable {
    public static let type = "rootline/standing-authorisation/v1"
    public static let rehearsalType = "rootline/rehearsal-standing-authorisation/v1"
    /// Ten years, in seconds: no list may promise more.
    public static let longestSpan: Int64 = 3660 * 86_400

    public var rehearsal: Bool
    /// The origin of the site's log.
    public var origin: String
    /// The SHA-256 of the issuing CA's subjectPublicKeyInfo, whose lists may be issued.
    public var issuer: [UInt8]
    /// The most seconds from a list's thisUpdate to its nextUpdate.
    public var span: Int64
    public var notBefore: Int64
    public var notAfter: Int64
    public var nonce: [UInt8]
    public var roster: [UInt8]
    public var approvals: Int
    public var authority: [UInt8]

    public init(
        rehearsal: Bool, origin: String, issuer: [UInt8], span: Int64, notBefore: Int64, notAfter: Int64,
        nonce: [UInt8] = StandingStatement.makeNonce(), roster: [UInt8], approvals: Int,
        authority: [UInt8]
    ) {
        self.authority = authority
        self.rehearsal = rehearsal
        self.origin = origin
        self.issuer = issuer
        self.span = span
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.nonce = nonce
        self.roster = roster
        self.approvals = approvals
    }

    /// Draws 16 octets from the system's generator.
    public static func makeNonce() -> [UInt8] { StatementForm.makeNonce() }

    public func encode() throws(StatementError) -> [UInt8] {
        if let fault = firstFault { throw StatementForm.malformed(fault) }
        let statement: JSONValue = [
            "type": .string(rehearsal ? Self.rehearsalType : Self.type),
            "origin": .string(origin),
            "issuer": .string(StatementForm.hexadecimal(issuer)),
            "span": .integer(Int(span)),
            "notBefore": .integer(Int(notBefore)),
            "notAfter": .integer(Int(notAfter)),
            "nonce": .string(StatementForm.hexadecimal(nonce)),
            "roster": .string(StatementForm.hexadecimal(roster)),
            "approvals": .integer(approvals),
            "authority": .string(StatementForm.hexadecimal(authority)),
        ]
        return statement.canonical
    }

    public static func decode(_ bytes: [UInt8]) throws(StatementError) -> StandingStatement {
        var reader = try StatementReader(bytes)
        let isRehearsal = try reader.isRehearsal(type: Self.type, rehearsalType: rehearsalType)
        let statement = StandingStatement(
            rehearsal: isRehearsal, origin: try reader.text("origin"), issuer: try reader.octets("issuer"),
            span: Int64(try reader.number("span")), notBefore: Int64(try reader.number("notBefore")),
            notAfter: Int64(try reader.number("notAfter")), nonce: try reader.octets("nonce"),
            roster: try reader.octets("roster"), approvals: try reader.number("approvals"),
            authority: try reader.octets("authority"))
        try reader.requireEnd(rewritten: try statement.encode())
        return statement
    }

    private var firstFault: String? {
        if issuer.count != 32 { return "issuer is not 32 octets" }
        if origin.isEmpty || origin.utf8.count > 1024 { return "origin is empty or longer than 1024 octets" }
        if !(1...Self.longestSpan).contains(span) { return "span is out of range" }
        return commonFault
    }
}
