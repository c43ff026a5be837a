import Crypto
import Foundation
import SignedStatements
import SwiftASN1
import TransparencyLog

@testable import Allowlist

/// A run with an authorisation in the form of an approval, and everything that an attacker may want to be otherwise.
struct ApprovedRun {
    var opening: AllowlistEntry.OpenRun
    var statement: AuthorisationStatement
    /// Who approves, in this order; somebody may come twice.
    var approvers = ["alice", "bob"]
    /// Who approves after the run authority countersigned.
    var late: [String] = []
    /// Who countersigns; nil for nobody.
    var authority: String? = "run authority"
    /// Other octets in place of the message.
    var message: [UInt8]?
    /// The rosters in the bundle; the first is pinned.
    var rosters: [Roster]
    /// Files taken out of the bundle or changed after everything was signed.
    var change: (inout [String: [UInt8]]) -> Void = { _ in }

    /// A run of one device in a log of its own. `alice`, `bob` and `carol` may approve and two are needed; `dora` only
    /// witnesses.
    init() throws {
        let log = VectorLog()
        guard case .openRun(let opening) = log.openRun() else {
            throw VectorCase.Unexpected(description: "no opening")
        }
        self.opening = opening
        let first = try ApprovedRun.roster([
            "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "carol": [.shareHolder],
            "dora": [.externalWitness],
        ])
        rosters = [first]
        let facts = AuthorisationStatement.Facts(
            rehearsal: false, run: opening.run, product: opening.product,
            manifestDigest: VectorLog.digest(0, "manifest").bytes, templateDigest: opening.template.bytes,
            issuerDigest: ApprovedRun.keyDigest("issuing CA"), stationDigest: nil,
            quantity: Int(opening.quantity), origin: log.origin)
        statement = AuthorisationStatement(
            facts: facts, spoilage: Int(opening.spoilage), notBefore: Int64(opening.openedAt) - 600,
            notAfter: Int64(opening.openedAt) + 600, treeSize: 0, rootHash: MerkleTree.emptyRoot.bytes,
            roster: first.digestOctets, approvals: 2, authority: ApprovedRun.keyDigest("run authority"))
    }

    /// The bundle, and the digest of the pinned roster.
    func made() throws -> VectorCase.Made {
        var log = VectorLog()
        let message = try message ?? self.signed()
        var opening = opening
        opening.authorisation = Digest32.sha256(message)
        try log.append(.openRun(opening))
        var device = VectorLog.device(1, run: opening.run, product: opening.product)
        device.authorityKeyID = opening.issuerKeyID
        try log.append(.add(device))
        try log.append(.seal(log.seal(opening.run, released: 1)))
        try log.appendState()
        var files = try log.files(authorisations: [message])
        files["issuers.pem"] = Array(
            try Self.pem(VectorLog.key("issuing CA"), keyIdentifier: VectorLog.issuer).utf8)
        files["signers.pem"] = Array(
            (try Self.pem(log.key) + Self.pem(VectorLog.key("run authority"))).utf8)
        for roster in rosters { files[BundleRosters.path(of: roster.version)] = roster.fileBytes }
        change(&files)
        var made = VectorCase.Made(log: log, files: files)
        made.roster = Digest32(rosters[0].digestOctets)?.hex
        return made
    }

    // MARK: Rosters

    static func roster(
        _ roles: [String: [CeremonyRole]], after previous: Roster? = nil, signedBy names: [String]? = nil
    ) throws -> Roster {
        let unsigned = Roster(
            version: (previous?.version ?? 0) + 1, origin: VectorLog().origin, rehearsal: false,
            previous: previous?.digest,
            members: try roles.sorted { $0.key < $1.key }.map { name, roles in
                let share = try P256.KeyAgreement.PrivateKey(
                    rawRepresentation: VectorLog.key("share of \(name)").rawRepresentation)
                return Roster.Member(
                    name: name, roles: roles,
                    signingKey: Array(VectorLog.key(name).publicKey.derRepresentation),
                    shareKey: Array(share.publicKey.derRepresentation), tokenSerial: name, tokenLabel: name)
            }, conflicts: [], quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
        return unsigned.signed(
            by: try (names ?? roles.keys.sorted()).map {
                Roster.Signature(name: $0, signature: try sign(unsigned.signedBytes, as: $0))
            })
    }

    /// A second version, in which `erin` takes the place of `carol`.
    static func secondRoster(after first: Roster, signedBy names: [String]) throws -> Roster {
        try roster(
            [
                "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "dora": [.externalWitness],
                "erin": [.shareHolder],
            ], after: first, signedBy: names)
    }

    // MARK: Messages

    private func signed() throws -> [UInt8] {
        let content = try statement.encode()
        var message = try ApprovedMessage(content: content)
        for name in approvers { message = try message.adding(Self.signer(name, content, nil)) }
        if let authority {
            let digest = try ApprovedMessage.digest(ofApprovals: message.approvals)
            message = try message.adding(Self.signer(authority, content, digest))
        }
        for name in late { message = try message.adding(Self.signer(name, content, nil)) }
        return try message.der()
    }

    private static func signer(
        _ name: String, _ content: [UInt8], _ approvals: [UInt8]?
    ) throws -> SignerInfo {
        let time = Int64(VectorLog.time) - 3600
        let digest = StrictSignature.Curve.p256.hash(content)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: time, messageDigest: digest, approvalsDigest: approvals)
        return SignerInfo(
            keyDigest: keyDigest(name), curve: .p256, signingTime: time, messageDigest: digest,
            approvalsDigest: approvals, signature: try sign(bytes, as: name))
    }

    private static func sign(_ bytes: [UInt8], as name: String) throws -> [UInt8] {
        let signature = Array(try VectorLog.key(name).signature(for: bytes).derRepresentation)
        return StrictSignature.der(signature) ?? signature
    }

    static func keyDigest(_ name: String) -> [UInt8] {
        Array(SHA256.hash(data: VectorLog.key(name).publicKey.derRepresentation))
    }

    /// A certificate of a key, whose signature nobody checks, in PEM.
    private static func pem(_ key: P256.Signing.PrivateKey, keyIdentifier: [UInt8]? = nil) throws -> String {
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
