import Allowlist
import Crypto
import TransparencyLog

extension VectorCase {
    static let badCheckpoints: [VectorCase] = [
        .accepted("checkpoint-more-lines", "A signature line by a key that nobody pinned is ignored.") {
            let log = try VectorLog.published()
            var files = try log.files()
            let other = SignedNote.Signature(
                keyName: "witness.example", keyID: 0x0102_0304, bytes: [9, 9, 9])
            files.merge(try log.checkpoint(size: log.size, root: log.root, extra: [other])) { $1 }
            return Made(log: log, files: files)
        },
        .refused("checkpoint-unknown-key", "Signed by another key than the pinned one.", .checkpointSignature)
        {
            let log = try VectorLog.published()
            var stranger = log
            stranger.key = VectorLog.key("another key")
            return Made(log: log, files: try stranger.files())
        },
        .damaged(
            "checkpoint-text-altered", "The tree size was changed after it was signed, in both files.",
            .checkpointSignature
        ) { log, files in
            let text = Checkpoint(origin: log.origin, size: 8, root: log.root).text
            let line = try log.line(over: Checkpoint(origin: log.origin, size: 9, root: log.root).text)
            files["checkpoint"] = SignedNote(text: text, signatures: [line]).bytes
            files["checkpoint.txt"] = text
        },
        .damaged(
            "checkpoint-second-line-wrong",
            "Of two lines by the pinned key one does not verify; that one refuses the note.",
            .checkpointSignature
        ) { log, files in
            var wrong = try log.line(over: [1])
            wrong = SignedNote.Signature(keyName: wrong.keyName, keyID: wrong.keyID, bytes: wrong.bytes)
            files.merge(try log.checkpoint(size: log.size, root: log.root, extra: [wrong])) { $1 }
        },
        .damaged(
            "checkpoint-raw-signature", "The signature is r and s of 32 bytes each and not in DER.",
            .checkpointSignature
        ) { log, files in
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            let raw = Array(try log.key.signature(for: text).rawRepresentation)
            let line = try log.line(over: text)
            files["checkpoint"] =
                SignedNote(
                    text: text, signatures: [.init(keyName: line.keyName, keyID: line.keyID, bytes: raw)]
                ).bytes
        },
        .refused("checkpoint-of-another-origin", "The checkpoint is of another log.", .checkpointOrigin) {
            let log = try VectorLog.published()
            var other = log
            other.origin = "hospital.example/other"
            return Made(log: log, files: try other.files())
        },
        .refused(
            "rehearsal-not-allowed", "A rehearsal's list, whose consumer does not allow that.", .rehearsal
        ) {
            var log = try VectorLog.oneRun(origin: "rehearsal.invalid/line")
            try log.appendState()
            return Made(log: log, files: try log.files())
        },
        malformed("extension", "The text has a fourth line.") { log in
            (Array("\(log.origin)\n\(log.size)\n\(log.root.base64)\nmore\n".utf8), nil)
        },
        malformed("leading-zero", "The tree size has a leading zero.") { log in
            (Array("\(log.origin)\n0\(log.size)\n\(log.root.base64)\n".utf8), nil)
        },
        malformed("sign", "The tree size has a sign.") { log in
            (Array("\(log.origin)\n+\(log.size)\n\(log.root.base64)\n".utf8), nil)
        },
        malformed("size-overflow", "The tree size is 2^64.") { log in
            (Array("\(log.origin)\n18446744073709551616\n\(log.root.base64)\n".utf8), nil)
        },
        malformed("root-short", "The root has 31 bytes.") { log in
            (
                Array(
                    "\(log.origin)\n\(log.size)\n\(Base64.encode(Array(log.root.bytes.dropLast())))\n".utf8),
                nil
            )
        },
        malformed("root-without-padding", "The root's base64 has no padding.") { log in
            (Array("\(log.origin)\n\(log.size)\n\(log.root.base64.dropLast())\n".utf8), nil)
        },
        malformed("no-signature", "There is no signature line.") { log in
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            return (text, text + [0x0a])
        },
        malformed("no-blank-line", "There is no blank line before the signature.") { log in
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            let note = SignedNote(text: text, signatures: [try log.line(over: text)]).bytes
            return (text, text + note.dropFirst(text.count + 1))
        },
        malformed("carriage-return", "Lines end in CR and LF.") { log in
            (Array("\(log.origin)\r\n\(log.size)\r\n\(log.root.base64)\r\n".utf8), nil)
        },
        malformed("not-utf8", "The note is not UTF-8.") { log in
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            let note = SignedNote(text: text, signatures: [try log.line(over: text)]).bytes
            return (text, note.dropLast() + Array(" ".utf8) + [0xff, 0x0a])
        },
        malformed("cut", "The note ends without a newline.") { log in
            let text = Checkpoint(origin: log.origin, size: log.size, root: log.root).text
            return (text, SignedNote(text: text, signatures: [try log.line(over: text)]).bytes.dropLast())
        },
        .damaged("checkpoint-missing", "There is no checkpoint.", .fileMissing) { _, files in
            files["checkpoint"] = nil
        },
        .damaged("checkpoint-txt-missing", "`checkpoint.txt` is not there.", .fileMissing) { _, files in
            files["checkpoint.txt"] = nil
        },
        .damaged("checkpoint-txt-differs", "`checkpoint.txt` is of another size.", .checkpointText) {
            log, files in
            files["checkpoint.txt"] = Checkpoint(origin: log.origin, size: 8, root: log.root).text
        },
        .damaged("checkpoint-p7s-missing", "`checkpoint.p7s` is not there.", .fileMissing) { _, files in
            files["checkpoint.p7s"] = nil
        },
        .damaged(
            "checkpoint-p7s-over-another-text", "`checkpoint.p7s` is over an older checkpoint.",
            .checkpointSignature
        ) { log, files in
            files["checkpoint.p7s"] = try log.checkpoint(size: 8, root: log.root)["checkpoint.p7s"]
        },
        .damaged(
            "checkpoint-p7s-by-another-key", "`checkpoint.p7s` is signed by another key.",
            .checkpointSignature
        ) { log, files in
            var other = log
            other.key = VectorLog.key("another key")
            files["checkpoint.p7s"] = try other.checkpoint(size: log.size, root: log.root)["checkpoint.p7s"]
        },
        .damaged("checkpoint-p7s-altered", "A bit of the signature was changed.", .checkpointSignature) {
            _, files in
            let count = files["checkpoint.p7s"]?.count ?? 1
            files.flip("checkpoint.p7s", count - 1)
        },
        .damaged("checkpoint-p7s-trailing", "A byte follows the message.", .checkpointSignature) { _, files in
            files["checkpoint.p7s"]?.append(0)
        },
        .accepted("age-at-the-limit", "A checkpoint as old as is allowed, to the second.") {
            let log = try VectorLog.published()
            return Made(log: log, files: try log.files(), maxAge: 86_400, now: VectorLog.time + 86_400)
        },
        .refused("age-beyond-the-limit", "A checkpoint a second older than is allowed.", .stale) {
            let log = try VectorLog.published()
            return Made(log: log, files: try log.files(), maxAge: 86_400, now: VectorLog.time + 86_401)
        },
        .refused("age-ahead-of-the-clock", "A checkpoint that was signed 301 seconds from now.", .stale) {
            let log = try VectorLog.published()
            return Made(log: log, files: try log.files(), maxAge: 86_400, now: VectorLog.time - 301)
        },
    ]

    /// A note that is not of the form, whatever its signature; `text` is signed, `note` stands in the file.
    private static func malformed(
        _ name: String, _ what: String,
        _ make: @escaping @Sendable (VectorLog) throws -> (text: [UInt8], note: [UInt8]?)
    ) -> VectorCase {
        damaged("checkpoint-malformed-\(name)", what, .checkpointMalformed) { log, files in
            let (text, note) = try make(log)
            files.merge(try log.checkpoint(text: text)) { $1 }
            if let note { files["checkpoint"] = note }
        }
    }
}
