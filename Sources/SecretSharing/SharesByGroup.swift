/// Shares that belong together, by group; each knows its place in the list that was given.
struct SharesByGroup {
    typealias Member = (offset: Int, share: SLIP39.Share)

    /// In order of the group index; no group is empty.
    let groups: [[Member]]
    let groupThreshold: Int

    /// Checks that all shares are of one split and no two the same member's (SLIP-0039 "Combining the shares").
    init(_ shares: [SLIP39.Share]) throws(SecretSharingError) {
        guard let first = shares.first else {
            throw SecretSharingError(.sharesAbsent, "shares", "there are none")
        }
        let all = shares.enumerated().map { (offset: $0.offset, share: $0.element) }
        try Self.requireOne(\.identifier, .identifierMismatch, "identifier", all)
        try Self.requireOne(\.flag, .extendableMismatch, "extendable backup flag", all)
        try Self.requireOne(\.iterationExponent, .iterationExponentMismatch, "iteration exponent", all)
        try Self.requireOne(\.groupThreshold, .groupThresholdMismatch, "group threshold", all)
        try Self.requireOne(\.groupCount, .groupCountMismatch, "number of groups", all)
        try Self.requireOne(\.value.count, .valueLengthMismatch, "length in octets", all)

        groupThreshold = first.groupThreshold
        groups = Dictionary(grouping: all, by: \.share.groupIndex).sorted { $0.key < $1.key }.map(\.value)
        for members in groups {
            try Self.requireOne(\.memberThreshold, .memberThresholdMismatch, "member threshold", members)
            try Self.requireDistinct(members)
        }
    }

    private static func requireOne(
        _ field: KeyPath<SLIP39.Share, Int>, _ code: SecretSharingError.Code, _ name: String,
        _ members: [Member]
    ) throws(SecretSharingError) {
        let byValue = Dictionary(grouping: members) { $0.share[keyPath: field] }
        guard byValue.count > 1 else { return }
        // Where most agree, the others are the odd ones; otherwise nobody can tell.
        let majority = byValue.first { 2 * $0.value.count > members.count }
        let odd = members.filter { majority != nil && $0.share[keyPath: field] != majority?.key }
        let values = byValue.keys.sorted().map(String.init).joined(separator: ", ")
        throw SecretSharingError(
            code, odd.isEmpty ? "shares" : names(odd), "the shares do not have the same \(name): \(values)",
            hint: "Bring the shares of one split together.", shares: odd.map(\.offset))
    }

    private static func requireDistinct(_ members: [Member]) throws(SecretSharingError) {
        for (position, member) in members.enumerated() {
            let earlier = members[..<position].first { $0.share.memberIndex == member.share.memberIndex }
            guard let earlier else { continue }
            let isSame = earlier.share.value == member.share.value
            throw SecretSharingError(
                .memberRepeated, member.share.name,
                isSame ? "this share was given twice" : "two shares with different values claim this place",
                shares: isSame ? [member.offset] : [])
        }
    }

    static func names(_ members: [Member]) -> String {
        members.map(\.share.name).joined(separator: "; ")
    }
}

extension SLIP39.Share {
    fileprivate var flag: Int { extendable ? 1 : 0 }
}
