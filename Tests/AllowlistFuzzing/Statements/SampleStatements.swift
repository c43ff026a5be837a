import Crypto
import SignedStatements

/// Statements, messages and a roster by keys that are the same on every machine.
enum SampleStatements {
    private static func octets(_ octet: UInt8, _ count: Int = 32) -> [UInt8] {
        [UInt8](repeating: octet, count: count)
    }

    private static let authorisation = AuthorisationStatement(
        facts: .init(
            rehearsal: false, run: SampleEntries.run, product: SampleEntries.product,
            manifestDigest: octets(1), templateDigest: octets(2), issuerDigest: octets(3),
            stationDigest: octets(4), quantity: 100, origin: SampleNote.origin),
        spoilage: 3, notBefore: 1_767_225_600, notAfter: 1_767_312_000, nonce: octets(0xab, 16),
        treeSize: 42, rootHash: octets(5), roster: octets(6), approvals: 2, authority: octets(8))

    private static let standing = StandingStatement(
        rehearsal: true, origin: SampleNote.origin, issuer: octets(3), span: 86_400,
        notBefore: 1_767_225_600, notAfter: 1_767_312_000, nonce: octets(0xcd, 16), roster: octets(6),
        approvals: 2, authority: octets(8))

    static let statements: [[UInt8]] = [try? authorisation.encode(), try? standing.encode()].compactMap { $0 }
    static let content = (try? authorisation.encode()) ?? []

    /// The sample key's signature over the statement.
    static let signature: [UInt8] = sign(content, SampleNote.key)

    /// An approval, and a countersignature over a digest of approvals.
    static let signers: [SignerInfo] = [signer(approvals: nil), signer(approvals: octets(9))].compactMap {
        $0
    }

    static let messages: [[UInt8]] = [Array(signers.prefix(1)), signers, []].compactMap { signers in
        try? ApprovedMessage(content: content, signers: signers).der()
    }

    private static func sign(_ bytes: [UInt8], _ key: P256.Signing.PrivateKey) -> [UInt8] {
        guard let signature = try? key.signature(for: bytes) else { return [] }
        return StrictSignature.der(Array(signature.derRepresentation)) ?? []
    }

    private static func signer(approvals: [UInt8]?) -> SignerInfo? {
        let digest = Array(SHA256.hash(data: content))
        let time: Int64 = 1_767_225_700
        let attributes = try? SignerInfo.signedAttributes(
            signingTime: time, messageDigest: digest, approvalsDigest: approvals)
        return attributes.map {
            SignerInfo(
                keyDigest: Array(SHA256.hash(data: SampleNote.spki)), curve: .p256, signingTime: time,
                messageDigest: digest, approvalsDigest: approvals, signature: sign($0, SampleNote.key))
        }
    }

    /// A first version that both members signed.
    static let roster: Roster = {
        let names = ["alice", "wilma"]
        let members = names.enumerated().map { (place, name) in
            Roster.Member(
                name: name, roles: [place == 0 ? .ceremonyAdministrator : .externalWitness],
                signingKey: Array(SampleNote.privateKey(UInt8(10 + place)).publicKey.derRepresentation),
                shareKey: Array(SampleNote.privateKey(UInt8(20 + place)).publicKey.derRepresentation),
                tokenSerial: "T\(place)", tokenLabel: name)
        }
        let roster = Roster(
            version: 1, origin: SampleNote.origin, rehearsal: false, previous: nil, members: members,
            conflicts: [], quorums: .init(roster: 1, approval: 1, recovery: 2))
        return roster.signed(
            by: names.enumerated().map { (place, name) in
                Roster.Signature(
                    name: name,
                    signature: sign(roster.signedBytes, SampleNote.privateKey(UInt8(10 + place))))
            })
    }()
}
