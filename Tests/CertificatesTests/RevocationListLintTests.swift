import Foundation
import Testing
import X509

@testable import Certificates

@Suite("Mistakes in a revocation list are refused before any signature")
struct RevocationListLintTests {
    let issuer: ListIssuer

    init() throws { issuer = try ListIssuer() }

    @Test("A list without flaws breaks no rule")
    func clean() throws {
        let entry = revoked(1, at: issued, .superseded, invalidityDate: issued)
        #expect(try issuer.signed(issuer.list([entry])).entries == [entry])
    }

    @Test("An issuer that is no CA, may not sign lists, or has no key identifier")
    func issuerRights() throws {
        let noCA = try ListIssuer(isCA: false)
        #expect(noCA.rules(noCA.list()) == [.crlIssuerNotCA])
        let noLists = try ListIssuer(usage: KeyUsage(keyCertSign: true))
        #expect(noLists.rules(noLists.list()) == [.crlIssuerKeyUsage])
        let nameless = try ListIssuer(keyIdentifier: nil)
        #expect(nameless.rules(nameless.list()) == [.crlIssuerKeyIdentifier])
    }

    @Test("An issuer that has expired at thisUpdate, or is not valid yet")
    func issuerExpired() throws {
        let expired = try ListIssuer(notAfter: issued - 1)
        #expect(expired.rules(expired.list()) == [.crlIssuerExpired, .crlOutlivesIssuer])
        let early = Int64(start.timeIntervalSince1970) - 1
        #expect(issuer.rules(issuer.list(thisUpdate: early)) == [.crlIssuerExpired])
    }

    @Test("A nextUpdate that is not after thisUpdate, or is after the issuer's end")
    func nextUpdate() throws {
        #expect(issuer.rules(issuer.list(nextUpdate: issued)) == [.crlNextUpdate])
        let short = try ListIssuer(notAfter: issued + day)
        #expect(short.rules(short.list(nextUpdate: issued + day + 1)) == [.crlOutlivesIssuer])
        #expect(try short.signed(short.list(nextUpdate: issued + day)).nextUpdate == issued + day)
    }

    @Test("A number that is not positive")
    func number() {
        #expect(issuer.rules(issuer.list(number: 0)) == [.crlNumber])
    }

    @Test(
        "A serial number that is not a positive INTEGER of at most 20 octets in its shortest form",
        arguments: [[], [0], [0x80], [0, 0x7F], [UInt8](repeating: 0x7F, count: 21)] as [[UInt8]])
    func serialNumber(serial: [UInt8]) {
        let entry = RevokedCertificate(serialNumber: serial, revocationTime: issued)
        #expect(issuer.rules(issuer.list([entry])) == [.crlSerialNumber])
    }

    @Test("A serial number that stands twice, and the issuer's own")
    func serialNumbers() {
        #expect(
            issuer.rules(issuer.list([revoked(1), revoked(2), revoked(1, .superseded)])) == [
                .crlDuplicateSerial
            ])
        #expect(issuer.rules(issuer.list([revoked(0)])) == [.crlOwnSerial])
    }

    @Test("A revocation in the future, and an invalidityDate after the revocation")
    func dates() {
        #expect(issuer.rules(issuer.list([revoked(1, at: issued + 1)])) == [.crlRevocationDate])
        let late = revoked(1, at: issued - 9, invalidityDate: issued - 8)
        #expect(issuer.rules(issuer.list([late])) == [.crlInvalidityDate])
    }

    @Test("A time that X.509 cannot express")
    func times() {
        let before1950: Int64 = -631_152_001
        #expect(issuer.rules(issuer.list([revoked(1, at: before1950)])) == [.crlTime])
        #expect(issuer.rules(issuer.list([revoked(1, invalidityDate: before1950)])) == [.crlTime])
        #expect(issuer.rules(issuer.list(nextUpdate: 253_402_300_800)) == [.crlTime, .crlOutlivesIssuer])
    }

    @Test("removeFromCRL outside of a delta CRL")
    func removeFromCRL() {
        #expect(issuer.rules(issuer.list([revoked(1, .removeFromCRL)])) == [.crlRemoveFromCRL])
    }

    @Test("Every fault is named at once, each with its serial number")
    func everyFault() throws {
        let list = issuer.list([revoked(1, at: issued + 1), revoked(2, .removeFromCRL)], number: 0)
        let error = #expect(throws: CertificatesError.self) { try prepareRevocationList(list, previous: nil) }
        #expect(error?.findings.map(\.rule) == [.crlNumber, .crlRevocationDate, .crlRemoveFromCRL])
        #expect(error?.findings[1].message.hasPrefix(serial(1).hexadecimal) == true)
        #expect(error?.description.contains("[lint.crl-remove-from-crl]") == true)
    }
}

@Suite("A revocation list continues the one before it")
struct RevocationListContinuityTests {
    let issuer: ListIssuer
    let previous: ReceivedRevocationList
    let old = [revoked(1, .keyCompromise), revoked(2, .certificateHold, invalidityDate: issued - 2 * day)]

    init() throws {
        issuer = try ListIssuer()
        previous = try issuer.signed(issuer.list(old, number: 41))
    }

    private func rules(
        _ entries: [RevokedCertificate], number: UInt64 = 42, thisUpdate: Int64 = issued + day,
        notAfter: ([UInt8]) -> Int64? = { _ in nil }
    ) -> [LintRule] {
        issuer.rules(
            issuer.list(entries, number: number, thisUpdate: thisUpdate), previous: previous,
            notAfter: notAfter)
    }

    @Test("The next number, the old entries and a new one are accepted")
    func next() throws {
        let list = try issuer.signed(
            issuer.list([revoked(3, at: issued)] + old, number: 42, thisUpdate: issued), previous: previous)
        #expect(list.entries == old + [revoked(3, at: issued)])
    }

    @Test("Any number but the next one is refused", arguments: [1, 40, 41, 43, .max] as [UInt64])
    func number(number: UInt64) {
        #expect(rules(old, number: number) == [.crlNumber])
    }

    @Test("No number follows the last one")
    func lastNumber() throws {
        let last = try issuer.signed(issuer.list(number: .max))
        #expect(issuer.rules(issuer.list(number: 1), previous: last) == [.crlNumber])
    }

    @Test("A thisUpdate before the previous list's is refused")
    func thisUpdate() {
        #expect(rules(old, thisUpdate: issued - 1) == [.crlThisUpdate])
    }

    @Test("An entry may not vanish")
    func vanished() throws {
        #expect(rules([old[0]]) == [.crlEntryVanished])
        #expect(rules([]) == [.crlEntryVanished, .crlEntryVanished])
    }

    @Test("An entry may vanish once it stood on a list issued after its certificate's end")
    func expired() throws {
        let list = issuer.list([old[0]], number: 42, thisUpdate: issued + day)
        let accepted = try issuer.signed(list, previous: previous) { $0 == serial(2) ? issued - 1 : nil }
        #expect(accepted.entries == [old[0]])
        // Still valid when the previous list was issued: it has to stand once more.
        #expect(rules([old[0]]) { _ in issued } == [.crlEntryVanished])
    }

    @Test(
        "An entry's time, reason and invalidityDate may not change",
        arguments: [
            revoked(2, at: issued - day - 1, .certificateHold, invalidityDate: issued - 2 * day),
            revoked(2, .keyCompromise, invalidityDate: issued - 2 * day),
            revoked(2, .certificateHold), revoked(2, .certificateHold, invalidityDate: issued - 3 * day),
        ])
    func changed(entry: RevokedCertificate) {
        #expect(rules([old[0], entry]) == [.crlEntryChanged])
    }

    @Test("A previous list of another issuer, or with a broken signature, is refused")
    func previousIssuer() throws {
        let other = try ListIssuer()
        #expect(
            other.rules(other.list(old, number: 42, thisUpdate: issued + day), previous: previous) == [
                .crlPreviousIssuer
            ])
        let wrong = try ReceivedRevocationList(der: RawList().der)
        let list = issuer.list(
            wrong.entries, number: wrong.number + 1, thisUpdate: wrong.thisUpdate + day)
        #expect(issuer.rules(list, previous: wrong) == [.crlPreviousIssuer])
    }
}
