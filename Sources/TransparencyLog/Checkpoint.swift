/// A log's tree head: origin, size and root (C2SP tlog-checkpoint), without extension lines.
public struct Checkpoint: Hashable, Sendable {
    public let origin: String
    /// Leaves in the tree.
    public let size: UInt64
    public let root: Digest32

    public init(origin: String, size: UInt64, root: Digest32) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads the text of a note; extension lines are refused because nothing here gives them a meaning.
    public init(text: [UInt8]) throws(TransparencyLogError) {
        let malformed = TransparencyLogError(
            .checkpointMalformed, "the text is not the three lines origin, tree size and root")
        guard let string = String(validating: text, as: UTF8.self) else { throw malformed }
        let lines = string.utf8.split(separator: 0x0a, omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, let origin = String(lines[0]),
            let sizeText = String(lines[1]), let rootText = String(lines[2]),
            let size = UInt64(sizeText), let root = Base64.decode(rootText).flatMap({ Digest32($0) })
        else { throw malformed }
        self.init(origin: origin, size: size, root: root)
        // One spelling only: this refuses a sign, leading zeros and an unusable origin.
        guard self.text == text, NoteKey.isValid(name: origin) else { throw malformed }
    }

    /// The text that is signed, through its last newline.
    public var text: [UInt8] {
        Array("\(origin)\n\(size)\n\(root.base64)\n".utf8)
    }
}
