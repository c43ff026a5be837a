/// Checks that a revocation list continues the one before it: nothing is renumbered, taken back or rewritten.
struct RevocationListContinuity {
    let list: CertificateRevocationList
    let previous: ReceivedRevocationList
    let issuer: ReceivedCertificate

    /// Every rule that the list breaks against the one before it.
    ///
    /// - Parameter notAfter: as for ``prepareRevocationList(_:previous:notAfter:)``.
    func findings(notAfter: ([UInt8]) -> Int64?) -> [LintFinding] {
        var findings: [LintFinding] = []
        if !previous.isSigned(by: issuer) {
            findings.append(
                LintFinding(.crlPreviousIssuer, "the previous list is not signed by this issuer's key"))
        }
        let (next, overflows) = previous.number.addingReportingOverflow(1)
        if overflows || list.number != next {
            findings.append(
                LintFinding(
                    .crlNumber, "the previous list is number \(previous.number), this one \(list.number)")
            )
        }
        if list.thisUpdate < previous.thisUpdate {
            findings.append(LintFinding(.crlThisUpdate, "thisUpdate lies before the previous list's"))
        }
        let entries = Dictionary(
            list.entries.map { ($0.serialNumber, $0) }, uniquingKeysWith: { first, _ in first })
        for old in previous.entries {
            let serial = old.serialNumber
            if let new = entries[serial] {
                if new != old {
                    findings.append(
                        LintFinding(
                            .crlEntryChanged,
                            "\(serial.hexadecimal): time, reason or invalidityDate is not the previous list's"
                        ))
                }
            } else if notAfter(serial).map({ $0 >= previous.thisUpdate }) ?? true {
                findings.append(
                    LintFinding(
                        .crlEntryVanished,
                        "\(serial.hexadecimal): the previous list has it and was not issued after its expiry")
                )
            }
        }
        return findings
    }
}
