import Crypto
import SignedStatements
import SwiftASN1
import TransparencyLog

/// What is needed of a certificate (RFC 5280 §4.1), as it stands in its DER.
struct CertificateFields {
    /// The whole certificate.
    let der: [UInt8]
    /// The part that is signed, whole.
    let toBeSigned: [UInt8]
    /// The serialNumber INTEGER, whole.
    let serialNumber: [UInt8]
    /// The issuer's Name, whole.
    let issuer: [UInt8]
    /// The subject's Name, whole.
    let subject: [UInt8]
    /// The SubjectPublicKeyInfo, whole.
    let publicKeyInfo: [UInt8]
    /// The content of the subjectKeyIdentifier; nil without the extension.
    let subjectKeyIdentifier: [UInt8]?
    private let algorithms: [[UInt8]]
    /// The BIT STRING, whole.
    private let signature: [UInt8]

    private static let subjectKeyIdentifierOID: [UInt8] = [0x55, 0x1D, 0x0E]

    init(_ der: [UInt8]) throws {
        let parts = try DER.members(try DER.parse(der))
        guard parts.count == 3 else { throw DER.malformed }
        var fields = try DER.members(parts[0])[...]
        // version [0] EXPLICIT is absent in version 1.
        let version = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
        if fields.first?.identifier == version { fields.removeFirst() }
        let first = fields.startIndex
        guard fields.count >= 6 else { throw DER.malformed }
        func whole(_ node: ASN1Node) -> [UInt8] { Array(node.encodedBytes) }
        self.der = der
        toBeSigned = whole(parts[0])
        serialNumber = whole(fields[first])
        issuer = whole(fields[first + 2])
        // Between them: validity.
        subject = whole(fields[first + 4])
        publicKeyInfo = whole(fields[first + 5])
        algorithms = [whole(fields[first + 1]), whole(parts[1])]
        signature = whole(parts[2])
        subjectKeyIdentifier = try Self.subjectKeyIdentifier(in: fields[(first + 6)...])
    }

    private static func subjectKeyIdentifier(in fields: ArraySlice<ASN1Node>) throws -> [UInt8]? {
        let tag = ASN1Identifier(tagWithNumber: 3, tagClass: .contextSpecific)
        guard let field = fields.first(where: { $0.identifier == tag }),
            let list = try DER.members(field).first
        else { return nil }
        for node in try DER.members(list) {
            let parts = try DER.members(node)
            guard let type = parts.first, let value = parts.last,
                try DER.primitive(type) == subjectKeyIdentifierOID
            else { continue }
            return try DER.primitive(try DER.parse(try DER.primitive(value)))
        }
        return nil
    }

    /// The SHA-256 of the SubjectPublicKeyInfo.
    var keyDigest: [UInt8] { Array(SHA256.hash(data: publicKeyInfo)) }

    /// Whether the certificate's own key, on P-256, signed it, so that no octet of it can be changed.
    var isSelfSigned: Bool {
        let algorithm = StrictSignature.Curve.p256.signatureAlgorithm
        guard algorithms == [algorithm, algorithm], let bits = try? DER.parse(signature),
            bits.identifier == .bitString, let content = try? DER.primitive(bits), content.first == 0,
            der == DER.tagged(0x30, toBeSigned + algorithm + signature)
        else { return false }
        return isSignature(Array(content.dropFirst()), over: toBeSigned, by: publicKeyInfo)
    }
}

/// Whether a DER Ecdsa-Sig-Value is over the SHA-256 of `bytes` by a key on P-256; of the two values of s both hold.
func isSignature(_ signature: [UInt8], over bytes: [UInt8], by publicKeyInfo: [UInt8]) -> Bool {
    guard let key = try? P256.Signing.PublicKey(derRepresentation: publicKeyInfo),
        let parsed = try? P256.Signing.ECDSASignature(derRepresentation: signature),
        parsed.derRepresentation.elementsEqual(signature)
    else { return false }
    return key.isValidSignature(parsed, for: bytes)
}

extension CertificateFields {
    /// The certificates in a PEM file, in its order; nil where a block of one is not base64 or no certificate.
    static func read(pem: [UInt8]) -> [CertificateFields]? {
        guard let text = String(validating: pem, as: UTF8.self) else { return nil }
        var found: [CertificateFields] = []
        var block: String?
        for line in text.split(whereSeparator: \.isNewline) {
            switch (line, block) {
            case ("-----BEGIN CERTIFICATE-----", nil):
                block = ""
            case ("-----END CERTIFICATE-----", let base64?):
                guard let der = Base64.decode(base64), let fields = try? CertificateFields(der) else {
                    return nil
                }
                found.append(fields)
                block = nil
            case (_, let base64?):
                block = base64 + line
            case (_, nil):
                continue
            }
        }
        return block == nil ? found : nil
    }
}
