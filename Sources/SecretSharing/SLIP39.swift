/// Shamir's secret sharing for mnemonic codes, SLIP-0039
/// (https://github.com/satoshilabs/slips/blob/master/slip-0039.md).
///
/// A secret is split for groups, each group's part for its members. A quorum is as many groups as the group
/// threshold, and of each as many members as its member threshold. Fewer shares tell nothing of the secret
/// but its length.
public enum SLIP39 {
    /// The most groups, and the most members of one.
    public static let mostShares = 16
    /// Octets of the shortest secret.
    public static let shortestSecret = 16
    /// The greatest iteration exponent; each step doubles the time, from 10 000 rounds of PBKDF2 at zero.
    public static let greatestIterationExponent = 15

    /// One member's share.
    ///
    /// Indices count from zero, as in the standard; texts for people count from one.
    public struct Share: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
        /// 15 random bits that all shares of one split have in common.
        public let identifier: Int
        /// Whether the identifier is left out of the encryption, so that the same secret and passphrase can be
        /// split again under another identifier ("extendable backup flag").
        public let extendable: Bool
        public let iterationExponent: Int
        public let groupIndex: Int
        /// Groups that a quorum takes.
        public let groupThreshold: Int
        public let groupCount: Int
        public let memberIndex: Int
        /// Members of this group that a quorum takes.
        public let memberThreshold: Int
        /// The share itself, as long as the secret.
        public let value: SecretBytes

        init(
            identifier: Int, extendable: Bool, iterationExponent: Int, groupIndex: Int, groupThreshold: Int,
            groupCount: Int, memberIndex: Int, memberThreshold: Int, value: SecretBytes
        ) {
            self.identifier = identifier
            self.extendable = extendable
            self.iterationExponent = iterationExponent
            self.groupIndex = groupIndex
            self.groupThreshold = groupThreshold
            self.groupCount = groupCount
            self.memberIndex = memberIndex
            self.memberThreshold = memberThreshold
            self.value = value
        }

        /// "group 1, member 3", counted from one.
        public var name: String { "group \(groupIndex + 1), member \(memberIndex + 1)" }

        public var description: String { "SLIP-39 share \(identifier), \(name)" }
        public var debugDescription: String { description }
    }
}
