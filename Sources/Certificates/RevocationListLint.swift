import X509

/// Checks a revocation list that is to be made against RFC 5280 section 5 and its issuer.
struct RevocationListLint {
    let list: CertificateRevocationList
    let issuer: ReceivedCertificate

    /// Every rule that the list breaks.
    func findings() -> [LintFinding] {
        var findings: [LintFinding] = []
        func check(_ rule: LintRule, _ holds: Bool, _ message: @autoclosure () -> String) {
            if !holds { findings.append(LintFinding(rule, message())) }
        }
        checkIssuer(check)
        checkTimes(check)
        check(.crlNumber, list.number > 0, "the cRLNumber is not positive")
        checkEntries(check)
        return findings
    }

    private typealias Check = (LintRule, Bool, @autoclosure () -> String) -> Void

    private func checkIssuer(_ check: Check) {
        let constraints = try? issuer.x509.extensions.basicConstraints
        let isCA = if case .isCertificateAuthority = constraints { true } else { false }
        check(.crlIssuerNotCA, isCA, "the issuer is not a CA")
        let usage = try? issuer.x509.extensions.keyUsage
        check(.crlIssuerKeyUsage, usage?.cRLSign == true, "the issuer's keyUsage lacks cRLSign")
        check(
            .crlIssuerKeyIdentifier, issuer.subjectKeyIdentifier.map { !$0.isEmpty } ?? false,
            "the issuer has no subjectKeyIdentifier to refer to")
    }

    private func checkTimes(_ check: Check) {
        for (name, time) in [("thisUpdate", list.thisUpdate), ("nextUpdate", list.nextUpdate)] {
            check(.crlTime, Self.isTime(time), "\(name) does not lie in the years 1950 to 9999")
        }
        check(
            .crlIssuerExpired,
            issuer.notBefore <= list.thisUpdate && list.thisUpdate <= issuer.notAfter,
            "the issuer's certificate is not valid at thisUpdate")
        check(
            .crlNextUpdate, list.nextUpdate > list.thisUpdate, "nextUpdate does not lie after thisUpdate")
        check(
            .crlOutlivesIssuer, list.nextUpdate <= issuer.notAfter,
            "nextUpdate lies after the issuer's notAfter")
    }

    private func checkEntries(_ check: Check) {
        var seen: Set<[UInt8]> = []
        seen.reserveCapacity(list.entries.count)
        for entry in list.entries {
            let serial = entry.serialNumber
            func about(_ message: String) -> String { "\(serial.hexadecimal): \(message)" }
            check(
                .crlSerialNumber, entry.hasSerialNumberForm,
                about("the serial number is not a positive INTEGER of at most 20 octets"))
            check(.crlDuplicateSerial, seen.insert(serial).inserted, about("the serial number stands twice"))
            check(
                .crlOwnSerial, serial != issuer.serialNumber,
                about("this is the issuer's own serial number"))
            check(
                .crlTime, Self.isTime(entry.revocationTime),
                about("the revocation does not lie in the years 1950 to 9999"))
            check(
                .crlRevocationDate, entry.revocationTime <= list.thisUpdate,
                about("the revocation lies after thisUpdate"))
            if let date = entry.invalidityDate {
                check(
                    .crlTime, Self.isTime(date),
                    about("the invalidityDate does not lie in the years 1950 to 9999"))
                check(
                    .crlInvalidityDate, date <= entry.revocationTime,
                    about("the invalidityDate lies after the revocation"))
            }
            check(
                .crlRemoveFromCRL, entry.reason != .removeFromCRL,
                about("removeFromCRL belongs in delta CRLs only"))
        }
    }

    private static func isTime(_ seconds: Int64) -> Bool {
        // From 1950-01-01T00:00:00Z on.
        (-631_152_000...CalendarTime.endOfTime).contains(seconds)
    }
}
