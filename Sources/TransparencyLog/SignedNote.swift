/// Text with signatures (C2SP signed-note), kept as the bytes that were received.
public struct SignedNote: Hashable, Sendable {
    /// One signature line.
    public struct Signature: Hashable, Sendable {
        public let keyName: String
        /// The first four bytes of the decoded signature, big-endian.
        public let keyID: UInt32
        /// The bytes after the key id.
        public let bytes: [UInt8]

        public init(keyName: String, keyID: UInt32, bytes: [UInt8]) {
            self.keyName = keyName
            self.keyID = keyID
            self.bytes = bytes
        }
    }

    /// Bytes a note may have at most; room for sixteen of the largest assigned signatures.
    public static let maximumLength = 1 << 17

    /// The signed text through its last newline, without the blank line.
    public let text: [UInt8]
    public let signatures: [Signature]

    /// A note from its parts, in the form that `init(parsing:)` reads.
    public init(text: [UInt8], signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    public init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        guard bytes.count <= Self.maximumLength else {
            throw TransparencyLogError(.noteMalformed, "the note is longer than \(Self.maximumLength) bytes")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw TransparencyLogError(.noteMalformed, "the note is not UTF-8")
        }
        guard !bytes.contains(where: { $0 < 0x20 && $0 != 0x0a }), bytes.last == 0x0a else {
            throw TransparencyLogError(
                .noteMalformed, "the note has a control character or no newline at its end")
        }
        guard
            let blank = bytes.indices.dropLast().last(where: { bytes[$0] == 0x0a && bytes[$0 + 1] == 0x0a })
        else { throw TransparencyLogError(.noteMalformed, "the note has no blank line before signatures") }
        text = Array(bytes[...blank])
        var signatures: [Signature] = []
        let lines = bytes[(blank + 2)...].split(separator: 0x0a, omittingEmptySubsequences: false).dropLast()
        for line in lines {
            signatures.append(try Signature(line: line))
        }
        guard !signatures.isEmpty else {
            throw TransparencyLogError(.noteMalformed, "the note has no signature")
        }
        self.signatures = signatures
    }

    /// The note as it is stored: text, blank line, one line a signature.
    public var bytes: [UInt8] {
        var bytes = text
        bytes.append(0x0a)
        for signature in signatures { bytes.append(contentsOf: "\(signature.line)\n".utf8) }
        return bytes
    }

    /// The note with one more line; it takes the place of an earlier line by the same key.
    ///
    /// The text stays as it is, and so do the other lines and their order.
    public func adding(_ signature: Signature) -> SignedNote {
        let isSameKey = { (other: Signature) in
            other.keyName.isSpelled(signature.keyName) && other.keyID == signature.keyID
        }
        guard let place = signatures.firstIndex(where: isSameKey) else {
            return SignedNote(text: text, signatures: signatures + [signature])
        }
        var lines = signatures
        lines[place] = signature
        lines.removeSubrange((place + 1)...)
        lines += signatures[(place + 1)...].filter { !isSameKey($0) }
        return SignedNote(text: text, signatures: lines)
    }

    /// Throws unless `key` signed the received text.
    ///
    /// Signatures by other keys are ignored; one that claims to be by this key and does not verify
    /// makes the note invalid whatever else it carries.
    public func check(signedBy key: some NoteVerifier) throws(TransparencyLogError) {
        var isSigned = false
        for signature in signatures where key.isNamed(by: signature) {
            guard key.isValid(signature: signature.bytes, over: text) else {
                throw TransparencyLogError(
                    .noteSignature, "the signature by \(key.name) does not verify over the note's text")
            }
            isSigned = true
        }
        guard isSigned else {
            throw TransparencyLogError(.noteUnsigned, "no signature is by the expected key of \(key.name)")
        }
    }
}

extension SignedNote.Signature {
    /// The line without its newline.
    public var line: String {
        let value = (0..<4).map { UInt8(truncatingIfNeeded: keyID >> (24 - 8 * UInt32($0))) } + bytes
        return "\u{2014} \(keyName) \(Base64.encode(value))"
    }

    fileprivate init(line: ArraySlice<UInt8>) throws(TransparencyLogError) {
        let mark = Array("\u{2014} ".utf8)
        guard line.starts(with: mark) else {
            throw TransparencyLogError(.noteMalformed, "a signature line does not begin with a dash")
        }
        let parts = line.dropFirst(mark.count).split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw TransparencyLogError(.noteMalformed, "a signature line is not dash, name and signature")
        }
        let name = String(decoding: parts[0], as: UTF8.self)
        guard NoteKey.isValid(name: name) else {
            throw TransparencyLogError(.noteMalformed, "a signature line has no usable key name")
        }
        guard let value = Base64.decode(String(decoding: parts[1], as: UTF8.self)), value.count > 4 else {
            throw TransparencyLogError(.noteMalformed, "the signature by \(name) is not base64")
        }
        self.init(
            keyName: name, keyID: value[..<4].reduce(0) { $0 << 8 | UInt32($1) }, bytes: Array(value[4...]))
    }
}
