import CanonicalJSON
import TransparencyLog

/// One line of a journal.
public struct JournalLine: Hashable, Sendable {
    /// What a line says.
    public enum Record: Hashable, Sendable {
        /// From here on, this library and these pins are in use. The first line of every journal.
        case begin(origin: String, pins: Digest32, library: String)
        /// A checkpoint was accepted: nothing was kept before, or it extends what was.
        case checkpoint(note: [UInt8], verified: Verified)
        case decision(JournalDecision)
        /// A list was refused because the log signed two histories; both notes are the evidence.
        case fork(KeptCheckpoint.Fork)
        /// Octets after the last whole line, as a crash leaves them, were cut off.
        case repaired(byteCount: Int, digest: Digest32)
    }

    /// How far a bundle was checked when its checkpoint was accepted.
    public enum Verified: String, Hashable, Sendable {
        /// By `BundleVerifier`.
        case full
        /// Signature and `state` alone, as `BundleReader` does when it opens a bundle.
        case opened
    }

    /// UTC seconds since 1970, by the service's clock.
    public let time: UInt64
    /// SHA-256 of the line before without its newline; 32 zero octets in the first one.
    public let previous: Digest32
    public let record: Record

    static let version = 1
    static let maximumLength = 1 << 20
    static let maximumReference = 1024
}

extension JournalLine {
    /// The canonical bytes without a newline.
    var bytes: [UInt8] {
        var members: [String: JSONValue] = [
            "prev": .string(previous.hex), "time": .integer(Int(clamping: time)),
            "kind": .string(record.kind),
        ]
        switch record {
        case .begin(let origin, let pins, let library):
            members["version"] = .integer(Self.version)
            members["origin"] = .string(origin)
            members["pins"] = .string(pins.hex)
            members["library"] = .string(library)
        case .checkpoint(let note, let verified):
            members["note"] = .string(Base64.encode(note))
            members["verified"] = .string(verified.rawValue)
        case .decision(let decision):
            members.merge(decision.members) { _, new in new }
        case .fork(let fork):
            members["kept"] = .string(Base64.encode(fork.kept))
            members["presented"] = .string(Base64.encode(fork.presented))
            members["prefixRoot"] = .string(fork.prefixRoot.hex)
            members["proof"] = .array(fork.proof.map { .string($0.hex) })
        case .repaired(let byteCount, let digest):
            members["bytes"] = .integer(byteCount)
            members["sha256"] = .string(digest.hex)
        }
        return JSONValue.object(members).canonical
    }

    /// Reads a line without its newline; anything but the canonical form of the specified members is refused.
    init(_ bytes: UnsafeRawBufferPointer) throws(JournalError) {
        guard bytes.count <= Self.maximumLength, let value = JSONValue(canonical: bytes),
            case .object(let members) = value
        else { throw JournalError(.malformed, "the line is not canonical JSON (RFC 8785) of an object") }
        var reader = JournalMembers(members)
        previous = try reader.digest("prev")
        time = try reader.unsigned("time")
        switch try reader.text("kind") {
        case "begin":
            guard try reader.unsigned("version") == UInt64(Self.version) else {
                throw JournalError(.malformed, "the version of the journal's form is not known")
            }
            record = .begin(
                origin: try reader.text("origin"), pins: try reader.digest("pins"),
                library: try reader.text("library"))
        case "checkpoint":
            guard let verified = Verified(rawValue: try reader.text("verified")) else {
                throw JournalError(.malformed, "`verified` is neither full nor opened")
            }
            record = .checkpoint(note: try reader.base64("note"), verified: verified)
        case "decision":
            record = .decision(try JournalDecision(&reader))
        case "fork":
            record = .fork(
                KeptCheckpoint.Fork(
                    kept: try reader.base64("kept"), presented: try reader.base64("presented"),
                    prefixRoot: try reader.digest("prefixRoot"), proof: try reader.digests("proof")))
        case "repaired":
            record = .repaired(
                byteCount: Int(clamping: try reader.unsigned("bytes")), digest: try reader.digest("sha256"))
        default:
            throw JournalError(.malformed, "the kind of the line is not known")
        }
        try reader.finish()
    }
}

extension JournalLine.Record {
    /// The word in the file.
    public var kind: String {
        switch self {
        case .begin: "begin"
        case .checkpoint: "checkpoint"
        case .decision: "decision"
        case .fork: "fork"
        case .repaired: "repaired"
        }
    }
}

extension JournalDecision {
    fileprivate var members: [String: JSONValue] {
        var members: [String: JSONValue] = [
            "accepted": .bool(isAccepted), "keyChecked": .bool(keyChecked), "root": .string(root.hex),
            "size": .integer(Int(clamping: size)), "status": .string(status.rawValue),
        ]
        switch serial {
        case .plain(let serial): members["serial"] = .string(serial)
        case .hashed(let hash): members["serialHash"] = .string(hash.hex)
        case nil: break
        }
        members["key"] = key.map { .string($0.hex) }
        members["certificate"] = certificate.map { .string($0.hex) }
        members["reason"] = reason.map { .string($0) }
        members["entry"] = entryIndex.map { .integer(Int(clamping: $0)) }
        members["reference"] = reference.map { .string($0) }
        return members
    }

    fileprivate init(_ reader: inout JournalMembers) throws(JournalError) {
        let statusText = try reader.text("status")
        guard let status = LookupAnswer.Status(rawValue: statusText) else {
            throw JournalError(.malformed, "the status \(statusText) is not known")
        }
        self.status = status
        if reader.has("serialHash") {
            serial = .hashed(try reader.digest("serialHash"))
        } else {
            serial = reader.has("serial") ? .plain(try reader.text("serial")) : nil
        }
        key = reader.has("key") ? try reader.digest("key") : nil
        certificate = reader.has("certificate") ? try reader.digest("certificate") : nil
        reason = reader.has("reason") ? try reader.text("reason") : nil
        entryIndex = reader.has("entry") ? try reader.unsigned("entry") : nil
        reference = reader.has("reference") ? try reader.text("reference") : nil
        isAccepted = try reader.bool("accepted")
        keyChecked = try reader.bool("keyChecked")
        size = try reader.unsigned("size")
        root = try reader.digest("root")
    }
}

/// Takes the members of a line one by one, so that one too many shows.
private struct JournalMembers {
    private var members: [String: JSONValue]

    init(_ members: [String: JSONValue]) {
        self.members = members
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    mutating func text(_ name: String) throws(JournalError) -> String {
        guard let text = members.removeValue(forKey: name)?.text else { throw refusal(name) }
        return text
    }

    mutating func bool(_ name: String) throws(JournalError) -> Bool {
        guard case .bool(let value) = members.removeValue(forKey: name) else { throw refusal(name) }
        return value
    }

    mutating func unsigned(_ name: String) throws(JournalError) -> UInt64 {
        guard let number = members.removeValue(forKey: name)?.number, number >= 0 else { throw refusal(name) }
        return UInt64(number)
    }

    /// 64 lowercase hexadecimal digits.
    mutating func digest(_ name: String) throws(JournalError) -> Digest32 {
        let text = try text(name)
        guard let digest = Digest32(hex: text), digest.hex == text else { throw refusal(name) }
        return digest
    }

    mutating func digests(_ name: String) throws(JournalError) -> [Digest32] {
        guard let items = members.removeValue(forKey: name)?.items else { throw refusal(name) }
        var digests: [Digest32] = []
        for item in items {
            guard let text = item.text, let digest = Digest32(hex: text), digest.hex == text else {
                throw refusal(name)
            }
            digests.append(digest)
        }
        return digests
    }

    mutating func base64(_ name: String) throws(JournalError) -> [UInt8] {
        guard let bytes = Base64.decode(try text(name)) else { throw refusal(name) }
        return bytes
    }

    func finish() throws(JournalError) {
        guard let name = members.keys.sorted().first else { return }
        throw JournalError(.malformed, "a line of this kind has no member `\(name)`")
    }

    private func refusal(_ name: String) -> JournalError {
        JournalError(.malformed, "the member `\(name)` is missing, or not of its form")
    }
}
