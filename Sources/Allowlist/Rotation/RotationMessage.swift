import SignedStatements
import TransparencyLog

/// The message by which a recovery quorum hands the log over to another key, as it stands in a bundle.
///
/// `Rotation.md` has its form and rules.
public struct RotationMessage: Sendable {
    /// From 1.
    public let number: Int
    public let statement: SignerRotationStatement
    /// The SHA-256 of the message, by which its `rotate-signer` entry cites it.
    public let digest: Digest32
    let message: ApprovedMessage

    public var path: String { Self.path(number) }

    /// The path of the message of the rotation with this number, from 1.
    public static func path(_ number: Int) -> String { "rotations/\(number).p7s" }

    /// More rotations than this are refused: one a week for twenty years.
    static let mostRotations = 1024

    /// Reads the message with this number; nil where the bundle has none. No signature is verified.
    public init?(_ number: Int, in bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        let path = Self.path(number)
        let bytes: [UInt8]
        do {
            bytes = try bundle.bytes(of: path, maximum: ApprovedMessage.largestMessage)
        } catch {
            guard error.code == .fileMissing else { throw error }
            return nil
        }
        do throws(StatementError) {
            message = try ApprovedMessage(der: bytes)
            statement = try SignerRotationStatement.decode(message.content)
        } catch {
            throw Self.refusal(path, error.message)
        }
        self.number = number
        digest = Digest32.sha256(bytes)
        guard statement.origin == pins.origin, statement.rehearsal == pins.isRehearsal else {
            throw Self.refusal(path, "the rotation is of another log: \(statement.origin)")
        }
    }

    /// Every message of the bundle, in the order of their numbers; each begins at the key that the one before leads to.
    static func all(in bundle: any BundleSource, pins: Pins) throws(AllowlistError) -> [RotationMessage] {
        var messages: [RotationMessage] = []
        while let message = try RotationMessage(messages.count + 1, in: bundle, pins: pins) {
            if let last = messages.last, last.statement.newKey != message.statement.oldKey {
                throw refusal(
                    message.path, "the rotation does not begin at the key that the one before leads to")
            }
            guard !messages.contains(where: { $0.statement.oldKey == message.statement.newKey }) else {
                throw refusal(message.path, "the rotation leads back to a key that was rotated out")
            }
            messages.append(message)
            guard messages.count <= mostRotations else {
                throw refusal(message.path, "the log has more rotations than make sense")
            }
        }
        return messages
    }

    /// Verifies who signed: a recovery quorum of the roster that the statement names and, in a planned rotation, the old
    /// key over exactly these approvals. Answers the roster's place in the chain.
    func verify(by rosters: RosterChain, oldKey: [UInt8]) throws(AllowlistError) -> Int {
        guard let place = rosters.place(of: statement.roster),
            let verifier = rosters.verifier(at: place, quorum: \.recovery)
        else { throw refusal("the rotation names a roster that is not in the chain of the pinned one") }
        guard let key = CountersigningKey(publicKeyInfo: oldKey) else {
            throw refusal("the old key is none that signs")
        }
        guard !verifier.hasMember(with: statement.newKeyInfo) else {
            throw refusal("the new key is a member's own: one key, one role")
        }
        do throws(StatementError) {
            _ = try verifier.statement(of: message, as: SignerRotationStatement.self, countersignedBy: key)
            try verifier.requireQuorum(try verifier.approvals(in: message))
            _ = try verifier.countersignature(for: statement, in: message, by: key)
        } catch {
            throw refusal("\(error.subject): \(error.message)")
        }
        return place
    }

    func refusal(_ message: String) -> AllowlistError { Self.refusal(path, message) }

    private static func refusal(_ path: String, _ message: String) -> AllowlistError {
        AllowlistError(
            .rotation, file: path, message,
            hint: "do not use this bundle; ask the log's owner, by another way, which key signs it")
    }
}
