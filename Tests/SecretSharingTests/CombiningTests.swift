import Testing

@testable import SecretSharing

@Suite("Combining, with shares that are missing, mixed or forged")
struct CombiningTests {
    static func code(_ shares: [SLIP39.Share]) -> SecretSharingError.Code? {
        refusal { try SLIP39.combine(shares) }?.code
    }

    static func altered(_ share: SLIP39.Share, octet: Int = 0, by change: UInt8 = 1) -> SLIP39.Share {
        var octets = share.value.octets
        octets[octet] ^= change
        return share.changed(value: SecretBytes(consuming: &octets))
    }

    @Test("No shares are refused")
    func none() {
        #expect(Self.code([]) == .sharesAbsent)
    }

    @Test("A quorum with any one share missing is refused")
    func oneFewer() throws {
        for quorum in try SLIP39.everyQuorum(of: groupedShares(.random(count: 16)).flatMap { $0 }) {
            for index in quorum.indices {
                var rest = quorum
                let missing = rest.remove(at: index)
                let wholeGroup = missing.memberThreshold == 1
                #expect(Self.code(rest) == (wholeGroup ? .groupsInsufficient : .membersInsufficient))
            }
        }
    }

    @Test("A quorum with any one octet of any one share changed is refused")
    func everyChange() throws {
        let quorum = try Array(plainShares(.random(count: 16)).prefix(3))
        for index in quorum.indices {
            for octet in 0..<16 {
                for change in [UInt8](1...255).filter({ $0.nonzeroBitCount == 1 || $0 % 51 == 0 }) {
                    var shares = quorum
                    shares[index] = Self.altered(shares[index], octet: octet, by: change)
                    #expect(Self.code(shares) == .digestInvalid)
                }
            }
        }
    }

    @Test("A quorum short of one share cannot be made up with a guess")
    func guessed() throws {
        let shares = try Array(plainShares(.random(count: 16)).prefix(2))
        for _ in 0..<500 {
            let guess = shares[0].changed(memberIndex: 2, value: try .random(count: 16))
            #expect(Self.code(shares + [guess]) == .digestInvalid)
        }
    }

    @Test("A lower threshold written on every share gives no secret")
    func loweredThreshold() throws {
        let shares = try plainShares(.random(count: 16)).map { $0.changed(memberThreshold: 2) }
        for quorum in try SLIP39.everyQuorum(of: shares) { #expect(Self.code(quorum) == .digestInvalid) }
    }

    @Test("A wrong share among more than a quorum is named", arguments: 0..<5)
    func misfitMember(_ wrong: Int) throws {
        var shares = try plainShares(.random(count: 32))
        shares[wrong] = Self.altered(shares[wrong])
        let error = refusal { try SLIP39.combine(shares) }
        #expect(error?.code == .shareMisfit)
        #expect(error?.shares == [wrong])
        #expect(error?.subject == "group 1, member \(wrong + 1)")
    }

    @Test("Two wrong shares among two more than a quorum are both named")
    func twoMisfits() throws {
        var shares = try plainShares(.random(count: 16))
        for wrong in [1, 4] { shares[wrong] = Self.altered(shares[wrong]) }
        #expect(refusal { try SLIP39.combine(shares) }?.shares == [1, 4])
        shares[2] = Self.altered(shares[2])
        #expect(Self.code(shares) == .digestInvalid)
    }

    @Test("A group's only share that is wrong is named among more than a quorum of groups")
    func misfitGroup() throws {
        let groups = try groupedShares(.random(count: 16))
        let shares = Array(groups[0].prefix(2) + groups[1].suffix(3)) + [Self.altered(groups[2][0])]
        let error = refusal { try SLIP39.combine(shares) }
        #expect(error?.code == .shareMisfit && error?.shares == [5])
        #expect(error?.subject == "group 3, member 1")
        #expect(Self.code(Array(groups[0].prefix(2)) + [Self.altered(groups[2][0])]) == .digestInvalid)
    }

    @Test("A group of another split under a forged identifier is named or refused")
    func foreignGroup() throws {
        let groups = try groupedShares(.random(count: 16))
        let foreign = try groupedShares(.random(count: 16)).map { group in
            group.map { $0.changed(identifier: groups[0][0].identifier) }
        }
        let shares = groups[0] + foreign[1] + groups[2]
        let error = refusal { try SLIP39.combine(shares) }
        #expect(error?.code == .shareMisfit && error?.shares == [3, 4, 5, 6, 7])
        #expect(Self.code(groups[0] + foreign[1]) == .digestInvalid)
    }

    @Test("Of two quorums under one forged identifier, neither is taken for the true one")
    func twoSplits() throws {
        let first = try SLIP39.split(secret: .random(count: 16), groupThreshold: 1, groups: [(2, 4)])[0]
        let second = try SLIP39.split(secret: .random(count: 16), groupThreshold: 1, groups: [(2, 4)])[0]
        let forged = second.suffix(2).map { $0.changed(identifier: first[0].identifier) }
        let error = refusal { try SLIP39.combine(first.prefix(2) + forged) }
        #expect(error?.code == .shareMisfit && error?.shares == [])
    }

    @Test("One share of another split among others is named, two against two are not")
    func mixedSplits() throws {
        let first = try plainShares(.random(count: 16))
        var second = try plainShares(.random(count: 16))
        while second[0].identifier == first[0].identifier { second = try plainShares(.random(count: 16)) }
        var error = refusal { try SLIP39.combine([first[0], second[1], first[2]]) }
        #expect(error?.code == .identifierMismatch && error?.shares == [1])
        error = refusal { try SLIP39.combine([first[0], second[1], first[2], second[3]]) }
        #expect(error?.code == .identifierMismatch && error?.shares == [])
    }

    @Test("Shares that differ in what they must have in common are refused")
    func differences() throws {
        let shares = try plainShares(.random(count: 16))
        let odd: [(SLIP39.Share, SecretSharingError.Code)] = [
            (shares[2].changed(identifier: shares[2].identifier ^ 1), .identifierMismatch),
            (shares[2].changed(extendable: false), .extendableMismatch),
            (shares[2].changed(iterationExponent: 1), .iterationExponentMismatch),
            (shares[2].changed(groupThreshold: 2), .groupThresholdMismatch),
            (shares[2].changed(groupCount: 2), .groupCountMismatch),
            (shares[2].changed(memberThreshold: 2), .memberThresholdMismatch),
            (shares[2].changed(value: try .random(count: 18)), .valueLengthMismatch),
        ]
        for (share, code) in odd {
            let error = refusal { try SLIP39.combine([shares[0], shares[1], share]) }
            #expect(error?.code == code && error?.shares == [2])
        }
    }

    @Test("A share given twice, or two for one place, is refused")
    func repeated() throws {
        let shares = try plainShares(.random(count: 16))
        var error = refusal { try SLIP39.combine([shares[0], shares[1], shares[0]]) }
        #expect(error?.code == .memberRepeated && error?.shares == [2])
        error = refusal { try SLIP39.combine(Array(shares.prefix(3)) + [Self.altered(shares[1])]) }
        #expect(error?.code == .memberRepeated && error?.shares == [])
    }

    @Test("Groups of one with group threshold one must agree")
    func noDigest() throws {
        let groups = try SLIP39.split(
            secret: .random(count: 16), groupThreshold: 1, groups: [(1, 1), (1, 1)])
        let shares = groups.flatMap { $0 }
        #expect(throws: Never.self) { try SLIP39.combine(shares) }
        #expect(Self.code([shares[0], Self.altered(shares[1])]) == .shareMisfit)
    }
}
