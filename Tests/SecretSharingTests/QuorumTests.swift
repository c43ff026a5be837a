import Testing

@testable import SecretSharing

@Suite("Quorums")
struct QuorumTests {
    static func names(_ quorum: [SLIP39.Share]) -> Set<String> { Set(quorum.map(\.name)) }

    @Test("Every quorum of a plain split comes once and gives the secret")
    func plain() throws {
        let secret = try SecretBytes.random(count: 16)
        let quorums = try SLIP39.everyQuorum(of: plainShares(secret))
        #expect(quorums.count == 10)
        #expect(Set(quorums.map(Self.names)).count == 10)
        for quorum in quorums {
            #expect(quorum.count == 3)
            #expect(try SLIP39.combine(quorum) == secret)
        }
    }

    @Test("Every quorum of a split with groups comes once and gives the secret")
    func grouped() throws {
        let secret = try SecretBytes.random(count: 16)
        let quorums = try SLIP39.everyQuorum(of: groupedShares(secret).flatMap { $0 })
        // 3·10 of the first two groups, 3·1 and 10·1 with the third.
        #expect(quorums.count == 43)
        #expect(Set(quorums.map(Self.names)).count == 43)
        for quorum in quorums { #expect(try SLIP39.combine(quorum) == secret) }
    }

    @Test("A group without a quorum of members is in no quorum; too few groups are refused")
    func incomplete() throws {
        let groups = try groupedShares(.random(count: 16))
        let shares = groups[0] + groups[1].prefix(2) + groups[2]
        #expect(try SLIP39.everyQuorum(of: shares).count == 3)
        let error = refusal { try SLIP39.everyQuorum(of: groups[0] + Array(groups[1].prefix(2))) }
        #expect(error?.code == .groupsInsufficient)
    }

    @Test("Quorums too many to count are still made one by one")
    func many() throws {
        let groups = [(threshold: Int, count: Int)](repeating: (8, 16), count: 16)
        let shares = try SLIP39.split(
            secret: .random(count: 16), groupThreshold: 8, groups: groups, iterationExponent: 0)
        let quorums = try SLIP39.everyQuorum(of: shares.flatMap { $0 })
        #expect(quorums.count == .max)
        #expect(Set(quorums.prefix(100).map(Self.names)).count == 100)
    }

    @Test("Shares of two splits have no quorums")
    func mixed() throws {
        let shares = try plainShares(.random(count: 16)) + [try SLIP39.Share(MnemonicTests.words)]
        #expect(
            refusal { try SLIP39.everyQuorum(of: shares) }?.code
                == .identifierMismatch)
    }
}
