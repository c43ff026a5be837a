import Crypto
import SwiftASN1

/// Object identifiers, as the contents of their DER.
package enum OID {
    /// id-data (RFC 5652 §4).
    package static let data: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]
    /// id-signedData (RFC 5652 §5.1).
    package static let signedData: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02]
    /// RFC 5652 §11.1.
    package static let contentType: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03]
    /// RFC 5652 §11.2.
    package static let messageDigest: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04]
    /// RFC 5652 §11.3.
    package static let signingTime: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x05]
    /// The run authority's attribute over the approvals that it saw: 2.25.318704569364525730931175031618716386195, from
    /// the UUID efc44471-643d-4acb-84df-24e053f94393 (ITU-T X.667 §7).
    package static let approvals: [UInt8] = [
        0x69, 0x83, 0xDF, 0xC4, 0xA2, 0x9C, 0xAC, 0xC3, 0xEA, 0xAB, 0x97, 0x84, 0xEF, 0xC9, 0x9C, 0x85, 0x9F,
        0xE5, 0x87, 0x13,
    ]
}

extension DER {
    package struct Malformed: Error {}

    package static var malformed: any Error { Malformed() }

    /// A tag, a length in the fewest octets, the content (ITU-T X.690 §10.1).
    package static func tagged(_ tag: UInt8, _ content: some Collection<UInt8>) -> [UInt8] {
        guard content.count >= 0x80 else { return [tag, UInt8(content.count)] + content }
        var length: [UInt8] = []
        var rest = content.count
        while rest > 0 {
            length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(length.count)] + length + content
    }

    /// The members of a SET OF in ascending order (ITU-T X.690 §11.6), one after the other.
    package static func sorted(_ members: [[UInt8]]) -> [UInt8] {
        members.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    }

    /// The nodes in a constructed one.
    package static func members(_ node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { throw malformed }
        return Array(nodes)
    }

    /// The content of a primitive node.
    package static func primitive(_ node: ASN1Node) throws -> [UInt8] {
        guard case .primitive(let bytes) = node.content else { throw malformed }
        return Array(bytes)
    }
}

extension StrictSignature.Curve {
    /// SHA-256 or SHA-384, with parameters absent (RFC 5754 §2).
    package var digestAlgorithm: [UInt8] {
        let last: UInt8 = self == .p256 ? 1 : 2
        return DER.tagged(
            0x30, DER.tagged(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] as [UInt8]))
    }

    /// ecdsa-with-SHA256 or ecdsa-with-SHA384 (RFC 5753 §2.1.1).
    package var signatureAlgorithm: [UInt8] {
        let last: UInt8 = self == .p256 ? 2 : 3
        return DER.tagged(
            0x30, DER.tagged(0x06, [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, last] as [UInt8]))
    }

    package func hash(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .p256: Array(SHA256.hash(data: bytes))
        case .p384: Array(SHA384.hash(data: bytes))
        }
    }
}
