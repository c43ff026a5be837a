/// An issuer's certificate revocation list, as the ledger remembers it.
public struct IssuedRevocationList: Hashable, Sendable {
    /// The SHA-256 of the issuer's SubjectPublicKeyInfo.
    public var issuer: [UInt8]
    /// The cRLNumber.
    public var number: UInt64
    /// The SHA-256 of the list in DER.
    public var digest: [UInt8]
    /// The SHA-256 of the standing authorisation that it was signed under; empty where a ceremony made it.
    public var authorisation: [UInt8]
    /// The size of the log whose revocations it holds, in entries.
    public var treeSize: UInt64
    /// Seconds UTC.
    public var issuedAt: Int64

    public init(
        issuer: [UInt8], number: UInt64, digest: [UInt8], authorisation: [UInt8], treeSize: UInt64,
        issuedAt: Int64
    ) {
        self.issuer = issuer
        self.number = number
        self.digest = digest
        self.authorisation = authorisation
        self.treeSize = treeSize
        self.issuedAt = issuedAt
    }
}

/// Remembers the revocation lists that were issued, so that one put back to an older copy is noticed.
public protocol RevocationListLedger: Sendable {
    /// The issuer's list with the highest number; nil where none was recorded.
    func latestRevocationList(issuer: [UInt8]) throws(LedgerError) -> IssuedRevocationList?

    /// Records a list, durably; its number must be higher than every earlier one of the issuer.
    func record(_ list: IssuedRevocationList) throws(LedgerError)
}
