import TransparencyLog

/// How a log names the devices it lists; one log has one form for good.
public enum SerialForm: UInt64, Hashable, Sendable, CaseIterable {
    /// The serial itself.
    case plain = 0
    /// Its hash under the log's serial key.
    case hashed = 1

    /// The word in `site.yaml` and in machine output.
    public var name: String { self == .plain ? "plain" : "hashed" }
}

/// A device's serial as an `add` gives it.
public enum ListedSerial: Hashable, Sendable {
    /// 1 to 255 octets of UTF-8 without control characters.
    case plain(String)
    /// The serial's hash under the log's ``SerialKey``; it tells nothing to who does not have the key.
    case hashed(Digest32)

    /// The form that a log with this key, or without one, gives the serial.
    public init(_ serial: String, key: SerialKey? = nil) {
        self = key.map { .hashed($0.hash(of: serial)) } ?? .plain(serial)
    }

    public var form: SerialForm {
        switch self {
        case .plain: .plain
        case .hashed: .hashed
        }
    }

    /// The serial, where the log gives it in plain text.
    public var plainText: String? {
        if case .plain(let serial) = self { serial } else { nil }
    }

    /// What the index of serials sorts this one by.
    public var indexHash: Digest32 {
        switch self {
        case .plain(let serial): IndexRecord.serialHash(of: serial)
        case .hashed(let hash): hash
        }
    }
}

extension ListedSerial: CustomStringConvertible {
    /// The serial, or `hashed:` and 64 hexadecimal digits.
    public var description: String {
        switch self {
        case .plain(let serial): serial
        case .hashed(let hash): "hashed:" + hash.hex
        }
    }
}
