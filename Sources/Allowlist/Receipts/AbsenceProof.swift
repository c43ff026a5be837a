import TransparencyLog

/// A proof that no device with a key, or with a serial, is listed in a signed tree.
///
/// The last entry of every published tree commits to the live segments of the index, which are sorted. In each
/// segment of the asked kind two neighbours are shown, next to each other, between which the device's record
/// would have to stand. Nothing in it is to be believed before ``verify(pins:device:serialKey:)`` has returned.
public struct AbsenceProof: Hashable, Sendable {
    /// What is absent.
    public enum Subject: Hashable, Sendable {
        /// SHA-256 of the key's SubjectPublicKeyInfo.
        case key(Digest32)
        /// The serial as the log lists serials, whatever the product.
        case serial(ListedSerial)

        public var kind: Segment.Kind {
            switch self {
            case .key: .key
            case .serial: .serial
            }
        }

        /// What the segments are sorted by.
        public var hash: Digest32 {
            switch self {
            case .key(let digest): digest
            case .serial(let serial): serial.indexHash
            }
        }
    }

    /// An entry with its audit path to the signed root.
    public struct ProvenEntry: Hashable, Sendable {
        public let entry: [UInt8]
        public let path: [Digest32]

        public init(entry: [UInt8], path: [Digest32]) {
            self.entry = entry
            self.path = path
        }
    }

    /// An `open-run` with its place, which shows in which form the log lists serials.
    public struct ProvenRun: Hashable, Sendable {
        public let index: UInt64
        public let run: ProvenEntry

        public init(index: UInt64, run: ProvenEntry) {
            self.index = index
            self.run = run
        }
    }

    /// A record of a segment with its audit path to the segment's root.
    public struct ProvenRecord: Hashable, Sendable {
        public let record: IndexRecord
        public let path: [Digest32]

        public init(record: IndexRecord, path: [Digest32]) {
            self.record = record
            self.path = path
        }
    }

    /// Where the device's record would stand in one segment.
    public struct Gap: Hashable, Sendable {
        /// Records before it; the neighbours are at `position - 1` and `position`.
        public let position: UInt64
        /// The record before; nil where there is none.
        public let before: ProvenRecord?
        /// The record after; nil where there is none.
        public let after: ProvenRecord?

        public init(position: UInt64, before: ProvenRecord?, after: ProvenRecord?) {
            self.position = position
            self.before = before
            self.after = after
        }
    }

    public let subject: Subject
    /// The signed note, verbatim.
    public let checkpoint: [UInt8]
    /// The tree's last entry.
    public let state: ProvenEntry
    /// Any `open-run` of the tree, where the subject is a serial: the hash of a serial in the wrong form is
    /// always absent. Nil for a key, and in a log that lists nothing yet.
    public let run: ProvenRun?
    /// One a live segment of the subject's kind, in the order of the `state`.
    public let gaps: [Gap]

    public init(
        subject: Subject, checkpoint: [UInt8], state: ProvenEntry, run: ProvenRun?, gaps: [Gap]
    ) {
        self.subject = subject
        self.checkpoint = checkpoint
        self.state = state
        self.run = run
        self.gaps = gaps
    }
}

/// What an absence proof has shown.
public struct AbsenceAnswer: Hashable, Sendable {
    /// The signed tree in which the subject is not listed.
    public let checkpoint: Checkpoint
    public let subject: AbsenceProof.Subject
    /// Whether the subject was compared with a device that presents itself.
    public let deviceChecked: Bool
    /// The pinned witnesses that cosigned the checkpoint, and when.
    public let cosigned: [WitnessQuorum.Cosigned]

    /// What an absence proof cannot show.
    public var limits: [ProofLimit] { [.laterEntries, .newestCheckpoint, .index] }
}
