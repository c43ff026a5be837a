import Allowlist
import Crypto
import Foundation
import SignedStatements
import TransparencyLog

@testable import AllowlistPublication

/// A log with people who can hand it over: keys that follow one another, a roster, and messages, right and wrong.
final class RotationScene {
    /// When everything is signed and rotated.
    static let time: Int64 = 1_800_000_000

    let log: TestLog
    var writer: BundleWriter
    /// The log's keys, the first one first.
    let keys: [P256.Signing.PrivateKey]
    let people: [String: P256.Signing.PrivateKey]
    private(set) var rosters: [Roster] = []

    /// Two of `alice`, `bob` and `carol` recover the log; `dora` only witnesses.
    ///
    /// The log has checkpoints and no run: who approved runs is not what is asked here.
    init(checkpoints: Int = 9) throws {
        log = TestLog()
        writer = try log.writer()
        for _ in 0..<checkpoints { try log.publish(writer, extraFiles: []) }
        keys = [log.key] + (0..<3).map { _ in P256.Signing.PrivateKey() }
        people = ["alice", "bob", "carol", "dora", "erin"].reduce(into: [:]) {
            $0[$1] = P256.Signing.PrivateKey()
        }
        try addRoster([
            "alice": [.ceremonyAdministrator], "bob": [.cryptoOfficer], "carol": [.shareHolder],
            "dora": [.externalWitness],
        ])
    }

    func spki(_ number: Int) -> [UInt8] { Array(keys[number].publicKey.derRepresentation) }

    // MARK: Rosters

    /// The next version, signed by everybody in it and, after the first, by those before.
    func addRoster(_ roles: [String: [CeremonyRole]]) throws {
        let members = try roles.sorted { $0.key < $1.key }.map { name, roles in
            Roster.Member(
                name: name, roles: roles, signingKey: Array(try person(name).publicKey.derRepresentation),
                shareKey: Array(P256.KeyAgreement.PrivateKey().publicKey.derRepresentation),
                tokenSerial: name, tokenLabel: name)
        }
        let roster = Roster(
            version: rosters.count + 1, origin: log.origin, rehearsal: false, previous: rosters.last?.digest,
            members: members, conflicts: [],
            quorums: Roster.Quorums(roster: 2, approval: 3, recovery: 2))
        let signers = Set(roles.keys).union(rosters.last?.members.map(\.name) ?? [])
        rosters.append(
            roster.signed(
                by: try signers.sorted().map {
                    Roster.Signature(name: $0, signature: try sign(roster.signedBytes, try person($0)))
                }))
        try FileManager.default.createDirectory(
            atPath: log.path + "/rosters", withIntermediateDirectories: true)
        try log.write(rosters[rosters.count - 1].fileBytes, to: "rosters/\(rosters.count).json")
    }

    private func person(_ name: String) throws -> P256.Signing.PrivateKey {
        guard let key = people[name] else { throw CocoaError(.fileNoSuchFile) }
        return key
    }

    private func sign(_ bytes: [UInt8], _ key: P256.Signing.PrivateKey) throws -> [UInt8] {
        let signature = try key.signature(for: bytes)
        return StrictSignature.der(raw: Array(signature.rawRepresentation)) ?? []
    }

    // MARK: Messages

    /// The statement of the rotation with this number, from 1, as things are.
    func statement(_ number: Int = 1, emergency: Bool = false) throws -> SignerRotationStatement {
        guard let published = writer.published, let roster = rosters.last else {
            throw CocoaError(.fileNoSuchFile)
        }
        return SignerRotationStatement(
            rehearsal: false, origin: log.origin, oldKey: Digest32.sha256(spki(number - 1)).bytes,
            newKeyInfo: spki(number), isEmergency: emergency, treeSize: Int64(published.size),
            rootHash: published.root.bytes, notBefore: Self.time - 100, notAfter: Self.time + 100,
            roster: roster.digestOctets, approvals: roster.quorums.recovery)
    }

    /// The statement signed by these people and then by this one of the log's keys, whoever may and must.
    func message(
        _ statement: SignerRotationStatement, by names: [String], key: Int? = nil
    ) throws -> [UInt8] {
        var message = try ApprovedMessage(content: try statement.encode())
        for name in names { message = try message.adding(try signer(message, try person(name))) }
        if let key {
            let seen = try ApprovedMessage.digest(ofApprovals: message.approvals)
            message = try message.adding(try signer(message, keys[key], seen))
        }
        return try message.der()
    }

    private func signer(
        _ message: ApprovedMessage, _ key: P256.Signing.PrivateKey, _ seen: [UInt8]? = nil
    ) throws -> SignerInfo {
        let digest = Array(SHA256.hash(data: message.content))
        let bytes = try SignerInfo.signedAttributes(
            signingTime: Self.time, messageDigest: digest, approvalsDigest: seen)
        return SignerInfo(
            keyDigest: Array(SHA256.hash(data: key.publicKey.derRepresentation)), curve: .p256,
            signingTime: Self.time, messageDigest: digest, approvalsDigest: seen,
            signature: try sign(bytes, key))
    }

    // MARK: Rotations

    /// What the entry of this statement and message says.
    func entry(_ statement: SignerRotationStatement, _ message: [UInt8]) throws -> AllowlistEntry.RotateSigner
    {
        guard
            let old = keys.first(where: {
                Digest32.sha256(Array($0.publicKey.derRepresentation)).bytes == statement.oldKey
            }),
            let root = Digest32(statement.rootHash)
        else { throw CocoaError(.fileNoSuchFile) }
        return .init(
            oldKey: Array(old.publicKey.derRepresentation), newKey: statement.newKeyInfo,
            isEmergency: statement.isEmergency, authorisation: Digest32.sha256(message),
            trustedSize: UInt64(statement.treeSize), trustedRoot: root, rotatedAt: UInt64(Self.time))
    }

    /// Rotates as the product does: approved by alice and bob.
    func rotate(_ number: Int = 1, emergency: Bool = false) throws {
        let statement = try statement(number, emergency: emergency)
        let message = try message(statement, by: ["alice", "bob"], key: emergency ? nil : number - 1)
        try writer.publishRotation(
            try entry(statement, message), message: message,
            signOld: emergency ? nil : { try self.der($0, number - 1) },
            signNew: { try self.der($0, number) },
            signText: { try self.cms($0, number) })
    }

    /// Publishes what a forger writes: any entry with any message as the rotation `number`, signed by any of the keys.
    func forge(
        _ entry: AllowlistEntry.RotateSigner, _ message: [UInt8], number: Int = 1, signedBy signers: [Int]
    ) throws {
        try writer.begin()
        _ = try writer.appendChecked(.rotateSigner(entry))
        try writer.begin()
        _ = try writer.publish(
            extraFiles: [], signer: try NoteKey(name: log.origin, spki: spki(signers[0])),
            rotation: CheckpointStaging.Rotation(number: number, message: message),
            signNote: { text in
                try signers.map { signer in
                    try NoteKey(name: self.log.origin, spki: self.spki(signer)).signature(
                        try self.der(text, signer))
                }
            }, signText: { try self.cms($0, signers[0]) })
        writer.setPins(try Pins(origin: log.origin, logKeySPKI: spki(signers[0]), allowRehearsal: true))
    }

    /// The same with what follows from the statement.
    func forge(
        _ statement: SignerRotationStatement, by names: [String], key: Int? = nil, number: Int = 1
    ) throws {
        let message = try message(statement, by: names, key: key)
        try forge(
            try entry(statement, message), message, number: number,
            signedBy: statement.isEmergency ? [number] : [number, number - 1])
    }

    /// Publishes one more checkpoint under this one of the log's keys.
    func publish(_ number: Int) throws {
        _ = try writer.publish(
            signNote: { try self.der($0, number) }, signText: { try self.cms($0, number) })
    }

    func der(_ text: [UInt8], _ number: Int) throws -> [UInt8] {
        Array(try keys[number].signature(for: text).derRepresentation)
    }

    func cms(_ text: [UInt8], _ number: Int) throws -> [UInt8] {
        try SoftwareLogKey(keys[number]).checkpointSignature(over: text, at: TestLog.signedAt)
    }

    // MARK: Consumers

    /// Who pins this one of the log's keys, and this version of the roster.
    func pins(key: Int = 0, roster: Int? = 1) throws -> Pins {
        var pins = try Pins(origin: log.origin, logKeySPKI: spki(key))
        pins.roster = roster.flatMap { Digest32(rosters[$0 - 1].digestOctets) }
        return pins
    }

    func verify(key: Int = 0, roster: Int? = 1) throws -> VerifiedList {
        try BundleVerifier.verify(directory: log.path, pins: pins(key: key, roster: roster))
    }

    func open(key: Int = 0, roster: Int? = 1) throws -> BundleReader {
        try BundleReader(directory: log.path, pins: pins(key: key, roster: roster))
    }
}
