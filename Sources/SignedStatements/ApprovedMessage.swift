import Crypto
import SwiftASN1

/// A statement and the signatures of those who approve it: one CMS SignedData (RFC 5652 §5) in exactly one form.
///
/// It has no certificates, no revocation lists and no unsigned attributes: members have plain keys, which the roster
/// says are theirs, and whatever no signature covers could be changed unseen. Reading writes the message again and
/// refuses every octet that differs. `Authorisation.md` (ProductionRun) is its specification.
public struct ApprovedMessage: Hashable, Sendable {
    /// Of messages that are read, in octets.
    public static let largestMessage = 1 << 18
    static let mostSigners = 64

    /// What is signed.
    public let content: [UInt8]
    /// In the order in which they stand in the message.
    package let signers: [SignerInfo]

    /// Signatures are put in the order of the form.
    package init(content: [UInt8], signers: [SignerInfo] = []) throws(StatementError) {
        do {
            let encoded = try signers.map { (try $0.der(), $0) }
            self.signers = encoded.sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
        } catch {
            throw StatementError(.messageMalformed, "approval", "a signature's time is out of range")
        }
        self.content = content
    }

    package var approvals: [SignerInfo] { signers.filter { $0.approvalsDigest == nil } }
    package var countersignatures: [SignerInfo] { signers.filter { $0.approvalsDigest != nil } }

    /// Whether somebody has signed as the run authority does; nothing is said of whether it verifies.
    public var isCountersigned: Bool { !countersignatures.isEmpty }

    /// The SHA-256 of the statement: the same in every message about it, whoever of the members approved.
    ///
    /// What is used up is the statement: countersigned twice, on two copies, it would be two messages.
    public var statementDigest: [UInt8] { Array(SHA256.hash(data: content)) }

    /// What the run authority signs of the approvals: the SHA-256 of the SET OF their SignerInfos in DER.
    package static func digest(ofApprovals approvals: [SignerInfo]) throws -> [UInt8] {
        let set = DER.tagged(0x31, DER.sorted(try approvals.map { try $0.der() }))
        return Array(SHA256.hash(data: set))
    }

    /// The message in DER.
    public func der() throws(StatementError) -> [UInt8] {
        do {
            let infos = try signers.map { try $0.der() }
            let algorithms = Set(signers.map(\.curve)).map(\.digestAlgorithm)
            // Version 3 where there are SignerInfos of version 3, and else 1 (RFC 5652 §5.1).
            let version: [UInt8] = [0x02, 0x01, signers.isEmpty ? 1 : 3]
            let encapsulated = DER.tagged(
                0x30, DER.tagged(0x06, OID.data) + DER.tagged(0xA0, DER.tagged(0x04, content)))
            let signedData = DER.tagged(
                0x30,
                version + DER.tagged(0x31, DER.sorted(algorithms)) + encapsulated
                    + DER.tagged(0x31, DER.sorted(infos)))
            return DER.tagged(0x30, DER.tagged(0x06, OID.signedData) + DER.tagged(0xA0, signedData))
        } catch {
            throw StatementError(.messageMalformed, "approval", "a signature's time is out of range")
        }
    }

    /// Reads a message; whatever ``der()`` would not write again octet for octet is refused. No signature is verified.
    public init(der: [UInt8]) throws(StatementError) {
        let refusal = StatementError(
            .messageMalformed, "approval", "is not one message in the form of an approval")
        guard der.count <= ApprovedMessage.largestMessage else { throw refusal }
        do {
            let outer = try DER.members(try DER.parse(der))
            guard outer.count == 2, let node = try DER.members(outer[1]).first else { throw refusal }
            let fields = try DER.members(node)
            guard fields.count == 4 else { throw refusal }
            let encapsulated = try DER.members(fields[2])
            guard encapsulated.count == 2, let octets = try DER.members(encapsulated[1]).first else {
                throw refusal
            }
            content = try DER.primitive(octets)
            let infos = try DER.members(fields[3])
            guard infos.count <= ApprovedMessage.mostSigners else { throw refusal }
            signers = try infos.map { try SignerInfo($0) }
        } catch {
            throw refusal
        }
        guard try self.der() == der else { throw refusal }
    }

    package func adding(_ signer: SignerInfo) throws(StatementError) -> ApprovedMessage {
        try ApprovedMessage(content: content, signers: signers + [signer])
    }
}
