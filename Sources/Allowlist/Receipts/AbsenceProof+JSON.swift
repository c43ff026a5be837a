import CanonicalJSON
import TransparencyLog

extension AbsenceProof {
    /// Octets that a proof may have at most: thousands of segments.
    public static let maximumLength = 1 << 23

    static let format = "rootline/absence/v1"

    /// Reads the canonical JSON document; throws `absence-malformed` for any other spelling or content.
    public init(parsing bytes: [UInt8]) throws(AllowlistError) {
        let refusal = AllowlistError(
            .absenceMalformed, "this is not an absence proof in its one form (RFC 8785, \(Self.format))",
            hint: "take the proof again from where it was made")
        guard bytes.count <= Self.maximumLength, let document = JSONValue(canonical: bytes),
            let proof = AbsenceProof(document)
        else { throw refusal }
        self = proof
    }

    /// Whether a file looks like an absence proof, which begins as a JSON document does.
    public static func isLikely(_ bytes: [UInt8]) -> Bool { bytes.first == UInt8(ascii: "{") }

    /// The canonical JSON document.
    public var bytes: [UInt8] {
        var members: [String: JSONValue] = [
            "checkpoint": .base64(checkpoint), "format": .string(Self.format),
            "kind": .string(subject.kind.name),
            "segments": .array(gaps.map(\.json)), "state": state.json,
        ]
        switch subject {
        case .key(let digest): members["key"] = .base64(digest.bytes)
        case .serial(.plain(let serial)): members["serial"] = .string(serial)
        case .serial(.hashed(let hash)): members["serialHash"] = .base64(hash.bytes)
        }
        if let run { members["run"] = run.json }
        return JSONValue.object(members).canonical
    }

    private init?(_ document: JSONValue) {
        guard let kind = document["kind"]?.text, document["format"]?.text == Self.format,
            let checkpoint = document["checkpoint"]?.base64,
            let state = document["state"].flatMap({ ProvenEntry($0) }),
            let items = document["segments"]?.items
        else { return nil }
        let member: String
        if kind == Segment.Kind.key.name, let key = document["key"]?.digest {
            (member, subject) = ("key", .key(key))
        } else if kind == Segment.Kind.serial.name, let serial = document["serial"]?.text {
            (member, subject) = ("serial", .serial(.plain(serial)))
        } else if kind == Segment.Kind.serial.name, let hash = document["serialHash"]?.digest {
            (member, subject) = ("serialHash", .serial(.hashed(hash)))
        } else {
            return nil
        }
        var names = ["checkpoint", "format", "kind", "segments", "state", member]
        if let value = document["run"] {
            // Only a serial has a form to show.
            guard kind == Segment.Kind.serial.name, let read = AbsenceProof.ProvenRun(value) else {
                return nil
            }
            names.append("run")
            run = read
        } else {
            run = nil
        }
        guard document.hasOnly(names) else { return nil }
        var gaps: [Gap] = []
        for item in items {
            guard let gap = Gap(item) else { return nil }
            gaps.append(gap)
        }
        self.checkpoint = checkpoint
        self.state = state
        self.gaps = gaps
    }
}

extension AbsenceProof.ProvenEntry {
    fileprivate init?(_ value: JSONValue) {
        guard value.hasOnly(["entry", "path"]), let entry = value["entry"]?.base64,
            entry.count <= EntryFraming.maximumEntryLength, let path = value["path"]?.path
        else { return nil }
        self.init(entry: entry, path: path)
    }

    fileprivate var json: JSONValue { ["entry": .base64(entry), "path": .path(path)] }
}

extension AbsenceProof.ProvenRun {
    fileprivate init?(_ value: JSONValue) {
        guard value.hasOnly(["entry", "index", "path"]), let index = value["index"]?.number, index >= 0,
            let entry = value["entry"]?.base64, entry.count <= EntryFraming.maximumEntryLength,
            let path = value["path"]?.path
        else { return nil }
        self.init(index: UInt64(index), run: .init(entry: entry, path: path))
    }

    fileprivate var json: JSONValue {
        [
            "entry": .base64(run.entry), "index": .integer(Int(clamping: index)), "path": .path(run.path),
        ]
    }
}

extension AbsenceProof.ProvenRecord {
    fileprivate init?(_ value: JSONValue) {
        guard value.hasOnly(["path", "record"]), let path = value["path"]?.path,
            let bytes = value["record"]?.base64, bytes.count == IndexRecord.byteCount,
            let record = bytes.withUnsafeBytes({ IndexRecord($0, at: 0) })
        else { return nil }
        self.init(record: record, path: path)
    }

    fileprivate var json: JSONValue {
        var bytes: [UInt8] = []
        record.append(to: &bytes)
        return ["path": .path(path), "record": .base64(bytes)]
    }
}

extension AbsenceProof.Gap {
    fileprivate init?(_ value: JSONValue) {
        guard case .object(let members) = value,
            members.keys.allSatisfy(["after", "before", "position"].contains),
            let position = value["position"]?.number, position >= 0
        else { return nil }
        let before = value["before"].map { AbsenceProof.ProvenRecord($0) }
        let after = value["after"].map { AbsenceProof.ProvenRecord($0) }
        // A member that is there must be readable; one that is not there is no neighbour.
        if case .some(.none) = before { return nil }
        if case .some(.none) = after { return nil }
        self.init(position: UInt64(position), before: before ?? nil, after: after ?? nil)
    }

    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["position": .integer(Int(clamping: position))]
        if let before { members["before"] = before.json }
        if let after { members["after"] = after.json }
        return .object(members)
    }
}

extension JSONValue {
    fileprivate static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Base64.encode(bytes)) }

    fileprivate static func path(_ path: [Digest32]) -> JSONValue { .array(path.map { .string($0.base64) }) }

    fileprivate var base64: [UInt8]? { text.flatMap { Base64.decode($0) } }

    fileprivate var digest: Digest32? { base64.flatMap { Digest32($0) } }

    /// At most 64 hashes: no tree has a longer path.
    fileprivate var path: [Digest32]? {
        guard let items, items.count <= TLogProof.maximumHashes else { return nil }
        let hashes = items.compactMap(\.digest)
        return hashes.count == items.count ? hashes : nil
    }

    fileprivate func hasOnly(_ names: [String]) -> Bool {
        guard case .object(let members) = self else { return false }
        return members.count == names.count && names.allSatisfy { members[$0] != nil }
    }
}
