import Foundation
import SecretSharing
import Testing

@Suite("The vectors published with SLIP-0039")
struct VectorTests {
    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        let description: String
        let mnemonics: [String]
        /// Hexadecimal; empty where the mnemonics must be refused.
        let secret: String

        init(from decoder: any Decoder) throws {
            var fields = try decoder.unkeyedContainer()
            description = try fields.decode(String.self)
            mnemonics = try fields.decode([String].self)
            secret = try fields.decode(String.self)
        }

        var testDescription: String { description }
    }

    static func vectors() throws -> [Vector] {
        let file = try #require(
            Bundle.module.url(forResource: "Vectors/slip39-vectors", withExtension: "json"))
        return try JSONDecoder().decode([Vector].self, from: Data(contentsOf: file))
    }

    /// What a refused vector's description says, and the code for it.
    static let reasons: [(words: String, code: SecretSharingError.Code)] = [
        ("invalid checksum", .checksumInvalid),
        ("invalid padding", .paddingInvalid),
        ("Basic sharing 2-of-3", .membersInsufficient),
        ("different identifiers", .identifierMismatch),
        ("different iteration exponents", .iterationExponentMismatch),
        ("mismatching group thresholds", .groupThresholdMismatch),
        ("mismatching group counts", .groupCountMismatch),
        ("greater group threshold than group counts", .groupInvalid),
        ("duplicate member indices", .memberRepeated),
        ("mismatching member thresholds", .memberThresholdMismatch),
        ("invalid digest", .digestInvalid),
        ("Insufficient number of groups", .groupsInsufficient),
        ("insufficient number of members", .membersInsufficient),
        ("insufficient length", .lengthInvalid),
        ("invalid master secret length", .lengthInvalid),
    ]

    static func combine(_ mnemonics: [String]) throws(SecretSharingError) -> SecretBytes {
        var shares: [SLIP39.Share] = []
        for mnemonic in mnemonics { shares.append(try SLIP39.Share(mnemonic)) }
        return try SLIP39.combine(shares, passphrase: SecretBytes(text: "TREZOR"))
    }

    @Test("All 45 are there, and 15 have a secret")
    func count() throws {
        let vectors = try Self.vectors()
        #expect(vectors.count == 45)
        #expect(vectors.filter { !$0.secret.isEmpty }.count == 15)
    }

    @Test("A valid vector's shares give its secret", arguments: try vectors().filter { !$0.secret.isEmpty })
    func valid(_ vector: Vector) throws {
        #expect(try Self.combine(vector.mnemonics).hex == vector.secret)
        for mnemonic in vector.mnemonics {
            #expect(try SLIP39.Share(mnemonic).mnemonic.text == mnemonic)
        }
    }

    @Test(
        "An invalid vector is refused for the reason that it names",
        arguments: try vectors().filter(\.secret.isEmpty))
    func invalid(_ vector: Vector) throws {
        let matching = Self.reasons.filter { vector.description.contains($0.words) }
        try #require(matching.count == 1)
        #expect(
            refusal { try Self.combine(vector.mnemonics) }?.code
                == matching[0].code)
    }
}
