import Crypto
import SignedStatements
import SwiftASN1

/// A log's key in software, as benchmarks, vectors and tests have it.
package struct SoftwareLogKey: Sendable {
    package let key: P256.Signing.PrivateKey
    private let certificate: CertificateFields

    package var publicKeyInfo: [UInt8] { Array(key.publicKey.derRepresentation) }

    package init(_ key: P256.Signing.PrivateKey = P256.Signing.PrivateKey()) throws {
        self.key = key
        // Version 3, serial number 1, commonName "log"; valid from 2020 to the end of 2049.
        let name = DER.tagged(
            0x30,
            DER.tagged(
                0x31,
                DER.tagged(0x30, [0x06, 0x03, 0x55, 0x04, 0x03] + DER.tagged(0x0C, Array("log".utf8)))))
        let validity = DER.tagged(
            0x30, try SigningTime.der(1_577_836_800) + SigningTime.der(2_524_607_999))
        let algorithm = StrictSignature.Curve.p256.signatureAlgorithm
        let toBeSigned = DER.tagged(
            0x30,
            [0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01] + algorithm + name + validity + name
                + Array(key.publicKey.derRepresentation))
        let signature = Array(try key.signature(for: toBeSigned).derRepresentation)
        certificate = try CertificateFields(
            DER.tagged(0x30, toBeSigned + algorithm + DER.tagged(0x03, [0] + signature)))
    }

    /// The certificate that the key signed itself, in DER.
    package var certificateDER: [UInt8] { certificate.der }

    /// The signature line's bytes over a note's text.
    package func noteSignature(over text: [UInt8]) throws -> [UInt8] {
        Array(try key.signature(for: text).derRepresentation)
    }

    /// `checkpoint.p7s` over a text, signed at `time`: UTC seconds since 1970.
    package func checkpointSignature(over text: [UInt8], at time: UInt64) throws -> [UInt8] {
        var message = CheckpointSignature.Message(
            certificate: certificate, digestAlgorithm: StrictSignature.Curve.p256.digestAlgorithm,
            signingTime: Int64(clamping: time), messageDigest: Array(SHA256.hash(data: text)),
            capabilities: nil, signature: [])
        message.signature = Array(try key.signature(for: message.signedAttributes).derRepresentation)
        return message.encoded()
    }
}
