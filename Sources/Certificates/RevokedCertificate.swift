/// Why a certificate was revoked: CRLReason (RFC 5280 section 5.3.1).
public enum RevocationReason: UInt8, Sendable, CaseIterable, Hashable {
    /// Never written: an entry without a reason says the same.
    case unspecified = 0
    case keyCompromise = 1
    case cACompromise = 2
    case affiliationChanged = 3
    case superseded = 4
    case cessationOfOperation = 5
    case certificateHold = 6
    /// Only in delta CRLs, which are neither made nor read here.
    case removeFromCRL = 8
    case privilegeWithdrawn = 9
    case aACompromise = 10
}

/// One entry of a certificate revocation list (RFC 5280 section 5.1.2.6).
public struct RevokedCertificate: Hashable, Sendable {
    /// The contents of the serialNumber INTEGER: positive, at most 20 octets, shortest form.
    public let serialNumber: [UInt8]
    /// When the CA revoked the certificate, in seconds since 1970 UTC.
    public let revocationTime: Int64
    public let reason: RevocationReason
    /// From when on the certificate is not to be trusted, in seconds since 1970 UTC (RFC 5280 section 5.3.2).
    public let invalidityDate: Int64?

    public init(
        serialNumber: [UInt8], revocationTime: Int64, reason: RevocationReason = .unspecified,
        invalidityDate: Int64? = nil
    ) {
        self.serialNumber = serialNumber
        self.revocationTime = revocationTime
        self.reason = reason
        self.invalidityDate = invalidityDate
    }

    /// Whether the serial number is a positive INTEGER of at most 20 octets in its shortest form.
    var hasSerialNumberForm: Bool {
        guard let first = serialNumber.first, serialNumber.count <= CertificateSerialNumber.octets else {
            return false
        }
        return first == 0 ? serialNumber.count > 1 && serialNumber[1] >= 0x80 : first < 0x80
    }

    /// Ascending serial numbers; the octets count for something only when the lengths are equal.
    static func precedes(_ left: RevokedCertificate, _ right: RevokedCertificate) -> Bool {
        let (left, right) = (left.serialNumber, right.serialNumber)
        return left.count == right.count ? left.lexicographicallyPrecedes(right) : left.count < right.count
    }
}
