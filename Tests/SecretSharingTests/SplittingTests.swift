import Testing

@testable import SecretSharing

@Suite("Splitting")
struct SplittingTests {
    typealias Groups = [(threshold: Int, count: Int)]

    @Test("The field's product and inverse agree with FIPS 197", arguments: 1...255)
    func field(_ value: UInt8) {
        #expect(FieldElement.product(0x57, 0x83) == 0xC1)
        #expect(FieldElement.product(0x57, 0x13) == 0xFE)
        #expect(FieldElement.product(value, FieldElement.inverse(value)) == 1)
        #expect(FieldElement.product(value, 0) == 0 && FieldElement.product(value, 1) == value)
    }

    @Test("A split secret comes back from its shares", arguments: [false, true], [0, 1, 2])
    func roundTrip(_ extendable: Bool, _ iterationExponent: Int) throws {
        for length in [16, 18, 32, 64] {
            let secret = try SecretBytes.random(count: length)
            let passphrase = SecretBytes(text: "correct ~ horse")
            let groups = try SLIP39.split(
                secret: secret, passphrase: passphrase, groupThreshold: 2, groups: [(2, 3), (1, 1), (3, 5)],
                iterationExponent: iterationExponent, extendable: extendable)
            #expect(groups.map(\.count) == [3, 1, 5])
            let read = try groups.joined().map { share in try SLIP39.Share(mnemonic: share.mnemonic) }
            #expect(
                read.allSatisfy { $0.extendable == extendable && $0.iterationExponent == iterationExponent })
            #expect(try SLIP39.combine(read, passphrase: passphrase) == secret)
            #expect(try SLIP39.combine(read, passphrase: SecretBytes(text: "correct ~ Horse")) != secret)
            #expect(try SLIP39.combine(read) != secret)
        }
    }

    @Test("No passphrase is the empty one")
    func emptyPassphrase() throws {
        let secret = try SecretBytes.random(count: 16)
        let shares = try SLIP39.split(
            secret: secret, passphrase: SecretBytes(text: ""), groupThreshold: 1, groups: [(1, 1)])
        #expect(try SLIP39.combine(shares[0]) == secret)
    }

    @Test("The most groups of the most members can be split")
    func largest() throws {
        let secret = try SecretBytes.random(count: 32)
        let groups = Groups(repeating: (16, 16), count: 16)
        let shares = try SLIP39.split(
            secret: secret, groupThreshold: 16, groups: groups, iterationExponent: 0)
        #expect(try SLIP39.combine(Array(shares.joined().reversed())) == secret)
    }

    @Test("Two splits of one secret share neither identifier nor value")
    func fresh() throws {
        let secret = try SecretBytes.random(count: 16)
        let splits = try (0..<4).map { _ in try plainShares(secret) }
        #expect(Set(splits.map { $0[0].identifier }).count > 1)
        #expect(splits[0][0].value != splits[1][0].value)
        #expect(splits.joined().allSatisfy { $0.value != secret })
    }

    @Test("Splits of one extendable backup encrypt alike, others do not", arguments: [true, false])
    func extendable(_ extendable: Bool) throws {
        let secret = try SecretBytes.random(count: 16)
        // One of one: the value is the encrypted secret itself.
        let values = try (0..<2).map { _ in
            try SLIP39.split(
                secret: secret, groupThreshold: 1, groups: [(1, 1)], iterationExponent: 0,
                extendable: extendable
            )[0][0]
        }
        try #require(values[0].identifier != values[1].identifier)
        #expect((values[0].value == values[1].value) == extendable)
    }

    @Test("A secret that is too short or of odd length is refused", arguments: [0, 1, 14, 15, 17, 33])
    func secretLength(_ length: Int) {
        let error = refusal { try plainShares(SecretBytes.random(count: length)) }
        #expect(error?.code == .secretLength)
    }

    @Test("A passphrase that is not printable ASCII is refused", arguments: ["é", "a\tb", "\u{7F}", "\n"])
    func passphrase(_ passphrase: String) {
        let error = refusal {
            try SLIP39.split(
                secret: .random(count: 16), passphrase: SecretBytes(text: passphrase), groupThreshold: 1,
                groups: [(1, 1)])
        }
        #expect(error?.code == .passphraseRefused)
        #expect(error.map { $0.description.contains(passphrase) } == false)
    }

    @Test("A scheme that the standard forbids is refused")
    func scheme() {
        let schemes: [(groupThreshold: Int, groups: Groups, iterationExponent: Int)] = [
            (1, [], 0),
            (0, [(2, 3)], 0),
            (2, [(2, 3)], 0),
            (17, Groups(repeating: (1, 1), count: 17), 0),
            (1, Groups(repeating: (1, 1), count: 17), 0),
            (1, [(0, 3)], 0),
            (1, [(4, 3)], 0),
            (1, [(1, 2)], 0),
            (1, [(2, 17)], 0),
            (1, [(1, 0)], 0),
            (1, [(2, 3), (-1, 3)], 0),
            (1, [(2, 3)], -1),
            (1, [(2, 3)], 16),
        ]
        for scheme in schemes {
            let error = refusal {
                try SLIP39.split(
                    secret: .random(count: 16), groupThreshold: scheme.groupThreshold, groups: scheme.groups,
                    iterationExponent: scheme.iterationExponent)
            }
            #expect(error?.code == .schemeInvalid, "\(scheme)")
        }
    }
}
