import Crypto

/// A SHA-256 value: 32 bytes, held without an allocation and ordered bytewise.
public struct Digest32: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    // The bytes as they lie in memory, so that the value can be hashed and written without a copy.
    private var words: (UInt64, UInt64, UInt64, UInt64)

    public init() {
        words = (0, 0, 0, 0)
    }

    /// The digest in `bytes`, or nil where these are not exactly 32.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init()
        Swift.withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    /// The 32 bytes at `offset`, or nil where the buffer ends before.
    public init?(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
        guard offset >= 0, buffer.count - offset >= Self.byteCount else { return nil }
        words = (
            buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
            buffer.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self),
            buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self),
            buffer.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
        )
    }

    /// The digest written as 64 hexadecimal digits of either case.
    public init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        self.init(bytes)
    }

    /// SHA-256 over `bytes`.
    public static func sha256(_ bytes: [UInt8]) -> Digest32 {
        bytes.withUnsafeBufferPointer { sha256(UnsafeRawBufferPointer($0)) }
    }

    /// SHA-256 over `bytes`.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> Digest32 {
        var hasher = SHA256()
        hasher.update(bufferPointer: bytes)
        return Digest32(hasher.finalize())
    }

    public init(_ digest: SHA256.Digest) {
        self = digest.withUnsafeBytes { Digest32($0, at: 0) ?? Digest32() }
    }

    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// 64 lowercase hexadecimal digits.
    public var hex: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * Self.byteCount)
        for byte in bytes {
            digits.append(Self.digit(byte >> 4))
            digits.append(Self.digit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    public var base64: String { Base64.encode(bytes) }

    public var description: String { hex }

    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try Swift.withUnsafeBytes(of: words, body)
    }

    /// The four big-endian words of the value, most significant first.
    public var bigEndianWords: (UInt64, UInt64, UInt64, UInt64) {
        (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    }

    public static func == (left: Digest32, right: Digest32) -> Bool {
        left.words == right.words
    }

    public static func < (left: Digest32, right: Digest32) -> Bool {
        if left.words.0 != right.words.0 { return left.words.0.bigEndian < right.words.0.bigEndian }
        return left.bigEndianWords < right.bigEndianWords
    }

    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }
}

extension [UInt8] {
    /// Appends the 32 bytes of a digest.
    public mutating func append(_ digest: Digest32) {
        digest.withUnsafeBytes { append(contentsOf: $0) }
    }
}
