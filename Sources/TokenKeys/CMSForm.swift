import SwiftASN1

/// The parts of a CMS SignedData that no signature covers, held to the one form that RFC 5652 gives ours.
///
/// Verifiers pass over them, so an octet changed there would go unseen: the versions (§5.1, §5.3), the content's
/// type, the signature's algorithm beside the signature that was made with it, and how the signer's name is written.
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
            var issuers: Set<ArraySlice<UInt8>> = []
            while let node = nodes.next() {
                guard case .constructed(let members) = node.content else { return false }
                if node.identifier == .set {
                    for signer in members { isStrict = try isStrictSigner(signer, issuers) && isStrict }
                } else if node.identifier == ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific) {
                    for certificate in members { issuers.insert(try issuer(of: certificate)) }
                }
            }
            return isStrict
        }
    }

    private static func isStrictSigner(
        _ node: ASN1Node, _ issuers: Set<ArraySlice<UInt8>>
    ) throws -> Bool {
        try DER.sequence(node, identifier: .sequence) { nodes in
            let version = try Int(derEncoded: &nodes)
            // OpenSSL compares names as X.500 does, without upper and lower case.
            let name = try DER.sequence(try next(&nodes), identifier: .sequence) { identifier in
                let name = try next(&identifier).encodedBytes
                while identifier.next() != nil {}
                return name
            }
            let digest = try algorithm(try next(&nodes))
            _ = try next(&nodes)  // the signed attributes
            let signature = try algorithm(try next(&nodes))
            while nodes.next() != nil {}
            return version == 1 && issuers.contains(name) && ecdsa[digest] == signature
        }
    }

    /// The issuer's name in a certificate (RFC 5280 §4.1), as it stands there.
    private static func issuer(of certificate: ASN1Node) throws -> ArraySlice<UInt8> {
        try DER.sequence(certificate, identifier: .sequence) { nodes in
            let name = try DER.sequence(try next(&nodes), identifier: .sequence) { fields in
                // version, serial number, signature
                for _ in 0..<3 { _ = try next(&fields) }
                let name = try next(&fields).encodedBytes
                while fields.next() != nil {}
                return name
            }
            while nodes.next() != nil {}
            return name
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
