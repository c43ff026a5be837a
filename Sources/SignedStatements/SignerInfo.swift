import SwiftASN1

/// One SignerInfo (RFC 5652 §5.3) of an ``ApprovedMessage``: version 3, named by its key's digest, without unsigned
/// attributes.
///
/// Every octet of it is fixed by the form, is in the signed attributes, or is the signature in the form of
/// ``StrictSignature``.
package struct SignerInfo: Hashable, Sendable {
    /// The SHA-256 of the signer's SubjectPublicKeyInfo, which is its subjectKeyIdentifier here (RFC 7093 §2 (4)).
    package let keyDigest: [UInt8]
    package let curve: StrictSignature.Curve
    /// A claim of the signer: seconds since 1970 UTC.
    package let signingTime: Int64
    /// The hash of the statement.
    package let messageDigest: [UInt8]
    /// The run authority's alone: the SHA-256 of the approvers' SignerInfos that it saw.
    package let approvalsDigest: [UInt8]?
    package let signature: [UInt8]

    /// What is signed: the attributes as a SET OF in DER (RFC 5652 §5.4).
    package static func signedAttributes(
        signingTime: Int64, messageDigest: [UInt8], approvalsDigest: [UInt8]?
    ) throws -> [UInt8] {
        var attributes = [
            attribute(.contentType, DER.tagged(0x06, OID.data)),
            attribute(.signingTime, try SigningTime.der(signingTime)),
            attribute(.messageDigest, DER.tagged(0x04, messageDigest)),
        ]
        if let approvalsDigest {
            attributes.append(attribute(.approvals, DER.tagged(0x04, approvalsDigest)))
        }
        return DER.tagged(0x31, DER.sorted(attributes))
    }

    package func signedAttributes() throws -> [UInt8] {
        try SignerInfo.signedAttributes(
            signingTime: signingTime, messageDigest: messageDigest, approvalsDigest: approvalsDigest)
    }

    private enum AttributeType {
        case contentType, signingTime, messageDigest, approvals

        var oid: [UInt8] {
            switch self {
            case .contentType: OID.contentType
            case .signingTime: OID.signingTime
            case .messageDigest: OID.messageDigest
            case .approvals: OID.approvals
            }
        }
    }

    private static func attribute(_ type: AttributeType, _ value: [UInt8]) -> [UInt8] {
        DER.tagged(0x30, DER.tagged(0x06, type.oid) + DER.tagged(0x31, value))
    }

    /// The SignerInfo in DER.
    package func der() throws -> [UInt8] {
        // The attributes are [0] IMPLICIT here and a SET OF where they are signed.
        let attributes = [0xA0] + (try signedAttributes()).dropFirst()
        return DER.tagged(
            0x30,
            [0x02, 0x01, 0x03] + DER.tagged(0x80, keyDigest) + curve.digestAlgorithm + attributes
                + curve.signatureAlgorithm + DER.tagged(0x04, signature))
    }

    /// Reads what ``der()`` writes; the caller compares, so whatever is passed over here is refused there.
    package init(_ node: ASN1Node) throws {
        // version, sid, digestAlgorithm, signedAttrs, signatureAlgorithm, signature
        let fields = try DER.members(node)
        guard fields.count == 6 else { throw DER.malformed }
        let curves = [StrictSignature.Curve.p256, .p384]
        guard let curve = curves.first(where: { $0.digestAlgorithm.elementsEqual(fields[2].encodedBytes) })
        else { throw DER.malformed }
        var time: Int64?
        var content: [UInt8]?
        var approvals: [UInt8]?
        for attribute in try DER.members(fields[3]) {
            let parts = try DER.members(attribute)
            guard parts.count == 2, let value = try DER.members(parts[1]).first else { throw DER.malformed }
            switch try DER.primitive(parts[0]) {
            case OID.signingTime: time = try SigningTime.read(value)
            case OID.messageDigest: content = try DER.primitive(value)
            case OID.approvals: approvals = try DER.primitive(value)
            default: break
            }
        }
        guard let time, let content else { throw DER.malformed }
        keyDigest = try DER.primitive(fields[1])
        self.curve = curve
        signingTime = time
        messageDigest = content
        approvalsDigest = approvals
        signature = try DER.primitive(fields[5])
    }

    package init(
        keyDigest: [UInt8], curve: StrictSignature.Curve, signingTime: Int64, messageDigest: [UInt8],
        approvalsDigest: [UInt8]?, signature: [UInt8]
    ) {
        self.keyDigest = keyDigest
        self.curve = curve
        self.signingTime = signingTime
        self.messageDigest = messageDigest
        self.approvalsDigest = approvalsDigest
        self.signature = signature
    }

    /// Whether the signature is over this statement and verifies under the key.
    package func isValid(over content: [UInt8], key: [UInt8]) -> Bool {
        guard messageDigest == curve.hash(content), let bytes = try? signedAttributes() else { return false }
        return StrictSignature.isValid(signature, over: bytes, key: key, curve: curve)
    }
}
