import Glibc

// The wire between the run and its workers: frames of a 4-octet little-endian length, one octet of kind and
// the payload. Both ends are the same program on the same machine; the version is checked in the first frame.

/// Writes the fields of a payload.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    mutating func put(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }

    mutating func put(_ value: [UInt8]) {
        put(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func put(_ value: String) {
        put(UInt32(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    mutating func put(_ value: UnsafeBufferPointer<UInt8>) {
        put(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    /// Fields whose length both ends know.
    mutating func putRaw(_ value: [UInt8]) {
        bytes.append(contentsOf: value)
    }

    /// Zeroes what was written, where it held a secret.
    mutating func wipe() {
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
        bytes = []
    }
}

/// Reads the fields of a payload; anything short or over-long throws.
struct FieldReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private static var broken: RunError {
        RunError(.protocolBroken, "worker", "a message does not parse")
    }

    mutating func raw(_ count: Int) throws(RunError) -> [UInt8] {
        guard count >= 0, bytes.count - offset >= count else { throw FieldReader.broken }
        defer { offset += count }
        return Array(bytes[offset..<(offset + count)])
    }

    mutating func uint32() throws(RunError) -> UInt32 {
        try raw(4).withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
    }

    mutating func int64() throws(RunError) -> Int64 {
        try raw(8).withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
    }

    mutating func flag() throws(RunError) -> Bool { try raw(1)[0] != 0 }
    mutating func block() throws(RunError) -> [UInt8] { try raw(Int(try uint32())) }
    mutating func text() throws(RunError) -> String { String(decoding: try block(), as: UTF8.self) }

    var isAtEnd: Bool { offset == bytes.count }
}

/// A message between the run and a worker.
struct Frame {
    enum Kind: UInt8 {
        case setUp = 1
        case ready = 2
        case chunk = 3
        case made = 4
        case failed = 5
    }

    /// Enough for a chunk of the largest rows; a longer length is a broken stream.
    static let maximumLength = 64 << 20

    let kind: Kind
    var payload: [UInt8]

    var header: [UInt8] {
        withUnsafeBytes(of: UInt32(payload.count).littleEndian) { Array($0) } + [kind.rawValue]
    }

    /// Zeroes the payload, where it held a secret.
    mutating func wipe() {
        payload.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
        }
        payload = []
    }

    /// Reads one frame; nil at the end of the stream.
    static func read(from descriptor: Int32) throws(RunError) -> Frame? {
        guard let header = try readFully(descriptor, 5, mayEnd: true) else { return nil }
        let length = header.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) }
        guard length <= Frame.maximumLength, let kind = Kind(rawValue: header[4]) else {
            throw RunError(.protocolBroken, "worker", "a frame of kind \(header[4]), \(length) octets")
        }
        guard let payload = try readFully(descriptor, Int(length), mayEnd: false) else { return nil }
        return Frame(kind: kind, payload: payload)
    }

    private static func readFully(
        _ descriptor: Int32, _ count: Int, mayEnd: Bool
    ) throws(RunError) -> [UInt8]? {
        if count == 0 { return [] }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let got = Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), count - filled)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        if failure != 0 { throw RunError(.io, "worker", String(cString: strerror(failure))) }
        if bytes.count == count { return bytes }
        if bytes.isEmpty && mayEnd { return nil }
        throw RunError(.protocolBroken, "worker", "the stream ended inside a frame")
    }

    /// Writes the frame and waits until the kernel has taken it.
    func write(to descriptor: Int32) throws(RunError) {
        for part in [header, payload] {
            var offset = 0
            while offset < part.count {
                let written = part.withUnsafeBytes {
                    send(
                        descriptor, $0.baseAddress?.advanced(by: offset), part.count - offset,
                        Int32(MSG_NOSIGNAL))
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else {
                    throw RunError(.io, "worker", String(cString: strerror(errno)))
                }
                offset += written
            }
        }
    }
}
