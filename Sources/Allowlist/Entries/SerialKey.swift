import Crypto
import TransparencyLog

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The secret of a log that lists hashed serials: who has it can ask by serial, and can guess serials.
///
/// It prints as redacted, is not `Codable`, and its memory is zeroed when the last copy goes.
public struct SerialKey: Sendable {
    /// Octets of a key.
    public static let byteCount = 32

    private let key: SymmetricKey
    /// Has taken the key and the tag, so that a serial costs two blocks of SHA-256 and not four.
    private let prepared: HMAC<SHA256>

    private init(_ key: SymmetricKey) {
        self.key = key
        var hmac = HMAC<SHA256>(key: key)
        hmac.update(data: Self.tag)
        prepared = hmac
    }

    /// A new key from the system's random numbers.
    public init() {
        self.init(SymmetricKey(size: .bits256))
    }

    /// The key of these octets, or nil where they are not exactly 32.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(SymmetricKey(data: bytes))
    }

    /// The key in a key file: 64 hexadecimal digits of either case and at most one newline. Nil where `file` is
    /// anything else.
    public init?(file: UnsafeRawBufferPointer) {
        let digits = file.last == 0x0A ? file.dropLast() : file[...]
        guard digits.count == 2 * Self.byteCount else { return nil }
        let key: SerialKey? = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 1) {
            bytes in
            defer { Self.zero(bytes) }
            for position in 0..<Self.byteCount {
                let place = digits.startIndex + 2 * position
                guard let high = Self.value(ofDigit: digits[place]),
                    let low = Self.value(ofDigit: digits[place + 1])
                else { return nil }
                bytes[position] = high << 4 | low
            }
            return SerialKey(UnsafeRawBufferPointer(bytes))
        }
        guard let key else { return nil }
        self = key
    }

    /// Hands out the octets of a key file, 64 lowercase hexadecimal digits and a newline, and zeroes them afterwards.
    public func withFile<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        try withUnsafeTemporaryAllocation(byteCount: 2 * Self.byteCount + 1, alignment: 1) { file in
            defer { Self.zero(file) }
            key.withUnsafeBytes { bytes in
                for (position, byte) in bytes.enumerated() {
                    file[2 * position] = Self.digit(byte >> 4)
                    file[2 * position + 1] = Self.digit(byte & 15)
                }
            }
            file[2 * Self.byteCount] = 0x0A
            return try body(UnsafeRawBufferPointer(file))
        }
    }

    /// The hash under which a log with this key lists `serial`: HMAC-SHA-256 over a tag and the serial's UTF-8.
    public func hash(of serial: String) -> Digest32 {
        var text = serial
        return text.withUTF8 { hash(of: UnsafeRawBufferPointer($0)) }
    }

    /// The same of a serial's UTF-8.
    public func hash(of serial: UnsafeRawBufferPointer) -> Digest32 {
        var hmac = prepared
        hmac.update(data: serial)
        return hmac.finalize().withUnsafeBytes { Digest32($0, at: 0) ?? Digest32() }
    }

    private static let tag = Array("rootline/allowlist/serial/v1\n".utf8)

    /// Overwrites secret octets by the call that is not optimised away.
    private static func zero(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        #if canImport(Darwin)
            memset_s(start, bytes.count, 0, bytes.count)
        #else
            explicit_bzero(start, bytes.count)
        #endif
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x61 + value - 10
    }
}

extension SerialKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SerialKey(redacted)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
