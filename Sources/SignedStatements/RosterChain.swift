/// Every version of a roster, from the first to the one in force, held against the digest of one of them.
///
/// A pinned digest vouches for its version and, by `previous`, for every one before it; versions after it hold by the
/// signatures of the quorum before them.
public struct RosterChain: Sendable {
    /// In the order of their versions, the one in force last; never empty.
    public let rosters: [Roster]

    /// Verifies the chain of these versions, which begin with the first.
    ///
    /// Throws ``StatementError`` where a version breaks its rules, does not follow the one before it, is short of
    /// signatures, or where none has the pinned digest. A rehearsal's first version may be unsigned, as its stand-ins'
    /// is; its digest then has to be pinned, or that of a version after it.
    public init(_ rosters: [Roster], pinned: [UInt8]) throws(StatementError) {
        var last: Roster?
        for roster in rosters {
            if let last {
                try roster.verify(after: last)
            } else if roster.isRehearsal, roster.signatures.isEmpty {
                try roster.validate()
                guard roster.version == 1, roster.previous == nil else {
                    throw StatementError(
                        .rosterDescent, "roster", "is version \(roster.version), where the first is expected")
                }
            } else {
                try roster.verifyFirst()
            }
            last = roster
        }
        guard rosters.contains(where: { $0.digestOctets == pinned }) else {
            throw StatementError(
                .rosterDescent, "roster",
                "the pinned version is not among the \(rosters.count) that are there")
        }
        self.rosters = rosters
    }

    /// The place of the version with this digest, from 0; nil where there is none such.
    public func place(of digest: [UInt8]) -> Int? {
        rosters.firstIndex { $0.digestOctets == digest }
    }

    /// Holds statements against the version at a place; nil where there is none.
    ///
    /// `quorum` chooses which of its numbers it takes.
    public func verifier(
        at place: Int, quorum: (Roster.Quorums) -> Int = \.approval
    ) -> StatementVerifier? {
        guard rosters.indices.contains(place) else { return nil }
        return StatementVerifier(rosters: Array(rosters[...place]), quorum: quorum)
    }
}
