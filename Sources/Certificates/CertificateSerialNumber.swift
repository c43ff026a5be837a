import Glibc

/// A certificate's serial number: 20 octets, positive, of fixed length.
///
/// The first octet lies from 0x40 to 0x7F, so the DER INTEGER never gains or loses an octet, and the other 158 bits
/// are random. RFC 5280 section 4.1.2.2 allows at most 20 octets and wants a positive number.
public struct CertificateSerialNumber: Hashable, Sendable, CustomStringConvertible {
    /// Octets in every serial number.
    public static let octets = 20

    let high: UInt64
    let middle: UInt64
    let low: UInt32

    /// Draws a new number from the system's generator.
    public init() {
        var generator = SystemRandomNumberGenerator()
        high = (generator.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x4000_0000_0000_0000
        middle = generator.next()
        low = UInt32(truncatingIfNeeded: generator.next() as UInt64)
    }

    /// Draws so many new numbers from the system's generator, at once: a call of the system for each would cost a run
    /// more than a certificate's encoding.
    public static func draw(_ count: Int) -> [CertificateSerialNumber] {
        let octets = [UInt8](unsafeUninitializedCapacity: count * Self.octets) { buffer, filled in
            while filled < buffer.count, let base = buffer.baseAddress {
                // It gives 256 octets at most (getentropy(3)).
                let drawn = min(256, buffer.count - filled)
                guard getentropy(base + filled, drawn) == 0 else {
                    base[filled] = UInt8.random(in: .min ... .max)
                    filled += 1
                    continue
                }
                filled += drawn
            }
        }
        return octets.withUnsafeBytes { bytes in
            (0..<count).map { index in
                let place = index * Self.octets
                return CertificateSerialNumber(
                    high: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self),
                    middle: bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self),
                    low: bytes.loadUnaligned(fromByteOffset: place + 16, as: UInt32.self))
            }
        }
    }

    private init(high: UInt64, middle: UInt64, low: UInt32) {
        self.high = (high & 0x3FFF_FFFF_FFFF_FFFF) | 0x4000_0000_0000_0000
        self.middle = middle
        self.low = low
    }

    /// Takes recorded octets back in; any other count or first octet is refused.
    public init(bytes: [UInt8]) throws(CertificatesError) {
        guard bytes.count == Self.octets, 0x40...0x7F ~= bytes[0] else {
            throw CertificatesError(
                .serialNumber, subject: "serial number",
                "\(Self.octets) octets are wanted, the first from 0x40 to 0x7F")
        }
        (high, middle, low) = bytes.withUnsafeBytes { buffer in
            (
                UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
            )
        }
    }

    /// The octets, most significant first.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.octets) { buffer, count in
            write(to: UnsafeMutableRawBufferPointer(buffer))
            count = Self.octets
        }
    }

    /// Forty lower-case hexadecimal digits.
    public var hex: String { bytes.hexadecimal }

    public var description: String { hex }

    /// Writes the octets to the first 20 bytes of the buffer.
    func write(to buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: middle.bigEndian, toByteOffset: 8, as: UInt64.self)
        buffer.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt32.self)
    }
}

extension Sequence<UInt8> {
    /// Two lower-case hexadecimal digits an octet.
    var hexadecimal: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(underestimatedCount * 2)
        for byte in self {
            digits.append(Self.digit(byte >> 4))
            digits.append(Self.digit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}

extension [UInt8] {
    /// Reads pairs of hexadecimal digits; nil for an odd count or another character.
    init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16), pair.allSatisfy(\.isHexDigit) else { return nil }
            bytes.append(byte)
        }
        self = bytes
    }
}
