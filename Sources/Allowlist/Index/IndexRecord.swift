import Crypto
import TransparencyLog

/// One record of a segment: a hash and the index of an entry about the device with that hash.
public struct IndexRecord: Hashable, Comparable, Sendable {
    /// 32 bytes of hash and 8 of big-endian index.
    public static let byteCount = 40

    public let hash: Digest32
    public let index: UInt64

    public init(hash: Digest32, index: UInt64) {
        self.hash = hash
        self.index = index
    }

    /// The record at `offset`, or nil where the buffer ends before its end.
    public init?(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
        guard buffer.count - offset >= Self.byteCount, let hash = Digest32(buffer, at: offset) else {
            return nil
        }
        self.hash = hash
        index = UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset + 32, as: UInt64.self))
    }

    public static func < (left: IndexRecord, right: IndexRecord) -> Bool {
        left.hash == right.hash ? left.index < right.index : left.hash < right.hash
    }

    /// Copies the 40 bytes of the record to the start of a buffer that has room for them.
    @inline(__always)
    func copyBytes(to buffer: UnsafeMutableRawBufferPointer) {
        hash.withUnsafeBytes { buffer.copyMemory(from: $0) }
        buffer.storeBytes(of: index.bigEndian, toByteOffset: Digest32.byteCount, as: UInt64.self)
    }

    /// Appends the 40 bytes of the record.
    public func append(to bytes: inout [UInt8]) {
        bytes.append(hash)
        withUnsafeBytes(of: index.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// The hash under which a serial in plain text is indexed: SHA-256 over a tag and the UTF-8.
    public static func serialHash(of serial: String) -> Digest32 {
        var text = serial
        return text.withUTF8 { serialHash(of: UnsafeRawBufferPointer($0)) }
    }

    /// The same of a serial's UTF-8.
    public static func serialHash(of serial: UnsafeRawBufferPointer) -> Digest32 {
        let tag = serialTag
        return withUnsafeTemporaryAllocation(byteCount: tag.count + serial.count, alignment: 1) { buffer in
            buffer.copyBytes(from: tag)
            UnsafeMutableRawBufferPointer(rebasing: buffer[tag.count...]).copyMemory(from: serial)
            return Digest32.sha256(UnsafeRawBufferPointer(buffer))
        }
    }

    /// What a device's records are sorted by.
    public static func hash(of device: AllowlistEntry.Add, kind: Segment.Kind) -> Digest32 {
        switch kind {
        case .key: device.key
        case .serial: device.serial.indexHash
        }
    }

    private static let serialTag = Array("rootline/allowlist/serial/v1\n".utf8)
}
