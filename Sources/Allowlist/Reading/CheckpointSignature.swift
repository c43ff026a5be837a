import Crypto
import SignedStatements
import SwiftASN1

/// `checkpoint.p7s`: the log key's detached CMS SignedData (RFC 5652) over `checkpoint.txt`, which says when it was
/// signed.
///
/// Read in one form: one signer, named by issuer and serial number, with a certificate that the log's key signed
/// itself. Reading writes the message again from its values and refuses every octet that differs, so that each octet
/// is fixed by the form, signed, or a signature. `Format.md` has the form.
public struct CheckpointSignature: Hashable, Sendable {
    /// When the signer says that it signed: UTC seconds since 1970.
    public let signingTime: UInt64

    /// Octets a message may have.
    static let maximumLength = 1 << 16

    /// Throws `checkpoint-signature` unless the message is over exactly `text` and by the key with this DER
    /// SubjectPublicKeyInfo.
    public init(_ der: [UInt8], over text: [UInt8], by publicKeyInfo: [UInt8]) throws(AllowlistError) {
        guard let message = try? Message(der), message.encoded() == der else {
            throw Self.refusal("the file is not a CMS signature in the one form that it has")
        }
        guard message.certificate.publicKeyInfo == publicKeyInfo else {
            throw Self.refusal("it is signed by another key than the expected one")
        }
        guard message.certificate.isSelfSigned else {
            throw Self.refusal("the signer's certificate is not signed by the log's key itself")
        }
        guard message.messageDigest.elementsEqual(SHA256.hash(data: text)) else {
            throw Self.refusal("it is over another text than `\(SignedHead.textPath)`")
        }
        guard isSignature(message.signature, over: message.signedAttributes, by: publicKeyInfo),
            let time = UInt64(exactly: message.signingTime)
        else { throw Self.refusal("the signature does not verify") }
        signingTime = time
    }

    private static func refusal(_ message: String) -> AllowlistError {
        AllowlistError(
            .checkpointSignature, file: SignedHead.cmsPath, message,
            hint: "take the bundle again; do not use this one")
    }
}

extension CheckpointSignature {
    /// The values of a message, and how they are written.
    struct Message {
        var certificate: CertificateFields
        /// SHA-256, with parameters absent or NULL (RFC 5754 §2).
        var digestAlgorithm: [UInt8]
        var signingTime: Int64
        var messageDigest: [UInt8]
        /// The attribute sMIMECapabilities as it stands; openssl adds it where it is not told not to.
        var capabilities: [UInt8]?
        var signature: [UInt8]
    }
}

extension CheckpointSignature.Message {
    /// SHA-256's AlgorithmIdentifier with NULL parameters.
    private static let digestWithNull: [UInt8] = [
        0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    ]
    /// RFC 8551 §2.5.2.
    private static let sMIMECapabilities: [UInt8] = [
        0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x0F,
    ]

    /// Takes the values that ``encoded()`` writes again; the caller compares.
    init(_ der: [UInt8]) throws {
        guard der.count <= CheckpointSignature.maximumLength else { throw DER.malformed }
        let outer = try DER.members(try DER.parse(der))
        guard outer.count == 2, let signedData = try DER.members(outer[1]).first else { throw DER.malformed }
        // version, digestAlgorithms, encapContentInfo, certificates, signerInfos
        let fields = try DER.members(signedData)
        guard fields.count == 5, let certificate = try DER.members(fields[3]).first,
            let signer = try DER.members(fields[4]).first
        else { throw DER.malformed }
        // version, sid, digestAlgorithm, signedAttrs, signatureAlgorithm, signature
        let parts = try DER.members(signer)
        guard parts.count == 6 else { throw DER.malformed }
        let digestAlgorithm = Array(parts[2].encodedBytes)
        guard [Self.digestWithNull, StrictSignature.Curve.p256.digestAlgorithm].contains(digestAlgorithm)
        else { throw DER.malformed }
        var time: Int64?
        var digest: [UInt8]?
        var capabilities: [UInt8]?
        for attribute in try DER.members(parts[3]) {
            let pair = try DER.members(attribute)
            guard pair.count == 2, let value = try DER.members(pair[1]).first else { throw DER.malformed }
            switch try DER.primitive(pair[0]) {
            case OID.signingTime: time = try SigningTime.read(value)
            case OID.messageDigest: digest = try DER.primitive(value)
            case Self.sMIMECapabilities: capabilities = Array(attribute.encodedBytes)
            default: break
            }
        }
        guard let time, let digest else { throw DER.malformed }
        self.init(
            certificate: try CertificateFields(Array(certificate.encodedBytes)),
            digestAlgorithm: digestAlgorithm, signingTime: time, messageDigest: digest,
            capabilities: capabilities, signature: try DER.primitive(parts[5]))
    }

    /// What is signed: the attributes as a SET OF (RFC 5652 §5.4).
    var signedAttributes: [UInt8] {
        func attribute(_ type: [UInt8], _ value: [UInt8]) -> [UInt8] {
            DER.tagged(0x30, DER.tagged(0x06, type) + DER.tagged(0x31, value))
        }
        var attributes = [
            attribute(OID.contentType, DER.tagged(0x06, OID.data)),
            // A time that cannot be written differs from the one that was read.
            attribute(OID.signingTime, (try? SigningTime.der(signingTime)) ?? []),
            attribute(OID.messageDigest, DER.tagged(0x04, messageDigest)),
        ]
        if let capabilities { attributes.append(capabilities) }
        return DER.tagged(0x31, DER.sorted(attributes))
    }

    /// The message in DER.
    func encoded() -> [UInt8] {
        let version: [UInt8] = [0x02, 0x01, 0x01]
        // The attributes are [0] IMPLICIT here and a SET OF where they are signed.
        let attributes = [0xA0] + signedAttributes.dropFirst()
        let signer = DER.tagged(
            0x30,
            version + DER.tagged(0x30, certificate.issuer + certificate.serialNumber) + digestAlgorithm
                + attributes + StrictSignature.Curve.p256.signatureAlgorithm + DER.tagged(0x04, signature))
        let signedData = DER.tagged(
            0x30,
            version + DER.tagged(0x31, digestAlgorithm)
                + DER.tagged(0x30, DER.tagged(0x06, OID.data)) + DER.tagged(0xA0, certificate.der)
                + DER.tagged(0x31, signer))
        return DER.tagged(0x30, DER.tagged(0x06, OID.signedData) + DER.tagged(0xA0, signedData))
    }
}
