import Allowlist
import Certificates
import RunLedger
import TransparencyLog

/// What the next revocation list of an issuer must hold.
struct IssuerRevocations {
    /// In no order.
    private(set) var entries: [RevokedCertificate]
    /// Those that the previous list has and neither log nor ledger knows: a ceremony's, for instance.
    let onlyListed: Int
    let treeSize: UInt64

    /// Gathers the revocations of the issuer with this subject key identifier.
    ///
    /// The published log is the source, read whole and proven. What the ledger has of runs that are not sealed yet
    /// is added, since a list must not wait for a seal. An entry that stood on `previous` stays as it stood there:
    /// its date and reason never change, and none is ever dropped.
    ///
    /// - Parameter log: nil where nothing was published yet.
    /// - Throws: `inconsistent` where the ledger has burned certificates of sealed runs that the log does not
    ///   revoke.
    init(
        issuer: [UInt8], log: ListedRevocations?, ledger: any Ledger, previous: ReceivedRevocationList?,
        at now: Int64
    ) throws {
        treeSize = log?.checkpoint.size ?? 0
        var revoked: [[UInt8]: RevokedCertificate] = [:]
        for certificate in log?.certificates ?? [] where certificate.authorityKeyID == issuer {
            revoked[certificate.serialNumber] = RevokedCertificate(
                serialNumber: certificate.serialNumber, revocationTime: Int64(certificate.effectiveAt),
                reason: Certificates.RevocationReason(rawValue: UInt8(certificate.reason.rawValue))
                    ?? .unspecified)
        }
        for record in try ledger.runs() {
            for serial in try ledger.burned(run: record.run.id) where revoked[serial] == nil {
                guard record.state != .sealed else {
                    throw RunError(
                        .inconsistent, record.run.id,
                        "the ledger has burned certificates of this run that the log does not revoke",
                        hint:
                            "Log or ledger was restored from an older copy. Find out why before anything else."
                    )
                }
                revoked[serial] = RevokedCertificate(
                    serialNumber: serial, revocationTime: now, reason: .cessationOfOperation)
            }
        }
        for record in try ledger.runs() where record.state != .sealed {
            for scrap in try ledger.scraps(run: record.run.id) {
                let serial = scrap.record.device.certificateSerialNumber
                revoked[serial] = RevokedCertificate(
                    serialNumber: serial, revocationTime: scrap.at,
                    reason: Certificates.RevocationReason(rawValue: UInt8(scrap.revocation.rawValue))
                        ?? .unspecified)
            }
        }
        var onlyListed = 0
        for entry in previous?.entries ?? [] {
            if revoked.updateValue(entry, forKey: entry.serialNumber) == nil { onlyListed += 1 }
        }
        self.onlyListed = onlyListed
        entries = Array(revoked.values)
    }
}
