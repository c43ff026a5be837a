import Foundation
import Testing

@testable import Certificates

/// A malformed list and a part of what the refusal says.
struct Malformed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: String
    let der: [UInt8]

    init(_ name: String, _ reason: String, _ change: (inout RawList) -> Void) {
        var list = RawList()
        change(&list)
        (testDescription, self.reason, der) = (name, reason, list.der)
    }

    private static func entries(_ bytes: [UInt8]) -> [UInt8] { derElement(0x30, bytes) }

    static let whole: [Malformed] = [
        .init("bytes behind the list", "not one DER") { $0.after = [0] },
        .init("no version, which means v1", "not v2") { $0.version = [] },
        .init("version v1", "not v2") { $0.version = [0x02, 0x01, 0x00] },
        .init("version v3", "not v2") { $0.version = [0x02, 0x01, 0x02] },
        .init("version v2 in two octets", "not v2") { $0.version = [0x02, 0x02, 0x00, 0x01] },
        .init("other algorithms inside and outside", "inside and outside differ") {
            $0.outer = RevocationListAlgorithm.ecdsaWithSHA384.algorithmIdentifier
        },
        .init("ECDSA with parameters", "signature algorithm is not") {
            $0.inner = derElement(0x30, RawList.algorithm[2...] + [0x05, 0x00])
            $0.outer = $0.inner
        },
        .init("an empty issuer", "issuer is not") { $0.issuer = [0x30, 0x00] },
        .init("an issuer that is no name", "issuer is not") { $0.issuer = [0x30, 0x02, 0x05, 0x00] },
        .init("no nextUpdate", "nextUpdate is missing") { $0.nextUpdate = [] },
        .init("UTCTime without seconds", "thisUpdate is malformed") {
            $0.thisUpdate = RawList.utc("2602010000Z")
        },
        .init("UTCTime with a zone", "thisUpdate is malformed") {
            $0.thisUpdate = RawList.utc("260201000000+0000")
        },
        .init("30 February", "thisUpdate is malformed") { $0.thisUpdate = RawList.utc("260230000000Z") },
        .init("second 60", "thisUpdate is malformed") { $0.thisUpdate = RawList.utc("260201000060Z") },
        .init("GeneralizedTime before 2050", "nextUpdate is missing or malformed") {
            $0.nextUpdate = RawList.generalized("20260301000000Z")
        },
        .init("GeneralizedTime with a fraction", "nextUpdate is missing or malformed") {
            $0.nextUpdate = RawList.generalized("20600301000000.5Z")
        },
        .init("signature with unused bits", "signature is malformed") { $0.signature[2] = 1 },
        .init("no signature", "signature is malformed") { $0.signature = [0x03, 0x01, 0x00] },
        .init("signature that is no ECDSA-Sig-Value", "not a DER ECDSA-Sig-Value") {
            $0.signature = [0x03, 0x03, 0x00, 0x05, 0x00]
        },
        .init("a length in a longer form than needed", "not one DER") {
            $0.signature = [0x03, 0x81] + $0.signature[1...]
        },
    ]

    static let entries: [Malformed] = [
        .init("an empty revokedCertificates", "revokedCertificates is empty") { $0.entries = [0x30, 0x00] },
        .init("a serial number twice", "serial number stands twice") {
            $0.entries = entries(RawList.entry() + RawList.entry())
        },
        .init("a negative serial number", "positive INTEGER") {
            $0.entries = entries(RawList.entry(serial: [0x02, 0x01, 0x80]))
        },
        .init("a serial number with a leading zero", "positive INTEGER") {
            $0.entries = entries(RawList.entry(serial: [0x02, 0x02, 0x00, 0x07]))
        },
        .init("an entry without a time", "entry is malformed") {
            $0.entries = entries(derElement(0x30, [0x02, 1, 7]))
        },
        .init("empty entry extensions", "extensions are empty") {
            $0.entries = entries(RawList.entry(extensions: [0x30, 0x00]))
        },
        .init("a reason that is not assigned", "reasonCode is malformed") { $0.reason([0x0A, 0x01, 0x07]) },
        .init("a reason as INTEGER", "reasonCode is malformed") { $0.reason([0x02, 0x01, 0x01]) },
        .init("a reason of two octets", "reasonCode is malformed") { $0.reason([0x0A, 0x02, 0x00, 0x01]) },
        .init("a reason with bytes behind it", "reasonCode is malformed") { $0.reason([0x0A, 1, 1, 0]) },
        .init("removeFromCRL", "removeFromCRL") { $0.reason([0x0A, 0x01, 0x08]) },
        .init("an invalidityDate as UTCTime", "invalidityDate is malformed") {
            let item = RawList.item(0x18, RawList.utc("260101000000Z"))
            $0.entries = entries(RawList.entry(extensions: derElement(0x30, item)))
        },
        .init("a critical certificateIssuer", "critical extension is not known") {
            let item = RawList.item(0x1D, [0x30, 0x00], critical: RawList.critical)
            $0.entries = entries(RawList.entry(extensions: derElement(0x30, item)))
        },
    ]

    static let extensions: [Malformed] = [
        .init("no extensions", "extensions are missing") { $0.extensions = [] },
        .init("no number", "cRLNumber is missing") { $0.extend(RawList.authority) },
        .init("no key identifier", "authorityKeyIdentifier is missing") { $0.extend(RawList.number) },
        .init("a number above 2^64-1", "cRLNumber is missing") {
            $0.extend(RawList.authority + RawList.item(0x14, [0x02, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
        },
        .init("a negative number", "cRLNumber is missing") {
            $0.extend(RawList.authority + RawList.item(0x14, [0x02, 0x01, 0xFF]))
        },
        .init("a critical number", "cRLNumber is missing") {
            $0.extend(
                RawList.authority + RawList.item(0x14, [0x02, 1, 5], critical: RawList.critical))
        },
        .init("an extension twice", "extension stands twice") {
            $0.extend(RawList.authority + RawList.number + RawList.number)
        },
        .init("a critical deltaCRLIndicator", "critical extension is not known") {
            let delta = RawList.item(0x1B, [0x02, 1, 1], critical: RawList.critical)
            $0.extend(RawList.authority + RawList.number + delta)
        },
        .init("a critical issuingDistributionPoint", "critical extension is not known") {
            let point = RawList.item(0x1C, [0x30, 0x00], critical: RawList.critical)
            $0.extend(RawList.authority + RawList.number + point)
        },
        .init("critical FALSE written out", "extension is malformed") {
            $0.extend(RawList.authority + RawList.item(0x14, [0x02, 1, 5], critical: [1, 1, 0]))
        },
        .init("critical TRUE as 1", "extension is malformed") {
            $0.extend(RawList.authority + RawList.item(0x14, [0x02, 1, 5], critical: [1, 1, 1]))
        },
        .init("an OID with a padded arc", "extension is malformed") {
            let padded = derElement(0x30, [0x06, 4, 0x55, 0x1D, 0x80, 0x14, 0x04, 3, 0x02, 1, 5])
            $0.extend(RawList.authority + padded)
        },
    ]
}

@Suite("A received revocation list is read strictly")
struct RevocationListReadingTests {
    @Test("What a list says is answered as it stands there")
    func fields() throws {
        var raw = RawList()
        let unknown = RawList.item(0x2E, [0x30, 0x00])
        raw.extend(RawList.authority + RawList.number + unknown)
        raw.reason([0x0A, 0x01, 0x00])
        let list = try ReceivedRevocationList(der: raw.der)
        #expect(list.number == 5 && list.authorityKeyIdentifier == [9])
        #expect(list.issuer == RawList.name && list.signatureAlgorithm == .ecdsaWithSHA256)
        #expect(list.thisUpdate == issued && list.nextUpdate == issued + 28 * day)
        #expect(
            list.entries == [
                RevokedCertificate(serialNumber: [7], revocationTime: Int64(start.timeIntervalSince1970))
            ])
        #expect(list.signature == Array(raw.signature[3...]))
        #expect(list.der == raw.der)
    }

    @Test(
        "A form that RFC 5280 or DER forbids is refused",
        arguments: Malformed.whole + Malformed.entries + Malformed.extensions)
    func malformed(list: Malformed) {
        let error = #expect(throws: CertificatesError.self) { try ReceivedRevocationList(der: list.der) }
        #expect(error?.message.contains(list.reason) == true, "\(error?.description ?? "")")
    }

    @Test("A list that is cut off anywhere is refused")
    func truncated() throws {
        let der = RawList().der
        for count in der.indices {
            #expect(throws: CertificatesError.self) { try ReceivedRevocationList(der: Array(der[..<count])) }
        }
    }

    @Test("A certificate with the issuer's key and name but another key identifier is not the issuer")
    func otherKeyIdentifier() throws {
        let issuer = try ListIssuer()
        let list = try issuer.signed(issuer.list())
        for (identifier, isIssuer) in [([1, 2, 3, 4], true), ([9], false)] as [([UInt8], Bool)] {
            let other = try ListIssuer(key: issuer.key, keyIdentifier: identifier)
            #expect(list.isSigned(by: try ReceivedCertificate(der: other.certificate)) == isIssuer)
        }
    }

    @Test("Every other value of every byte of a signed list is refused, by the reader or by the signature")
    func mutated() throws {
        let issuer = try ListIssuer()
        let certificate = try ReceivedCertificate(der: issuer.certificate)
        let list = try issuer.signed(
            issuer.list([revoked(1, .keyCompromise, invalidityDate: issued - 2 * day)]))
        #expect(list.isSigned(by: certificate))
        var (unreadable, unverified) = (0, 0)
        for index in list.der.indices {
            for difference in UInt8(1)...255 {
                var bytes = list.der
                bytes[index] ^= difference
                guard let other = try? ReceivedRevocationList(der: bytes) else {
                    unreadable += 1
                    continue
                }
                unverified += 1
                #expect(!other.isSigned(by: certificate), "byte \(index), difference \(difference)")
            }
        }
        #expect(unreadable > 0 && unverified > 0)
        #expect(unreadable + unverified == 255 * list.der.count)
    }
}
