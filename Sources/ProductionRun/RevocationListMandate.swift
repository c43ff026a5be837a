import Foundation

/// What approvers allow of an issuer's revocation lists for some time: the terms of a standing authorisation
/// whose signatures were verified.
public struct RevocationListMandate: Hashable, Sendable {
    /// The SHA-256 of the signed authorisation, by which the ledger cites it.
    public var digest: [UInt8]
    /// Where it stands, for errors.
    public var path: String
    public var rehearsal: Bool
    /// The SHA-256 of the issuing CA's SubjectPublicKeyInfo.
    public var issuerDigest: [UInt8]
    /// The origin of the log whose revocations the lists hold.
    public var origin: String
    /// The first second in which a list may be issued, UTC.
    public var notBefore: Int64
    /// The last such second.
    public var notAfter: Int64
    /// From a list's thisUpdate to its nextUpdate at most, in days.
    public var longestDays: Int

    public init(
        digest: [UInt8], path: String, rehearsal: Bool, issuerDigest: [UInt8], origin: String,
        notBefore: Int64, notAfter: Int64, longestDays: Int
    ) {
        self.digest = digest
        self.path = path
        self.rehearsal = rehearsal
        self.issuerDigest = issuerDigest
        self.origin = origin
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.longestDays = longestDays
    }

    /// Throws `authorisationRefused` unless a list of this issuer and log may be issued `now`, for so many days.
    func require(
        issuerDigest: [UInt8], origin: String, rehearsal: Bool, days: Int, at now: Int64
    ) throws(RunError) {
        func refused(_ message: String, hint: String) -> RunError {
            RunError(.authorisationRefused, path, message, hint: hint)
        }
        let another = "Have one given for this site's issuer and log."
        guard self.issuerDigest == issuerDigest else {
            throw refused("the standing authorisation is for another issuing CA", hint: another)
        }
        guard self.rehearsal == rehearsal, self.origin == origin else {
            throw refused("the standing authorisation is for another log: \(self.origin)", hint: another)
        }
        guard notBefore <= now else {
            throw refused("the standing authorisation's time has not come", hint: "Is the clock right?")
        }
        guard now <= notAfter else {
            throw refused(
                "the standing authorisation's time is over",
                hint: "The approvers must give a new one; the latest list stays valid until its nextUpdate.")
        }
        guard days <= longestDays else {
            throw refused(
                "it allows lists of at most \(longestDays) days, and \(days) were asked for",
                hint: "rootline run crl --days \(longestDays)")
        }
    }
}
