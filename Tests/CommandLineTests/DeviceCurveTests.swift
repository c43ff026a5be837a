import Foundation
import Testing

@Suite("The devices' curve is the manifest's")
struct DeviceCurveTests {
    @Test("Where the template allows two curves, workers make keys on the one that the manifest names")
    func curve() throws {
        let place = try Workplace()
        try place.succeed("sed -i 's/curves: .*/curves: [P-256, P-384]/' site/templates/idevid-ec-p256.yaml")
        try place.succeed("make-run batch 2")
        try place.succeed("sed -i 's/^keyType: .*/keyType: ec-p384/' batch/manifest.yaml")
        try place.succeed("rootline run approve batch/manifest.yaml")
        try place.succeed("rootline run start batch/manifest.yaml")
        for line in try place.packages(of: "batch") {
            try line.certificate.write(to: URL(fileURLWithPath: place.folder + "/device.der"))
            let text = try place.succeed("openssl x509 -inform DER -in device.der -noout -text")
            #expect(text.contains("ASN1 OID: secp384r1"), "\(text)")
        }
    }
}
