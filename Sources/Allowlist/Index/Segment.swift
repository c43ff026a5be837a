import TransparencyLog

/// One immutable sorted file of the index, as a `state` entry describes it.
public struct Segment: Hashable, Sendable {
    /// What the records are sorted by.
    public enum Kind: UInt64, Hashable, Sendable, CaseIterable {
        /// SHA-256 of the device key's SubjectPublicKeyInfo.
        case key = 1
        /// `ListedSerial.indexHash`.
        case serial = 2

        /// The first part of the file's name.
        public var name: String { self == .key ? "key" : "serial" }
    }

    public let kind: Kind
    /// The first entry that is covered.
    public let start: UInt64
    /// The entry after the last one that is covered.
    public let end: UInt64
    public let recordCount: UInt64
    /// The RFC 6962 root over the records.
    public let root: Digest32

    public init(kind: Kind, start: UInt64, end: UInt64, recordCount: UInt64, root: Digest32) {
        self.kind = kind
        self.start = start
        self.end = end
        self.recordCount = recordCount
        self.root = root
    }

    /// The path in the bundle, such as `index/key-0-4096`.
    public var path: String { Segment.path(kind: kind, start: start, end: end) }

    public static func path(kind: Kind, start: UInt64, end: UInt64) -> String {
        "index/\(kind.name)-\(start)-\(end)"
    }

    /// Bytes of the file.
    public var byteCount: UInt64 { recordCount * UInt64(IndexRecord.byteCount) }
}
