extension SLIP39 {
    /// Every choice of shares that is a quorum and has none to spare, so that a caller can try each.
    ///
    /// The shares must be of one split. Groups with fewer shares than their threshold are in no quorum; where too
    /// few groups are left, the error is `groupsInsufficient`.
    public static func everyQuorum(of shares: [Share]) throws(SecretSharingError) -> Quorums {
        let byGroup = try SharesByGroup(shares)
        let complete = byGroup.groups.map { $0.map(\.share) }.filter { $0.count >= $0[0].memberThreshold }
        guard complete.count >= byGroup.groupThreshold else {
            throw SecretSharingError(
                .groupsInsufficient, "shares",
                "\(complete.count) groups have a quorum of members; it takes \(byGroup.groupThreshold)")
        }
        return Quorums(groups: complete, groupThreshold: byGroup.groupThreshold)
    }

    /// The quorums of some shares, made one by one: there may be very many.
    public struct Quorums: Sequence, Sendable {
        /// Each with at least its threshold of shares.
        fileprivate let groups: [[Share]]
        fileprivate let groupThreshold: Int

        /// How many there are, `Int.max` at most.
        public var count: Int {
            // byChosen[k]: ways to choose k of the groups seen so far and the members of each.
            var byChosen = [1] + [Int](repeating: 0, count: groupThreshold)
            for group in groups {
                let ways = Combination.count(of: group.count, choose: group[0].memberThreshold)
                for chosen in (1...groupThreshold).reversed() {
                    byChosen[chosen] = byChosen[chosen].saturatingSum(
                        byChosen[chosen - 1].saturatingProduct(ways))
                }
            }
            return byChosen[groupThreshold]
        }

        public func makeIterator() -> Iterator { Iterator(self) }

        public struct Iterator: IteratorProtocol {
            private let quorums: Quorums
            private var groups: Combination
            /// For each chosen group, its chosen members.
            private var members: [Combination] = []
            private var isDone = false

            fileprivate init(_ quorums: Quorums) {
                self.quorums = quorums
                groups = Combination(of: quorums.groups.count, choose: quorums.groupThreshold)
                chooseFirstMembers()
            }

            private mutating func chooseFirstMembers() {
                members = groups.indices.map { index in
                    let group = quorums.groups[index]
                    return Combination(of: group.count, choose: group[0].memberThreshold)
                }
            }

            public mutating func next() -> [Share]? {
                guard !isDone else { return nil }
                let quorum = zip(groups.indices, members).flatMap { group, members in
                    members.indices.map { quorums.groups[group][$0] }
                }
                advance()
                return quorum
            }

            /// Counts up as an odometer does: the last group's members first, the groups themselves last.
            private mutating func advance() {
                for position in members.indices.reversed() where members[position].advance() { return }
                isDone = !groups.advance()
                chooseFirstMembers()
            }
        }
    }
}

extension Int {
    fileprivate func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    fileprivate func saturatingProduct(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
