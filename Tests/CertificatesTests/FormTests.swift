import Crypto
import Foundation
import Testing

@testable import Certificates

@Suite("Serial numbers, signatures, DER and times")
struct FormTests {
    @Test("Numbers drawn together are all different, positive and of full length")
    func drawnTogether() throws {
        let numbers = CertificateSerialNumber.draw(5000)
        #expect(Set(numbers).count == 5000)
        for number in numbers { #expect(try CertificateSerialNumber(bytes: number.bytes) == number) }
        // The 158 random bits of each are set about as often as not.
        for bit in 2..<160 {
            let set = numbers.count { $0.bytes[bit / 8] >> UInt8(7 - bit % 8) & 1 == 1 }
            #expect((2200...2800).contains(set), "bit \(bit)")
        }
    }

    @Test("A serial number has 20 octets, is positive and never repeats")
    func serialNumbers() throws {
        var seen: Set<CertificateSerialNumber> = []
        for _ in 0..<10_000 {
            let number = CertificateSerialNumber()
            #expect(number.bytes.count == 20)
            #expect(0x40...0x7F ~= number.bytes[0])
            #expect(try CertificateSerialNumber(bytes: number.bytes) == number)
            #expect(seen.insert(number).inserted)
        }
    }

    @Test("Every bit of a serial number after the first two varies")
    func serialBits() {
        var ones = [Int](repeating: 0, count: 160)
        for _ in 0..<2000 {
            for (index, byte) in CertificateSerialNumber().bytes.enumerated() {
                for bit in 0..<8 where byte >> (7 - bit) & 1 == 1 { ones[index * 8 + bit] += 1 }
            }
        }
        #expect(ones[0] == 0)
        #expect(ones[1] == 2000)
        #expect(ones[2...].allSatisfy { 800...1200 ~= $0 })
    }

    @Test(
        "A serial number of another form is refused",
        arguments: [
            [UInt8](repeating: 0x40, count: 19), [UInt8](repeating: 0x40, count: 21),
            [UInt8](repeating: 0x80, count: 20), [UInt8](repeating: 0x3F, count: 20), [],
        ])
    func badSerial(bytes: [UInt8]) {
        let error = #expect(throws: CertificatesError.self) { try CertificateSerialNumber(bytes: bytes) }
        #expect(error?.code == .serialNumber)
    }

    @Test("r and s lose leading zeros and gain one before a high bit")
    func signatureEdges() throws {
        func raw(_ r: [UInt8], _ s: [UInt8]) -> [UInt8] {
            [UInt8](repeating: 0, count: 32 - r.count) + r + [UInt8](repeating: 0, count: 32 - s.count) + s
        }
        #expect(try ECDSASignatureForm.der(raw: raw([1], [0x7F])) == [0x30, 6, 2, 1, 1, 2, 1, 0x7F])
        #expect(
            try ECDSASignatureForm.der(raw: raw([0x80], [0xFF, 0])) == [
                0x30, 9, 2, 2, 0, 0x80, 2, 3, 0, 0xFF, 0,
            ])
        let full = [UInt8](repeating: 0xFF, count: 64)
        let der = try ECDSASignatureForm.der(raw: full)
        #expect(der.count == 72)
        #expect(try ECDSASignatureForm.raw(der: der, curve: .p256) == full)
        // 66 octets, as P-521 has them: the sequence's length takes two octets.
        let long = try ECDSASignatureForm.der(raw: [UInt8](repeating: 0xFF, count: 132))
        #expect(Array(long.prefix(5)) == [0x30, 0x81, 138, 2, 67])
    }

    @Test("Random signatures survive both forms and are swift-crypto's own DER")
    func signatureRoundTrip() throws {
        for _ in 0..<200 {
            let signature = try P256.Signing.PrivateKey().signature(for: Data([1, 2, 3]))
            let der = try ECDSASignatureForm.der(raw: Array(signature.rawRepresentation))
            #expect(der == Array(signature.derRepresentation))
            #expect(try ECDSASignatureForm.raw(der: der, curve: .p256) == Array(signature.rawRepresentation))
        }
    }

    @Test(
        "A zero, odd or empty raw signature is refused",
        arguments: [
            [UInt8](repeating: 0, count: 64), [UInt8](repeating: 1, count: 63), [],
            [UInt8](repeating: 1, count: 32) + [UInt8](repeating: 0, count: 32),
            [UInt8](repeating: 1, count: 134),
        ])
    func badRaw(raw: [UInt8]) {
        let error = #expect(throws: CertificatesError.self) { try ECDSASignatureForm.der(raw: raw) }
        #expect(error?.code == .signatureForm)
    }

    @Test(
        "A signature that is not strict DER is refused",
        arguments: [
            [0x30, 7, 2, 2, 0, 1, 2, 1, 1], [0x30, 6, 2, 1, 0x80, 2, 1, 1],
            [0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
            [0x30, 6, 2, 1, 1, 2, 1, 1, 0], [0x30, 5, 2, 0, 2, 1, 1], [0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            [],
            [0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0],
        ] as [[UInt8]])
    func badDER(der: [UInt8]) {
        let error = #expect(throws: CertificatesError.self) {
            try ECDSASignatureForm.raw(der: der, curve: .p256)
        }
        #expect(error?.code == .signatureForm)
    }

    @Test("Lengths are written and read in their shortest form only")
    func lengths() throws {
        for count in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            let der = derElement(0x04, [UInt8](repeating: 7, count: count))
            let element = try #require(DERElement(der))
            #expect(element.contents.count == count)
            #expect(DERElement(Array(der.dropLast())) == nil)
        }
        #expect(DERElement([0x04, 0x81, 0x01, 0x00]) == nil)
        #expect(DERElement([0x04, 0x82, 0x00, 0x80] + [UInt8](repeating: 0, count: 128)) == nil)
        #expect(DERElement([0x1F, 0x01, 0x00]) == nil)
    }

    @Test(
        "Validity counts both ends",
        arguments: [
            ("P1D", 1_767_225_600, 1_767_311_999), ("PT1H", 1_767_225_600, 1_767_229_199),
            // 2026-01-01 to 2035-12-31T23:59:59.
            ("P10Y", 1_767_225_600, 2_082_758_399),
            // 2028-02-29T12:00:00 and a year: 2029-03-01T11:59:59.
            ("P1Y", 1_835_438_400, 1_867_060_799),
            ("P4Y", 1_835_438_400, 1_961_668_799),
            ("99991231235959Z", 0, 253_402_300_799),
        ] as [(String, Int64, Int64)])
    func validity(text: String, start: Int64, end: Int64) throws {
        #expect(try #require(ValidityEnd(text)).end(from: start) == end)
    }

    @Test(
        "A duration of another form is refused",
        arguments: ["P", "P0D", "P01D", "P-1D", "P1M", "PT1D", "P1H", "1Y", ""])
    func badDuration(text: String) {
        #expect(ValidityEnd(text) == nil)
    }

    @Test("Calendar times agree with Foundation")
    func calendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in stride(from: -7000, to: 2_900_000, by: 997) {
            let seconds = Int64(day) * 86_400 + 4711
            let time = CalendarTime(seconds: seconds)
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(seconds)))
            #expect([time.year, time.month, time.day] == [parts.year, parts.month, parts.day])
            #expect(time.seconds == seconds)
        }
    }

    @Test("PEM is what openssl reads, and reads back")
    func pemText() throws {
        let der = [UInt8](0...200)
        #expect(derBlocks(inPEM: "text\n" + pem(der) + pem([1, 2])) == [der, [1, 2]])
        #expect(derBlocks(inPEM: "-----BEGIN CERTIFICATE-----\nAAAA\n") == nil)
        #expect(derBlocks(inPEM: "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----") == nil)
        #expect(derBlocks(inPEM: "") == [])
    }

    @Test(
        "Text rules keep to their string type",
        arguments: [
            (StringEncoding.printable, "AZaz09 '()+,-./:=?", true), (.printable, "a*b", false),
            (.printable, "a@b", false),
            (.printable, "a_b", false), (.printable, "ä", false), (.utf8, "ä 漢", true),
            (.utf8, "a\u{7}", false),
            (.utf8, "a\u{85}", false), (.ia5, "a@b_", true), (.ia5, "ä", false), (.utf8, "", false),
        ])
    func texts(encoding: StringEncoding, text: String, isGood: Bool) {
        #expect((TextRule(encoding: encoding, length: 1...64).fault(text) == nil) == isGood)
    }

    @Test("DNS names and URIs are checked for form")
    func generalNames() {
        for good in ["a.example", "xn--a.b-c.d", "1.2"] { #expect(TextRule.dns.fault(good) == nil) }
        for bad in ["a..b", "-a.b", "a-.b", "a_b", "", ".", String(repeating: "a", count: 64)] {
            #expect(TextRule.dns.fault(bad) != nil)
        }
        #expect(TextRule.uri.fault("https://a.example/x?y") == nil)
        #expect(TextRule.uri.fault("a.example") != nil)
        #expect(TextRule.uri.fault("https://a b") != nil)
    }

    @Test("A P-521 key is refused by name, and a point off the curve is refused")
    func publicKeys() throws {
        let p521 = Array(P521.Signing.PrivateKey().publicKey.derRepresentation)
        let error = #expect(throws: CertificatesError.self) {
            try EllipticCurvePublicKey(subjectPublicKeyInfo: p521)
        }
        #expect(error?.code == .publicKey)
        #expect(error?.message.contains("P-521") == true)
        for curve in EllipticCurve.allCases {
            let key = SoftwareKey(curve)
            let read = try EllipticCurvePublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo)
            #expect(read.point == key.point)
            #expect(try curve.subjectPublicKeyInfo(point: key.point) == key.subjectPublicKeyInfo)
            var off = key.subjectPublicKeyInfo
            off[off.count - 1] ^= 1
            #expect(throws: CertificatesError.self) { try EllipticCurvePublicKey(subjectPublicKeyInfo: off) }
        }
    }
}
