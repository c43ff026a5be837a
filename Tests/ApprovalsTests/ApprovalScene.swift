import Crypto
import Foundation
import Rosters
import SignedStatements

@testable import Approvals

/// People with keys, a run authority, and a statement: what an approval needs, without a site or a token.
struct ApprovalScene {
    static let time = Date(timeIntervalSince1970: 1_800_000_000)

    let credentials: [String: StandInCredential]
    let authority: any AuthorityKey
    var rosters: [Roster]

    /// `alice`, `bob` and `carol` may approve, `dora` only witnesses; two are needed.
    init(authority: any AuthorityKey = P256.Signing.PrivateKey()) throws {
        var credentials: [String: StandInCredential] = [:]
        for name in ["alice", "bob", "carol", "dora", "erin"] {
            credentials[name] = try StandInCredential(
                name: name, seed: (0..<32).map { _ in UInt8.random(in: 0...255) })
        }
        self.credentials = credentials
        self.authority = authority
        rosters = []
        rosters = [
            roster([
                "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "carol": [.shareHolder],
                "dora": [.externalWitness, .auditor],
            ])
        ]
    }

    func roster(_ people: [String: [CeremonyRole]], after previous: Roster? = nil) -> Roster {
        Roster(
            version: (previous?.version ?? 0) + 1, origin: "log.example.com/a", rehearsal: false,
            previous: previous?.digest,
            members: people.sorted { $0.key < $1.key }.compactMap { name, roles in
                credentials[name].map {
                    Roster.Member(
                        name: name, roles: roles, signingKey: $0.signingKey, shareKey: $0.shareKey,
                        tokenSerial: name, tokenLabel: name)
                }
            }, conflicts: [], quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
    }

    var approvers: Approvers {
        get throws {
            try Approvers(rosters: rosters, authority: authority.publicKeyInfo, subject: "scene")
        }
    }

    func statement(approvals: Int = 2) throws -> StandingStatement {
        StandingStatement(
            rehearsal: false, origin: "log.example.com/a", issuer: [UInt8](repeating: 3, count: 32),
            span: 86_400, notBefore: 1_799_999_000, notAfter: 1_800_100_000,
            nonce: [UInt8](repeating: 7, count: 16), roster: try approvers.rosterDigest, approvals: approvals,
            authority: try approvers.authorityDigest)
    }

    func opened() throws -> ApprovedMessage { try ApprovedMessage(content: try statement().encode()) }

    /// The statement with the approvals of these, whoever they are.
    func approved(by names: String..., message: ApprovedMessage? = nil) throws -> ApprovedMessage {
        var message = try message ?? opened()
        for name in names {
            message = try message.adding(try signer(name, over: message.content))
        }
        return message
    }

    /// An approval without any of the checks that the product makes before signing.
    func signer(_ name: String, over content: [UInt8], at time: Int64 = 1_800_000_000) throws -> SignerInfo {
        guard let credential = credentials[name] else { throw CocoaError(.fileNoSuchFile) }
        let digest = StrictSignature.Curve.p256.hash(content)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: time, messageDigest: digest, approvalsDigest: nil)
        return SignerInfo(
            keyDigest: Array(SHA256.hash(data: credential.signingKey)), curve: .p256, signingTime: time,
            messageDigest: digest, approvalsDigest: nil, signature: try credential.signature(over: bytes))
    }

    func countersigned(_ message: ApprovedMessage) throws -> ApprovedMessage {
        try approvers.countersign(message, at: Self.time) { try authority.sign($0) }
    }

    /// A countersignature without any of the checks that the product makes before signing.
    func forced(_ message: ApprovedMessage, by key: any AuthorityKey) throws -> ApprovedMessage {
        let digest = key.curve.hash(message.content)
        let seen = try ApprovedMessage.digest(ofApprovals: message.approvals)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: 1_800_000_000, messageDigest: digest, approvalsDigest: seen)
        return try message.adding(
            SignerInfo(
                keyDigest: Array(SHA256.hash(data: key.publicKeyInfo)), curve: key.curve,
                signingTime: 1_800_000_000, messageDigest: digest, approvalsDigest: seen,
                signature: StrictSignature.der(try key.sign(bytes), curve: key.curve) ?? []))
    }
}

/// A run authority's key in memory.
protocol AuthorityKey: Sendable {
    var publicKeyInfo: [UInt8] { get }
    var curve: StrictSignature.Curve { get }
    func sign(_ bytes: [UInt8]) throws -> [UInt8]
}

extension P256.Signing.PrivateKey: AuthorityKey {
    var publicKeyInfo: [UInt8] { Array(publicKey.derRepresentation) }
    var curve: StrictSignature.Curve { .p256 }
    func sign(_ bytes: [UInt8]) throws -> [UInt8] { Array(try signature(for: bytes).derRepresentation) }
}

extension P384.Signing.PrivateKey: AuthorityKey {
    var publicKeyInfo: [UInt8] { Array(publicKey.derRepresentation) }
    var curve: StrictSignature.Curve { .p384 }
    func sign(_ bytes: [UInt8]) throws -> [UInt8] { Array(try signature(for: bytes).derRepresentation) }
}
