import Testing

@testable import Certificates

@Suite("A template says how keys may be delivered")
struct DeliveryTests {
    @Test("Wrapped is what a device template allows that says nothing, and CAs' keys are delivered to nobody")
    func standard() throws {
        #expect(try template("tls-client-ec-p256").deliveries == [.wrapped])
        #expect(try template("root-ca").deliveries == [])
    }

    @Test("PKCS#12 is allowed where the template names it")
    func named() throws {
        let text = "delivery: [wrapped]"
        #expect(
            try edited("idevid-ec-p256", text, "delivery: [wrapped, pkcs12]").deliveries == [
                .wrapped, .pkcs12,
            ])
        #expect(try edited("idevid-ec-p256", text, "delivery: [pkcs12]").deliveries == [.pkcs12])
    }

    @Test(
        "Anything else is a fault",
        arguments: [
            ("delivery: []", "field.value"), ("delivery: [file]", "field.value"),
            ("delivery: [wrapped, wrapped]", "field.repeated"), ("delivery: wrapped", "field.type"),
        ])
    func faults(text: String, code: String) {
        let error = #expect(throws: CertificatesError.self) {
            try edited("idevid-ec-p256", "delivery: [wrapped]", text)
        }
        #expect(error?.faults.map(\.code) == [code])
    }

    @Test("A CA's template has no delivery")
    func authority() {
        let error = #expect(throws: CertificatesError.self) {
            try edited("issuing-ca", "kind: issuing-ca", "kind: issuing-ca\ndelivery: [wrapped]")
        }
        #expect(error?.faults.map(\.code) == ["template.delivery"])
    }
}
