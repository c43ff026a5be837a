import CBOR
import TransparencyLog

/// One leaf of the allowlist's log, version 1 (tables in the specification, `Format`).
public enum AllowlistEntry: Hashable, Sendable {
    case openRun(OpenRun)
    case add(Add)
    case revoke(Revoke)
    case scrap(Scrap)
    case replace(Replace)
    case seal(Seal)
    case state(State)
    case rotateSigner(RotateSigner)

    /// The value under key 0. The format is frozen: what it does not allow today is another version.
    public static let version: UInt64 = 1

    /// The value under key 1.
    public enum Kind: UInt64, Hashable, Sendable, CaseIterable {
        case openRun = 1
        case add
        case revoke
        case scrap
        case replace
        case seal
        case state
        case rotateSigner

        /// The kind's name in the specification and in machine output.
        public var name: String {
            switch self {
            case .openRun: "open-run"
            case .add: "add"
            case .revoke: "revoke"
            case .scrap: "scrap"
            case .replace: "replace"
            case .seal: "seal"
            case .state: "state"
            case .rotateSigner: "rotate-signer"
            }
        }
    }

    public var kind: Kind {
        switch self {
        case .openRun: .openRun
        case .add: .add
        case .revoke: .revoke
        case .scrap: .scrap
        case .replace: .replace
        case .seal: .seal
        case .state: .state
        case .rotateSigner: .rotateSigner
        }
    }

    /// Reads an entry; anything but its one canonical encoding is refused.
    public init(decoding bytes: [UInt8]) throws(AllowlistError) {
        try self.init(decoding: bytes, range: 0..<bytes.count)
    }

    /// Reads the entry that lies in `range` of `bytes`; offsets in errors count from its start.
    public init(decoding bytes: [UInt8], range: Range<Int>) throws(AllowlistError) {
        guard range.count <= EntryFraming.maximumEntryLength else {
            throw AllowlistError(.entryMalformed, "the entry is longer than 65535 bytes")
        }
        var fields = try FieldReader(bytes, range: range)
        let version = try fields.unsigned(0)
        guard version == Self.version else {
            throw fields.refusal("entry version \(version) is not known")
        }
        let number = try fields.unsigned(1)
        guard let kind = Kind(rawValue: number) else {
            throw fields.refusal("entry kind \(number) is not known")
        }
        switch kind {
        case .openRun: self = .openRun(try OpenRun(&fields))
        case .add: self = .add(try Add(&fields))
        case .revoke: self = .revoke(try Revoke(&fields))
        case .scrap: self = .scrap(try Scrap(&fields))
        case .replace: self = .replace(try Replace(&fields))
        case .seal: self = .seal(try Seal(&fields))
        case .state: self = .state(try State(&fields))
        case .rotateSigner: self = .rotateSigner(try RotateSigner(&fields))
        }
        try fields.finish()
        try check()
    }

    /// The canonical bytes; throws where a field is outside its bounds.
    public func encoded() throws(AllowlistError) -> [UInt8] {
        var writer = CBORWriter(reservingCapacity: 320)
        try encode(into: &writer)
        return writer.bytes
    }

    /// Appends the canonical bytes to `writer`.
    public func encode(into writer: inout CBORWriter) throws(AllowlistError) {
        try check()
        let begin = writer.bytes.count
        writer.map(count: 2 + payload.fieldCount)
        writer.unsigned(0)
        writer.unsigned(Self.version)
        writer.unsigned(1)
        writer.unsigned(kind.rawValue)
        payload.write(to: &writer)
        guard writer.bytes.count - begin <= EntryFraming.maximumEntryLength else {
            throw AllowlistError(.entryMalformed, "the \(kind.name) entry is longer than 65535 bytes")
        }
    }

    /// Throws where a field is outside the bounds of the specification.
    public func check() throws(AllowlistError) {
        try payload.check()
    }

    private var payload: any EntryPayload {
        switch self {
        case .openRun(let payload): payload
        case .add(let payload): payload
        case .revoke(let payload): payload
        case .scrap(let payload): payload
        case .replace(let payload): payload
        case .seal(let payload): payload
        case .state(let payload): payload
        case .rotateSigner(let payload): payload
        }
    }
}

/// The fields of one kind of entry, keys 2 and up.
protocol EntryPayload: Hashable, Sendable {
    /// Pairs that `write` writes.
    var fieldCount: Int { get }

    init(_ fields: inout FieldReader) throws(AllowlistError)

    func write(to writer: inout CBORWriter)

    func check() throws(AllowlistError)
}
