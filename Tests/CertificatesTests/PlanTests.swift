import Crypto
import Foundation
import Testing

@testable import Certificates

/// Numbers that are the same in every run of the tests.
struct FixedRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite("Device certificates by plan")
struct PlanTests {
    private static let points: [[UInt8]] = (0..<32).map { _ in SoftwareKey(.p256).point }

    private func text(_ count: Int, _ alphabet: [Character], _ random: inout FixedRandom) -> String {
        String((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
    }

    @Test("Patched bytes equal the library's for random rows, through every length boundary")
    func byteEquality() throws {
        // UID takes 256 characters, a URI 2048: lengths cross 127/128 and 255/256 at every level.
        let template = try CertificateTemplate.parse(
            Array(
                try templateText("tls-client-ec-p256")
                    .replacingOccurrences(
                        of: "  - { type: O,",
                        with: "  - { type: UID, encoding: utf8, value: \"a{column.long}-{serial}\" }\n"
                            + "  - { type: serialNumber, encoding: printable, value: \"{serial}\" }\n  - { type: O,"
                    )
                    .replacingOccurrences(
                        of: "subjectAltName: none",
                        with: "subjectAltName: { critical: false, names: [{ uri: \"urn:x:{column.uri}\" }, "
                            + "{ hardwareModuleName: { type: 1.2.3, serial: \"{serial}\" } }] }"
                    ).utf8), name: "t")
        let plan = try Hierarchy().plan(template)
        #expect(plan.columns == ["serial", "long", "uri"])
        var random = FixedRandom(seed: 7)
        let printable = Array("ABCxyz019 '()+,-./:=?")
        let wide = Array("aé漢😀 Z")
        let address = Array("abc/?&=%-._~123")
        for round in 0..<3000 {
            let values = [
                text(Int.random(in: 1...64, using: &random), printable, &random),
                text(
                    Int.random(in: 1...190, using: &random), round.isMultiple(of: 2) ? wide : printable,
                    &random),
                text(round % 400 + 1, address, &random),
            ]
            try plan.check(
                .init(serialNumber: .init(), point: Self.points[round % Self.points.count], values: values))
        }
    }

    @Test(
        "Patched bytes equal the library's for the repository's templates",
        arguments: ["idevid-ec-p256", "ldevid-ec-p256", "tls-client-ec-p256"], [false, true])
    func shipped(name: String, rehearsal: Bool) throws {
        let plan = try Hierarchy(rehearsal: rehearsal).plan(template(name), rehearsal: rehearsal)
        var random = FixedRandom(seed: 11)
        for round in 0..<500 {
            let serial = text(round % 64 + 1, Array("ABCxyz019-"), &random)
            try plan.check(.init(serialNumber: .init(), point: Self.points[round % 32], values: [serial]))
        }
    }

    @Test("P-384 devices under a P-384 CA")
    func p384() throws {
        let template = try edited("tls-client-ec-p256", "curves: [P-256]", "curves: [P-384]")
        let hierarchy = try Hierarchy(issuing: .p384)
        let plan = try hierarchy.plan(template)
        #expect(plan.curve == .p384)
        for _ in 0..<50 {
            let row = DeviceCertificateRow(
                serialNumber: .init(), point: SoftwareKey(.p384).point, values: ["EX-1"])
            try plan.check(row)
            let bytes = try plan.toBeSigned(row)
            let der = try plan.certificate(
                toBeSigned: bytes, rawSignature: hierarchy.issuingKey.rawSignature(bytes))
            #expect(try ReceivedCertificate(der: der).isSigned(by: plan.issuerKey))
        }
    }

    @Test("An assembled certificate verifies, whatever the leading octets of r and s")
    func assembly() throws {
        let hierarchy = try Hierarchy()
        let plan = try hierarchy.plan(template("idevid-ec-p256"))
        for round in 0..<600 {
            let bytes = try plan.toBeSigned(
                .init(serialNumber: .init(), point: Self.points[0], values: ["EX-\(round)"]))
            let raw = try hierarchy.issuingKey.rawSignature(bytes)
            let der = try plan.certificate(toBeSigned: bytes, rawSignature: raw)
            let received = try ReceivedCertificate(der: der)
            #expect(received.isSigned(by: plan.issuerKey))
            #expect(received.toBeSigned == bytes)
        }
    }

    @Test("A row of the wrong form is refused")
    func badRows() throws {
        let plan = try Hierarchy().plan(template("idevid-ec-p256"))
        let point = Self.points[0]
        func code(_ point: [UInt8], _ values: [String]) -> CertificatesError.Code? {
            #expect(throws: CertificatesError.self) {
                try plan.toBeSigned(.init(serialNumber: .init(), point: point, values: values))
            }?.code
        }
        #expect(code(Array(point.dropLast()), ["A"]) == .publicKey)
        #expect(code([], ["A"]) == .publicKey)
        #expect(code([0x02] + point.dropFirst(), ["A"]) == .publicKey)
        #expect(code(point, []) == .values)
        #expect(code(point, ["A", "B"]) == .values)
        // An underscore fits the hardware serial's octets, not the PrintableString of the subject.
        #expect(code(point, ["A_B"]) == .value)
        #expect(code(point, ["ä"]) == .value)
        #expect(code(point, ["A\u{0}"]) == .value)
        let short = #expect(throws: CertificatesError.self) {
            try plan.certificate(toBeSigned: [1], rawSignature: [1, 2])
        }
        #expect(short?.code == .signatureForm)
    }

    @Test(
        "Row values are checked against characters and upper bounds before the run",
        arguments: [
            ("EX-1", true), ("", false), ("A_B", false), ("ä", false),
            (String(repeating: "A", count: 64), true),
            (String(repeating: "A", count: 65), false), ("A\u{0}", false),
        ])
    func rowFaults(serial: String, isGood: Bool) throws {
        let loaded = try template("idevid-ec-p256")
        let plan = try Hierarchy().plan(loaded)
        #expect(plan.faults(values: [serial]).isEmpty == isGood)
        #expect((loaded.fault(column: "serial", value: serial) == nil) == isGood)
    }

    @Test("Values that share a field are bounded together, and the column at fault is named")
    func sharedField() throws {
        let loaded = try edited(
            "idevid-ec-p256", "value: \"{serial}\"", "value: \"{serial}/{column.batch}\"")
        let plan = try Hierarchy().plan(loaded)
        let (a, b) = (String(repeating: "A", count: 32), String(repeating: "B", count: 31))
        #expect(plan.faults(values: [a, b]).isEmpty)
        #expect(plan.faults(values: [a, b + "B"]).map(\.column) == [0])
        #expect(plan.faults(values: [a, "_"]).map(\.column) == [1])
        #expect(plan.faults(values: [a]).count == 1)
    }

    @Test(
        "A product that the certificate cannot carry is refused when the plan is made",
        arguments: ["", "a\u{1}"])
    func product(product: String) throws {
        let hierarchy = try Hierarchy()
        let error = #expect(throws: CertificatesError.self) {
            try hierarchy.plan(template("idevid-ec-p256"), product: product)
        }
        #expect(error?.code == .value)
    }

    @Test("A plan gives the facts that a run records")
    func facts() throws {
        let hierarchy = try Hierarchy()
        let plan = try hierarchy.plan(template("idevid-ec-p256"))
        let issuer = try ReceivedCertificate(der: hierarchy.issuing)
        #expect(plan.authorityKeyIdentifier == issuer.subjectKeyIdentifier)
        #expect(plan.issuerKey.digest == issuer.subjectPublicKeyInfoDigest)
        #expect(plan.notBefore == 1_767_225_600)
        #expect(plan.digest([1]) == Array(SHA256.hash(data: [1])))
        let key = SoftwareKey(.p256)
        #expect(try plan.subjectPublicKeyInfo(point: key.point) == key.subjectPublicKeyInfo)
    }
}
