/// An offline proof that an entry is in a log (C2SP tlog-proof).
public struct TLogProof: Hashable, Sendable {
    /// Opaque data, not authenticated by itself; nil where there is no `extra` line, never empty.
    public let extra: [UInt8]?
    /// The entry's position in the log, from 0.
    public let index: UInt64
    /// The audit path of RFC 6962 §2.1.1, the leaf's sibling first.
    public let hashes: [Digest32]
    /// The signed note, verbatim.
    public let checkpoint: [UInt8]

    /// The recommended end of a file's name.
    public static let fileExtension = "tlog-proof"
    /// No tree has a longer audit path: its size is less than 2^64.
    public static let maximumHashes = 64
    /// Octets a proof may have at most: the longest entry in base64, the longest path and the longest note.
    public static let maximumLength = SignedNote.maximumLength + 90_000

    private static let header = "c2sp.org/tlog-proof@v1"

    public init(extra: [UInt8]?, index: UInt64, hashes: [Digest32], checkpoint: [UInt8]) {
        self.extra = extra?.isEmpty == true ? nil : extra
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
    }

    /// Reads a proof; whatever is not in the one form of the specification is refused. That the checkpoint
    /// is a signed note, and by whom, is for the caller to check.
    public init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        guard bytes.count <= Self.maximumLength else {
            throw Self.refusal("it is longer than \(Self.maximumLength) bytes")
        }
        // The checkpoint begins behind the first empty line: none of the lines before may be empty.
        guard
            let blank = bytes.indices.dropLast().first(where: { bytes[$0] == 0x0a && bytes[$0 + 1] == 0x0a })
        else { throw Self.refusal("it has no empty line before the checkpoint") }
        var lines = bytes[..<blank].split(separator: 0x0a, omittingEmptySubsequences: false)[...]
        guard lines.popFirst().map(Array.init) == Array(Self.header.utf8) else {
            throw Self.refusal("its first line is not \(Self.header)")
        }
        extra = try Self.value(of: "extra ", in: &lines).map { (text) throws(TransparencyLogError) in
            guard let value = Base64.decode(text), !value.isEmpty else {
                throw Self.refusal("its extra line is not base64")
            }
            return value
        }
        guard let text = try Self.value(of: "index ", in: &lines), let index = UInt64(text),
            String(index) == text
        else { throw Self.refusal("it has no index line with a decimal number") }
        self.index = index
        guard lines.count <= Self.maximumHashes else {
            throw Self.refusal("its path is too long for any tree")
        }
        var hashes: [Digest32] = []
        for line in lines {
            guard let text = String(validating: line, as: UTF8.self),
                let hash = Base64.decode(text).flatMap({ Digest32($0) })
            else { throw Self.refusal("a line of its path is not a hash in base64") }
            hashes.append(hash)
        }
        self.hashes = hashes
        checkpoint = Array(bytes[(blank + 2)...])
        guard !checkpoint.isEmpty else { throw Self.refusal("it has no checkpoint") }
    }

    /// The proof as it is stored.
    public var bytes: [UInt8] {
        var bytes = Array("\(Self.header)\n".utf8)
        if let extra { bytes += "extra \(Base64.encode(extra))\n".utf8 }
        bytes += "index \(index)\n".utf8
        for hash in hashes { bytes += "\(hash.base64)\n".utf8 }
        bytes.append(0x0a)
        return bytes + checkpoint
    }

    /// Throws `proof` unless `leaf` is the leaf of this proof's index in the tree of a checkpoint.
    public func check(leaf: Digest32, in checkpoint: Checkpoint) throws(TransparencyLogError) {
        try Proofs.checkInclusion(
            leaf: leaf, index: index, treeSize: checkpoint.size, root: checkpoint.root, proof: hashes)
    }

    /// The rest of the next line behind `word`; nil where the next line begins otherwise.
    private static func value(
        of word: String, in lines: inout ArraySlice<ArraySlice<UInt8>>
    ) throws(TransparencyLogError) -> String? {
        guard let line = lines.first, line.starts(with: word.utf8) else { return nil }
        lines.removeFirst()
        guard let text = String(validating: line.dropFirst(word.utf8.count), as: UTF8.self) else {
            throw refusal("a line is not UTF-8")
        }
        return text
    }

    private static func refusal(_ reason: String) -> TransparencyLogError {
        TransparencyLogError(.proofMalformed, "this is not a tlog-proof: \(reason)")
    }
}
