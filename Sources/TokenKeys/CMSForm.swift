import SwiftASN1

/// The parts of a CMS SignedData that no signature covers, held to the one form that RFC 5652 gives ours.
///
/// Verifiers pass over them, so an octet changed there would go unseen: the versions (§5.1, §5.3), the content's
/// type, and the signature's algorithm beside the signature that was made with it.
enum CMSForm {
    private static let signedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 2]
    private static let data: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 1]
    /// ECDSA with each of SHA-256, SHA-384 and SHA-512, by the digest (RFC 5753 §2.1.1).
    private static let ecdsa: [ASN1ObjectIdentifier: ASN1ObjectIdentifier] = [
        [2, 16, 840, 1, 101, 3, 4, 2, 1]: [1, 2, 840, 10045, 4, 3, 2],
        [2, 16, 840, 1, 101, 3, 4, 2, 2]: [1, 2, 840, 10045, 4, 3, 3],
        [2, 16, 840, 1, 101, 3, 4, 2, 3]: [1, 2, 840, 10045, 4, 3, 4],
    ]

    /// Whether `der` has that form: version 1, content of type data, ECDSA with SHA-2 and nothing else.
    static func isStrict(_ der: [UInt8]) -> Bool {
        do {
            return try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
                let type = try ASN1ObjectIdentifier(derEncoded: &nodes)
                let isStrict = try DER.explicitlyTagged(
                    &nodes, tagNumber: 0, tagClass: .contextSpecific
                ) { try isStrictSignedData($0) }
                return type == signedData && isStrict
            }
        } catch {
            return false
        }
    }

    private static func isStrictSignedData(_ node: ASN1Node) throws -> Bool {
        try DER.sequence(node, identifier: .sequence) { nodes in
            let version = try Int(derEncoded: &nodes)
            var isStrict = version == 1
            _ = nodes.next()
            try DER.sequence(try next(&nodes), identifier: .sequence) { content in
                isStrict = try ASN1ObjectIdentifier(derEncoded: &content) == data && isStrict
                while content.next() != nil {}
            }
            while let node = nodes.next() {
                guard node.identifier == .set, case .constructed(let signers) = node.content else { continue }
                for signer in signers { isStrict = try isStrictSigner(signer) && isStrict }
            }
            return isStrict
        }
    }

    private static func isStrictSigner(_ node: ASN1Node) throws -> Bool {
        try DER.sequence(node, identifier: .sequence) { nodes in
            let version = try Int(derEncoded: &nodes)
            _ = try next(&nodes)  // issuer and serial number, which OpenSSL matches with the certificate
            let digest = try algorithm(try next(&nodes))
            _ = try next(&nodes)  // the signed attributes
            let signature = try algorithm(try next(&nodes))
            while nodes.next() != nil {}
            return version == 1 && ecdsa[digest] == signature
        }
    }

    private static func algorithm(_ node: ASN1Node) throws -> ASN1ObjectIdentifier {
        try DER.sequence(node, identifier: .sequence) { nodes in
            let identifier = try ASN1ObjectIdentifier(derEncoded: &nodes)
            while nodes.next() != nil {}
            return identifier
        }
    }

    private static func next(_ nodes: inout ASN1NodeCollection.Iterator) throws -> ASN1Node {
        guard let node = nodes.next() else { throw ASN1Error.invalidASN1Object(reason: "cut off") }
        return node
    }
}
