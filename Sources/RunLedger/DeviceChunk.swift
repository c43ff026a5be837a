/// The devices of consecutive rows as one run of octets: made by a worker, stored and read back as it is.
///
/// Version 1, integers little-endian:
///
///     octet 0        version, 1
///     octets 1–3     zero
///     octets 4–7     count of devices
///     then each device, in row order:
///       4 octets     length of the certificate
///       20 octets    the certificate's serial number
///       32 octets    digest of the public key
///       32 octets    digest of the certificate
///       1 octet      length of the device's serial, from 1
///       …            the device's serial, UTF-8
///       …            the certificate, DER
///
/// What stands at a fixed place comes first, so that a digest is found without reading the lengths.
public struct DeviceChunk: Sendable {
    /// The octets, as they are stored.
    public let bytes: [UInt8]
    /// Where each device begins.
    let offsets: [UInt32]

    /// More devices than this are no chunk.
    public static let maximumCount = 1 << 16
    /// More octets than this are no chunk.
    public static let maximumOctets = 1 << 28
    /// The longest certificate, octets.
    public static let maximumCertificateOctets = 1 << 16

    static let headerOctets = 8

    /// Reads `bytes`; whatever is not exactly of the form above is refused as `malformedChunk`.
    public init(_ bytes: [UInt8]) throws(LedgerError) {
        var offsets: [UInt32] = []
        let fault = bytes.withUnsafeBytes { DeviceChunk.fault(in: $0, offsets: &offsets) }
        if let fault { throw LedgerError(.malformedChunk, "chunk", fault) }
        self.bytes = bytes
        self.offsets = offsets
    }

    /// What the encoder has written.
    init(trusted bytes: [UInt8], offsets: [UInt32]) {
        self.bytes = bytes
        self.offsets = offsets
    }

    public var count: Int { offsets.count }

    /// Lends the devices over the octets themselves; nothing is copied.
    public func withDevices<R>(_ body: (RawDevices) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes { octets in
            try offsets.withUnsafeBufferPointer { offsets in
                try body(RawDevices(octets: octets, offsets: offsets))
            }
        }
    }

    /// The device at `position`, from 0; `firstRow` is the row of the chunk's first one.
    public func device(at position: Int, firstRow: Int) -> LedgerDevice {
        withDevices { devices in
            let device = devices[position]
            return LedgerDevice(
                row: firstRow + position, serial: device.serialText,
                certificateSerialNumber: Array(device.certificateSerialNumber),
                publicKeyDigest: Array(device.publicKeyDigest),
                certificateDigest: Array(device.certificateDigest), certificate: Array(device.certificate))
        }
    }

    /// All devices, in row order.
    public func devices(firstRow: Int) -> [LedgerDevice] {
        (0..<count).map { device(at: $0, firstRow: firstRow) }
    }

    private static func fault(in octets: UnsafeRawBufferPointer, offsets: inout [UInt32]) -> String? {
        guard octets.count >= headerOctets, octets.count <= maximumOctets else {
            return "\(octets.count) octets are no chunk"
        }
        guard octets[0] == 1, octets[1] == 0, octets[2] == 0, octets[3] == 0 else {
            return "an unknown version"
        }
        let count = Int(UInt32(littleEndian: octets.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        guard count <= maximumCount else { return "\(count) devices are too many" }
        offsets.reserveCapacity(count)
        var offset = headerOctets
        for position in 0..<count {
            guard octets.count - offset > RawDevice.serialOffset else { return "it ends within a device" }
            offsets.append(UInt32(offset))
            let device = RawDevice(base: UnsafeRawBufferPointer(rebasing: octets[offset...]))
            let certificateLength = device.certificateLength
            guard device.serialLength > 0 else { return "device \(position) has no serial" }
            guard certificateLength <= maximumCertificateOctets,
                device.certificateOffset + certificateLength <= octets.count - offset
            else { return "it ends within a certificate" }
            guard device.isSerialText else { return "the serial of device \(position) is not UTF-8" }
            offset += device.certificateOffset + certificateLength
        }
        return offset == octets.count ? nil : "\(octets.count - offset) octets follow the last device"
    }
}

/// A chunk's devices over its own octets, valid within the closure that lends them.
public struct RawDevices: RandomAccessCollection {
    let octets: UnsafeRawBufferPointer
    let offsets: UnsafeBufferPointer<UInt32>

    public var startIndex: Int { 0 }
    public var endIndex: Int { offsets.count }

    public subscript(position: Int) -> RawDevice {
        RawDevice(base: UnsafeRawBufferPointer(rebasing: octets[Int(offsets[position])...]))
    }
}

/// One device over its chunk's octets.
public struct RawDevice {
    /// From the device's first octet to the chunk's end.
    let base: UnsafeRawBufferPointer

    static let serialOffset = 89

    var certificateLength: Int {
        Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
    }
    var serialLength: Int { Int(base[88]) }
    var certificateOffset: Int { RawDevice.serialOffset + serialLength }

    /// 20 octets.
    public var certificateSerialNumber: UnsafeRawBufferPointer { part(4, 20) }
    /// 32 octets.
    public var publicKeyDigest: UnsafeRawBufferPointer { part(24, 32) }
    /// 32 octets.
    public var certificateDigest: UnsafeRawBufferPointer { part(56, 32) }
    /// 1 to 255 octets of UTF-8.
    public var serial: UnsafeRawBufferPointer { part(RawDevice.serialOffset, serialLength) }
    /// The certificate in DER.
    public var certificate: UnsafeRawBufferPointer { part(certificateOffset, certificateLength) }

    public var serialText: String { String(decoding: serial, as: UTF8.self) }

    var isSerialText: Bool {
        guard certificateOffset <= base.count else { return false }
        if serial.allSatisfy({ $0 < 0x80 }) { return true }
        return String(validating: serial, as: UTF8.self) != nil
    }

    private func part(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: base[offset..<(offset + count)])
    }
}

/// Whether two runs of octets are the same.
func same(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
    one.count == other.count && one.elementsEqual(other)
}
