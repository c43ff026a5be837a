import Crypto
import Foundation
import SignedStatements

/// A ceremony's script: who comes together, with what, and every step in its order.
///
/// It is portable and holds no secret: which token is meant by a name, and who holds a role, is the site's.
public struct CeremonyScript: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case generateRoot = "generate-root"
        case signSubordinate = "sign-subordinate"
        case signCRL = "sign-crl"
        case generateSigner = "generate-signer"
        case backup
        case recover
        case destroy
        case rekeyActivationData = "rekey-activation-data"
        case enrolCustodian = "enrol-custodian"
    }

    /// The path that it was read from, for messages.
    public let file: String
    /// The file's bytes.
    public let source: [UInt8]
    let placedID: Placed<String>
    let placedKind: Placed<Kind>
    public let title: String
    /// The policy that the ceremony serves, with its clauses.
    public let policy: String
    /// Who approved the script, and where that stands; nil where it does not say.
    public let approval: String?
    let staffing: [RoleCount]
    let conflicts: [Conflict]
    let quorum: Quorum?
    let tokens: [Placed<String>]
    /// The names of the tamper-evident bags that are opened and sealed.
    let bags: [Placed<String>]
    /// What else is brought, for people: media, printers, recorders.
    public let media: [String]
    /// Software by file name, each with the SHA-256 that it is checked against, in hexadecimal.
    public let software: [(name: String, digest: String)]
    public let steps: [CeremonyStep]

    public var id: String { placedID.value }
    public var kind: Kind { placedKind.value }
    /// How many people hold each role, in the script's order.
    public var roles: [(role: CeremonyRole, count: Int)] { staffing.map { ($0.role.value, $0.count) } }
    /// The site's names of the tokens that the ceremony uses.
    public var tokenNames: [String] { tokens.map(\.value) }
    public var bagNames: [String] { bags.map(\.value) }
    /// The pairs of roles that no one person may hold.
    public var roleConflicts: [(CeremonyRole, CeremonyRole)] {
        conflicts.map { ($0.first.value, $0.second.value) }
    }
    /// How many holders of which role open a token together; nil where none is.
    public var quorumNeeded: (role: CeremonyRole, needed: Int)? {
        quorum.map { ($0.role.value, $0.needed.value) }
    }
    /// How long the whole is expected to take.
    public var expectedMinutes: Int { steps.reduce(0) { $0 + $1.minutes } }
    /// The SHA-256 of the file's bytes, in hexadecimal.
    public var digest: String { hexadecimal(SHA256.hash(data: source)) }

    /// How many people hold a role.
    struct RoleCount: Sendable, Hashable {
        let role: Placed<CeremonyRole>
        let count: Int
    }

    /// Two roles that no one person may hold.
    struct Conflict: Sendable, Hashable {
        let first: Placed<CeremonyRole>
        let second: Placed<CeremonyRole>

        func isBetween(_ one: CeremonyRole, _ other: CeremonyRole) -> Bool {
            Set([first.value, second.value]) == Set([one, other])
        }
    }

    /// How many holders of a role open a token together.
    struct Quorum: Sendable, Hashable {
        let role: Placed<CeremonyRole>
        let needed: Placed<Int>
    }

    /// Reads a script; the error of one that breaks the form carries every fault.
    ///
    /// What the form allows and cannot be followed is `check`'s to find.
    public static func load(path: String) throws(CeremonyError) -> CeremonyScript {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CeremonyError(
                .scriptUnreadable, path, "no such script",
                hint: "Name a script.yaml; Ceremonies has one for each ceremony.")
        }
        return try parse(Array(data), file: path)
    }

    /// Reads a script's bytes; `file` names them in messages.
    public static func parse(_ bytes: [UInt8], file: String) throws(CeremonyError) -> CeremonyScript {
        var parser = ScriptParser(file: file)
        let script = parser.script(bytes)
        let faults = parser.yaml.faults
        guard let script, faults.isEmpty else {
            throw CeremonyError(
                .scriptInvalid, file,
                faults.count == 1 ? "the script has a fault" : "the script has \(faults.count) faults",
                hint: "Correct the script and check it again; nothing was done.", faults: faults)
        }
        return script
    }
}

extension CeremonyScript: CustomStringConvertible {
    public var description: String { "\(title) (\(file))" }
}

/// Two lower-case hexadecimal digits an octet.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
