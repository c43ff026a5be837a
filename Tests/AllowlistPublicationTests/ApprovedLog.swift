import Allowlist
import AllowlistPublication
import Crypto
import Foundation
import SignedStatements
import SwiftASN1
import TransparencyLog

/// A log whose runs are approved by people with keys in memory.
final class ApprovedLog {
    /// One run, and everything that an attacker may want to be otherwise.
    struct Run {
        var opening: AllowlistEntry.OpenRun
        var statement: AuthorisationStatement
        /// Who approves, in this order; somebody may come twice.
        var approvers = ["alice", "bob"]
        /// Who approves after the run authority countersigned.
        var late: [String] = []
        /// Who countersigns; nil for nobody.
        var authority: P256.Signing.PrivateKey?
        /// The message of another run in place of this one's.
        var message: [UInt8]?
    }

    let log = TestLog()
    let authority = P256.Signing.PrivateKey()
    let issuer = P256.Signing.PrivateKey()
    /// What is published beside the log.
    var issuersPEM: String
    var signersPEM: String
    var rosters: [Roster] = []
    private let people: [String: P256.Signing.PrivateKey]
    private let shares: [String: P256.KeyAgreement.PrivateKey]

    /// `alice`, `bob` and `carol` may approve, `dora` only witnesses; two are needed.
    init() throws {
        let names = ["alice", "bob", "carol", "dora", "erin"]
        people = Dictionary(uniqueKeysWithValues: names.map { ($0, P256.Signing.PrivateKey()) })
        shares = Dictionary(uniqueKeysWithValues: names.map { ($0, P256.KeyAgreement.PrivateKey()) })
        issuersPEM = ""
        signersPEM = ""
        issuersPEM = try Self.pem(issuer, keyIdentifier: TestLog.issuer)
        signersPEM = try Self.pem(log.key) + Self.pem(authority)
        rosters = [
            try roster(
                [
                    "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "carol": [.shareHolder],
                    "dora": [.externalWitness],
                ], signedBy: ["alice", "bob", "carol", "dora"])
        ]
    }

    func roster(
        _ roles: [String: [CeremonyRole]], after previous: Roster? = nil, signedBy names: [String]
    ) throws -> Roster {
        let unsigned = Roster(
            version: (previous?.version ?? 0) + 1, origin: log.origin, rehearsal: false,
            previous: previous?.digest,
            members: roles.sorted { $0.key < $1.key }.compactMap { name, roles in
                guard let key = people[name], let share = shares[name] else { return nil }
                return Roster.Member(
                    name: name, roles: roles, signingKey: Array(key.publicKey.derRepresentation),
                    shareKey: Array(share.publicKey.derRepresentation), tokenSerial: name, tokenLabel: name)
            }, conflicts: [], quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
        return unsigned.signed(
            by: try names.map {
                Roster.Signature(name: $0, signature: try sign(unsigned.signedBytes, as: $0))
            })
    }

    /// A second version, in which `erin` takes the place of `carol`.
    func nextRoster() throws -> Roster {
        try roster(
            [
                "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "erin": [.shareHolder],
                "dora": [.externalWitness],
            ], after: rosters[0], signedBy: ["alice", "bob", "erin"])
    }

    private func sign(_ bytes: [UInt8], as name: String) throws -> [UInt8] {
        let key = people[name] ?? P256.Signing.PrivateKey()
        let signature = Array(try key.signature(for: bytes).derRepresentation)
        return StrictSignature.der(signature) ?? signature
    }

    // MARK: Runs

    /// Publishes a run of one device, sealed; `change` makes of it what an attacker would.
    @discardableResult
    func publish(_ name: String = "R-1", _ change: (inout Run) -> Void = { _ in }) throws -> [UInt8] {
        let writer = try log.writer()
        guard case .openRun(let opening) = log.openRun(name, quantity: 10, spoilage: 2) else { return [] }
        let facts = AuthorisationStatement.Facts(
            rehearsal: false, run: name, product: opening.product,
            manifestDigest: [UInt8](repeating: 9, count: 32), templateDigest: opening.template.bytes,
            issuerDigest: Array(SHA256.hash(data: issuer.publicKey.derRepresentation)), stationDigest: nil,
            quantity: 10, origin: log.origin)
        let head = writer.published
        var run = Run(
            opening: opening,
            statement: AuthorisationStatement(
                facts: facts, spoilage: 2, notBefore: 1_699_999_000, notAfter: 1_700_001_000,
                treeSize: Int64(head?.size ?? 0),
                rootHash: head?.root.bytes ?? MerkleTree.emptyRoot.bytes,
                roster: rosters.last?.digestOctets ?? [], approvals: 2,
                authority: Array(SHA256.hash(data: authority.publicKey.derRepresentation))),
            authority: authority)
        change(&run)
        let message = try run.message ?? self.message(run)
        run.opening.authorisation = Digest32.sha256(message)
        let open = try writer.append(.openRun(run.opening))
        var device = TestLog.device(Int(open), run: run.opening.run, product: run.opening.product)
        device.authorityKeyID = run.opening.issuerKeyID
        try writer.append(.add(device))
        try writer.append(.seal(log.seal(run.opening.run, openIndex: open, released: 1)))
        try log.publish(
            writer,
            extraFiles: [
                .authorisation(message), ExtraFile(path: "issuers.pem", bytes: Array(issuersPEM.utf8)),
                ExtraFile(path: "signers.pem", bytes: Array(signersPEM.utf8)),
            ]
                + rosters.map {
                    ExtraFile(path: BundleRosters.path(of: $0.version), bytes: $0.fileBytes)
                })
        return message
    }

    private func message(_ run: Run) throws -> [UInt8] {
        let content = try run.statement.encode()
        var message = try ApprovedMessage(content: content)
        for name in run.approvers { message = try message.adding(signer(name, content)) }
        if let key = run.authority {
            let spki = Array(key.publicKey.derRepresentation)
            message = try message.adding(
                signer(spki, content, try ApprovedMessage.digest(ofApprovals: message.approvals)) {
                    Array(try key.signature(for: $0).derRepresentation)
                })
        }
        for name in run.late { message = try message.adding(signer(name, content)) }
        return try message.der()
    }

    private func signer(_ name: String, _ content: [UInt8]) throws -> SignerInfo {
        let spki = Array((people[name] ?? P256.Signing.PrivateKey()).publicKey.derRepresentation)
        return try signer(spki, content, nil) { try self.sign($0, as: name) }
    }

    private func signer(
        _ spki: [UInt8], _ content: [UInt8], _ approvals: [UInt8]?, sign: ([UInt8]) throws -> [UInt8]
    ) throws -> SignerInfo {
        let digest = StrictSignature.Curve.p256.hash(content)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: 1_700_000_000, messageDigest: digest, approvalsDigest: approvals)
        let signature = try sign(bytes)
        return SignerInfo(
            keyDigest: Array(SHA256.hash(data: spki)), curve: .p256, signingTime: 1_700_000_000,
            messageDigest: digest, approvalsDigest: approvals,
            signature: StrictSignature.der(signature) ?? signature)
    }

    // MARK: Verifying

    /// Verifies with a version of the roster pinned, the first where nothing is said.
    func verify(pinned: Roster? = nil) throws -> VerifiedList {
        var pins = try log.pins()
        pins.roster = (pinned ?? rosters.first).flatMap { Digest32($0.digestOctets) }
        return try BundleVerifier.verify(directory: log.path, pins: pins)
    }

    /// A certificate of a key, signed by nobody in particular, in PEM.
    static func pem(_ key: P256.Signing.PrivateKey, keyIdentifier: [UInt8]? = nil) throws -> String {
        let algorithm = StrictSignature.Curve.p256.signatureAlgorithm
        let validity = DER.tagged(0x30, try SigningTime.der(0) + SigningTime.der(1))
        let noName = DER.tagged(0x30, [UInt8]())
        var fields =
            [0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01] + algorithm + noName + validity + noName
        fields += key.publicKey.derRepresentation
        if let keyIdentifier {
            let value = DER.tagged(0x04, DER.tagged(0x04, keyIdentifier))
            let list = DER.tagged(0x30, DER.tagged(0x30, [0x06, 0x03, 0x55, 0x1D, 0x0E] + value))
            fields += DER.tagged(0xA3, list)
        }
        let der = DER.tagged(
            0x30, DER.tagged(0x30, fields) + algorithm + DER.tagged(0x03, [0, 0x30, 0] as [UInt8]))
        return "-----BEGIN CERTIFICATE-----\n\(Data(der).base64EncodedString())\n-----END CERTIFICATE-----\n"
    }
}
