import TransparencyLog

/// Reads the `add` entries of a run as fast as they can be compared with the one before.
///
/// Devices of a run differ in serial, digests, certificate serial number, not-after and the FDO values. An entry that
/// is the octets of one that was read by the strict decoder, but for these values at their places and in their one
/// canonical form, is what the strict decoder would accept. Whatever else it is, the strict decoder decides.
struct AddReader {
    /// A device's own values; they point into the entry.
    struct Values {
        /// UTF-8, or the 32 octets of a hash where the pattern has one.
        var serial: UnsafeRawBufferPointer
        var key: Digest32
        var certificate: Digest32
        var certificateSerial: UnsafeRawBufferPointer
    }

    /// The entry that gave the pattern.
    private(set) var pattern: AllowlistEntry.Add?
    /// Everything up to the serial's head, and with it where serials are hashed.
    private var front: [UInt8] = []
    private var isHashed = false
    /// The authority key identifier and the key of not-after.
    private var middle: [UInt8] = []
    /// What follows not-after, without the FDO GUID and the voucher's digest.
    private var back: [[UInt8]] = []

    /// What a device's serial is indexed by.
    @inline(__always)
    func serialHash(of values: Values) -> Digest32 {
        isHashed ? Digest32(values.serial, at: 0) ?? Digest32() : IndexRecord.serialHash(of: values.serial)
    }

    /// Reads the entry in `bytes`; nil where it does not follow the pattern.
    func values(_ bytes: UnsafeRawBufferPointer) -> Values? {
        guard let pattern else { return nil }
        var cursor = Cursor(bytes)
        guard cursor.skip(front), let serial = isHashed ? cursor.take(32) : cursor.serial(),
            cursor.skip((5, 0x58, 0x20)),
            let key = cursor.digest(), cursor.skip((6, 0x58, 0x20)), let certificate = cursor.digest(),
            let certificateSerial = cursor.certificateSerial(), cursor.skip(middle), cursor.skipTime(),
            cursor.skip(back[0])
        else { return nil }
        if pattern.fdo != nil {
            guard cursor.take(16) != nil, cursor.skip(back[1]), cursor.take(32) != nil, cursor.skip(back[2])
            else { return nil }
        }
        guard cursor.isAtEnd else { return nil }
        return Values(
            serial: serial, key: key, certificate: certificate, certificateSerial: certificateSerial)
    }

    /// Takes an entry that the strict decoder accepted as the pattern of the next ones.
    mutating func learn(_ device: AllowlistEntry.Add, from bytes: UnsafeRawBufferPointer) {
        pattern = nil
        // One octet of map head, three pairs, and the key of the serial.
        var frontLength = 1 + 4 + 1 + Self.length(device.run) + 1 + Self.length(device.product) + 1
        let serial: [UInt8]
        let serialLength: Int
        switch device.serial {
        case .plain(let text):
            (serial, serialLength, isHashed) = (Array(text.utf8), Self.length(text), false)
        case .hashed(let hash):
            (serial, serialLength, isHashed) = (hash.bytes, Digest32.byteCount, true)
            frontLength += 2
        }
        guard bytes.count > frontLength else { return }
        front = Array(bytes[..<frontLength])
        middle = [8] + Self.byteString(device.authorityKeyID) + [9]
        let own =
            frontLength + serialLength + 2 * 35 + 1 + 1 + device.certificateSerial.count
            + middle.count
        let time = device.notAfter > UInt64(UInt32.max) ? 9 : 5
        guard device.notAfter > UInt64(UInt16.max), bytes.count > own + time else { return }
        let rest = Array(bytes[(own + time)...])
        if device.fdo != nil {
            // The GUID's head ends at the fourth octet, the GUID at the 20th; the voucher's head has three.
            guard rest.count >= 4 + 16 + 3 + 32 else { return }
            back = [Array(rest[..<4]), Array(rest[20..<23]), Array(rest[55...])]
        } else {
            back = [rest]
        }
        pattern = device
        // Whatever the lengths above say: the pattern must give this entry's values back.
        guard let values = values(bytes), values.key == device.key, values.certificate == device.certificate,
            values.certificateSerial.elementsEqual(device.certificateSerial),
            values.serial.elementsEqual(serial)
        else {
            pattern = nil
            return
        }
    }

    /// Octets of a text with its head.
    private static func length(_ text: String) -> Int {
        let count = text.utf8.count
        return count + (count < 24 ? 1 : 2)
    }

    private static func byteString(_ bytes: [UInt8]) -> [UInt8] {
        bytes.count < 24 ? [0x40 | UInt8(bytes.count)] + bytes : [0x58, UInt8(bytes.count)] + bytes
    }

    /// Walks over an entry.
    private struct Cursor {
        private let bytes: UnsafeRawBufferPointer
        private var position = 0

        init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }

        @inline(__always)
        mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
            guard bytes.count - position >= count else { return nil }
            defer { position += count }
            return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
        }

        @inline(__always)
        mutating func skip(_ expected: [UInt8]) -> Bool {
            guard let found = take(expected.count) else { return false }
            return expected.withUnsafeBytes { memcmp($0, found) }
        }

        @inline(__always)
        mutating func skip(_ expected: (UInt8, UInt8, UInt8)) -> Bool {
            guard let found = take(3) else { return false }
            return found[0] == expected.0 && found[1] == expected.1 && found[2] == expected.2
        }

        @inline(__always)
        mutating func digest() -> Digest32? {
            guard let found = take(Digest32.byteCount) else { return nil }
            return Digest32(found, at: 0)
        }

        /// Text of 1 to 255 octets without control characters.
        @inline(__always)
        mutating func serial() -> UnsafeRawBufferPointer? {
            guard let head = take(1)?[0] else { return nil }
            var count = Int(head & 0x1f)
            if head == 0x78 {
                guard let length = take(1)?[0], length >= 24 else { return nil }
                count = Int(length)
            } else if head & 0xe0 != 0x60 || count >= 24 {
                return nil
            }
            guard count > 0, let text = take(count) else { return nil }
            var seen: UInt8 = 0
            var hasControl = false
            for byte in text {
                seen |= byte
                hasControl = hasControl || byte < 0x20 || byte == 0x7f
            }
            guard !hasControl, seen < 0x80 || String(validating: text, as: UTF8.self) != nil else {
                return nil
            }
            return text
        }

        /// Key 7: a byte string of 1 to 20.
        @inline(__always)
        mutating func certificateSerial() -> UnsafeRawBufferPointer? {
            guard let head = take(2), head[0] == 7, 0x41...0x54 ~= head[1] else { return nil }
            return take(Int(head[1] & 0x1f))
        }

        /// An integer of 4 or 8 octets in its shortest form, at most the year 9999.
        @inline(__always)
        mutating func skipTime() -> Bool {
            switch take(1)?[0] {
            case 0x1a:
                guard let value = take(4)?.loadUnaligned(as: UInt32.self).bigEndian else { return false }
                return value > UInt32(UInt16.max)
            case 0x1b:
                guard let value = take(8)?.loadUnaligned(as: UInt64.self).bigEndian else { return false }
                return value > UInt64(UInt32.max) && value <= FieldBounds.latestTime
            default:
                return false
            }
        }

        @inline(__always)
        private func memcmp(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
            var position = 0
            while position + 8 <= left.count {
                guard
                    left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                        == right.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                else { return false }
                position += 8
            }
            while position < left.count {
                guard left[position] == right[position] else { return false }
                position += 1
            }
            return true
        }
    }
}
