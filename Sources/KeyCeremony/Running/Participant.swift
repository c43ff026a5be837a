import CanonicalJSON
import Crypto

/// Somebody who takes part in a ceremony and signs off with a key of their own.
protocol Participant: Sendable {
    var role: CeremonyRole { get }
    var name: String { get }
    /// SubjectPublicKeyInfo in DER.
    var publicKeyInfo: [UInt8] { get }
    /// ECDSA with SHA-256, in DER.
    func signature(over bytes: [UInt8]) throws(CeremonyError) -> [UInt8]
}

extension Participant {
    var json: JSONValue { ["role": .string(role.rawValue), "name": .string(name)] }
}

/// A stand-in for a person in a rehearsal; its key is made for it and never leaves memory.
struct StandIn: Participant {
    let role: CeremonyRole
    let name: String
    private let key = P256.Signing.PrivateKey()

    init(role: CeremonyRole, number: Int) {
        self.role = role
        name = "Stand-in \(role.rawValue) \(number)"
    }

    var publicKeyInfo: [UInt8] { Array(key.publicKey.derRepresentation) }

    func signature(over bytes: [UInt8]) throws(CeremonyError) -> [UInt8] {
        try concerning(name) { Array(try key.signature(for: bytes).derRepresentation) }
    }

    /// One for each person that the script's roles want.
    static func cast(for script: CeremonyScript) -> [StandIn] {
        script.roles.flatMap { role, count in (1...count).map { StandIn(role: role, number: $0) } }
    }
}
