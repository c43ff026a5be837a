import CanonicalJSON
import Crypto
import Foundation

/// What the recovery quorum signs to hand a log over to another key.
///
/// In the form of ``AuthorisationStatement``; its `type` is `rootline/signer-rotation/v1`, in a rehearsal
/// `rootline/rehearsal-signer-rotation/v1`. `Rotation.md` (Allowlist) is its specification.
public struct SignerRotationStatement: ApprovableStatement, Hashable {
    public static let type = "rootline/signer-rotation/v1"
    public static let rehearsalType = "rootline/rehearsal-signer-rotation/v1"

    public var rehearsal: Bool
    /// The log's origin.
    public var origin: String
    /// The SHA-256 of the SubjectPublicKeyInfo of the log's key so far.
    public var oldKey: [UInt8]
    /// The SubjectPublicKeyInfo of the key that follows it, in DER, on P-256.
    public var newKeyInfo: [UInt8]
    /// Whether the old key is lost or in the wrong hands: it then countersigns nothing.
    public var isEmergency: Bool
    /// The size of the last tree that is trusted under the old key.
    public var treeSize: Int64
    /// Its root, 32 octets.
    public var rootHash: [UInt8]
    public var notBefore: Int64
    public var notAfter: Int64
    public var nonce: [UInt8]
    public var roster: [UInt8]
    /// The roster's quorum for the recovery of a log key.
    public var approvals: Int

    public init(
        rehearsal: Bool, origin: String, oldKey: [UInt8], newKeyInfo: [UInt8], isEmergency: Bool,
        treeSize: Int64, rootHash: [UInt8], notBefore: Int64, notAfter: Int64,
        nonce: [UInt8] = SignerRotationStatement.makeNonce(), roster: [UInt8], approvals: Int
    ) {
        self.rehearsal = rehearsal
        self.origin = origin
        self.oldKey = oldKey
        self.newKeyInfo = newKeyInfo
        self.isEmergency = isEmergency
        self.treeSize = treeSize
        self.rootHash = rootHash
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.nonce = nonce
        self.roster = roster
        self.approvals = approvals
    }

    /// The old key's digest: it countersigns a planned rotation.
    public var authority: [UInt8] { oldKey }
    public var needsCountersignature: Bool { !isEmergency }
    /// The SHA-256 of the new key's SubjectPublicKeyInfo.
    public var newKey: [UInt8] { Array(SHA256.hash(data: newKeyInfo)) }

    /// Draws 16 octets from the system's generator.
    public static func makeNonce() -> [UInt8] { StatementForm.makeNonce() }

    public func encode() throws(StatementError) -> [UInt8] {
        if let fault = firstFault { throw StatementForm.malformed(fault) }
        let statement: JSONValue = [
            "type": .string(rehearsal ? Self.rehearsalType : Self.type),
            "origin": .string(origin),
            "oldKey": .string(StatementForm.hexadecimal(oldKey)),
            "newKey": .string(StatementForm.hexadecimal(newKey)),
            "newKeyInfo": .string(Data(newKeyInfo).base64EncodedString()),
            "emergency": .bool(isEmergency),
            "treeSize": .integer(Int(treeSize)),
            "rootHash": .string(StatementForm.hexadecimal(rootHash)),
            "notBefore": .integer(Int(notBefore)),
            "notAfter": .integer(Int(notAfter)),
            "nonce": .string(StatementForm.hexadecimal(nonce)),
            "roster": .string(StatementForm.hexadecimal(roster)),
            "approvals": .integer(approvals),
        ]
        return statement.canonical
    }

    public static func decode(_ bytes: [UInt8]) throws(StatementError) -> SignerRotationStatement {
        var reader = try StatementReader(bytes)
        let isRehearsal = try reader.isRehearsal(type: Self.type, rehearsalType: rehearsalType)
        // Writing gives the digest of the key again: another one is refused at the end.
        _ = try reader.octets("newKey")
        let statement = SignerRotationStatement(
            rehearsal: isRehearsal, origin: try reader.text("origin"), oldKey: try reader.octets("oldKey"),
            newKeyInfo: try reader.base64("newKeyInfo"), isEmergency: try reader.flag("emergency"),
            treeSize: Int64(try reader.number("treeSize")), rootHash: try reader.octets("rootHash"),
            notBefore: Int64(try reader.number("notBefore")), notAfter: Int64(try reader.number("notAfter")),
            nonce: try reader.octets("nonce"), roster: try reader.octets("roster"),
            approvals: try reader.number("approvals"))
        try reader.requireEnd(rewritten: try statement.encode())
        return statement
    }

    private var firstFault: String? {
        if oldKey.count != 32 { return "oldKey is not 32 octets" }
        if rootHash.count != 32 { return "rootHash is not 32 octets" }
        let key = try? P256.Signing.PublicKey(derRepresentation: newKeyInfo)
        guard let key, key.derRepresentation.elementsEqual(newKeyInfo) else {
            return "newKeyInfo is not a SubjectPublicKeyInfo on P-256 in DER"
        }
        if newKey == oldKey { return "newKey is oldKey" }
        if origin.isEmpty || origin.utf8.count > 1024 { return "origin is empty or longer than 1024 octets" }
        if !(1...Int64(JSONValue.largestInteger)).contains(treeSize) { return "treeSize is out of range" }
        return commonFault
    }
}
