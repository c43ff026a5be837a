import CBOR
import TransparencyLog

/// The `add` entries of one run: what they share is encoded once, and each device costs a few copies.
///
/// The outcome is byte for byte what ``AllowlistEntry/encoded()`` gives for the same values; `init` proves it on
/// serials of every kind of length. With the log's serial key the serials are listed hashed, without one as they are.
/// Devices with FDO values or firmware digests have no prepared form.
public struct PreparedAdds: Sendable {
    /// A device's own values.
    public struct Device {
        /// UTF-8, 1 to 255 octets.
        public var serial: UnsafeRawBufferPointer
        /// SHA-256 of the key's SubjectPublicKeyInfo.
        public var key: Digest32
        /// SHA-256 of the certificate.
        public var certificate: Digest32
        /// The content octets of the certificate's serialNumber INTEGER, 1 to 20.
        public var certificateSerial: UnsafeRawBufferPointer

        public init(
            serial: UnsafeRawBufferPointer, key: Digest32, certificate: Digest32,
            certificateSerial: UnsafeRawBufferPointer
        ) {
            self.serial = serial
            self.key = key
            self.certificate = certificate
            self.certificateSerial = certificateSerial
        }
    }

    /// The entry up to the serial's head, and in a log of hashed serials with it.
    private let front: [UInt8]
    /// The entry behind the certificate's serial number.
    private let back: [UInt8]
    private let serialKey: SerialKey?

    /// Prepares the entries of devices that differ from `pattern` in serial, digests and certificate serial alone.
    ///
    /// - Parameter serialKey: that of a log of hashed serials; without one serials are listed as they are. The form
    ///   of the pattern's serial does not matter.
    public init(like pattern: AllowlistEntry.Add, serialKey: SerialKey? = nil) throws(AllowlistError) {
        guard pattern.fdo == nil, pattern.firmware.isEmpty else {
            throw AllowlistError(.entryMalformed, "an `add` with FDO or firmware fields cannot be prepared")
        }
        var sample = pattern
        sample.serial = ListedSerial("S", key: serialKey)
        sample.certificateSerial = [1]
        let bytes = try AllowlistEntry.add(sample).encoded()
        var writer = CBORWriter()
        switch sample.serial {
        case .plain(let serial): writer.field(4, serial)
        case .hashed(let hash): writer.field(4, hash)
        }
        writer.field(5, sample.key)
        writer.field(6, sample.certificate)
        writer.field(7, sample.certificateSerial)
        let own = writer.bytes
        // Run and product could hold the same octets; the last place is the devices' own.
        let places = bytes.indices.filter { bytes[$0...].starts(with: own) }
        guard let place = places.last else {
            throw AllowlistError(.entryMalformed, "an `add` cannot be prepared for this run")
        }
        front = bytes[..<place] + (serialKey == nil ? [4] : [4, 0x58, 0x20])
        back = Array(bytes[(place + own.count)...])
        self.serialKey = serialKey
        for length in [1, 23, 24, 255] {
            let text = String(repeating: "A", count: length)
            sample.serial = ListedSerial(text, key: serialKey)
            for count in [1, 20] {
                sample.certificateSerial = [UInt8](repeating: 0x41, count: count)
                var prepared: [UInt8] = []
                try text.utf8.withContiguousBytes { (serial) throws(AllowlistError) in
                    try sample.certificateSerial.withContiguousBytes { (number) throws(AllowlistError) in
                        _ = try append(
                            Device(
                                serial: serial, key: sample.key, certificate: sample.certificate,
                                certificateSerial: number),
                            to: &prepared)
                    }
                }
                guard try AllowlistEntry.add(sample).encoded() == prepared else {
                    throw AllowlistError(.entryMalformed, "an `add` cannot be prepared for this run")
                }
            }
        }
    }

    /// Appends a device's entry and returns what its serial is indexed by; a value out of its bounds is refused and
    /// nothing is appended.
    @inline(__always)
    package func append(_ device: Device, to bytes: inout [UInt8]) throws(AllowlistError) -> Digest32 {
        guard 1...255 ~= device.serial.count, 1...20 ~= device.certificateSerial.count else {
            throw AllowlistError(.entryMalformed, "a serial or a certificate serial number is too long")
        }
        var seen: UInt8 = 0
        var hasControl = false
        for byte in device.serial {
            seen |= byte
            hasControl = hasControl || byte < 0x20 || byte == 0x7F
        }
        guard !hasControl, seen < 0x80 || String(validating: device.serial, as: UTF8.self) != nil else {
            throw AllowlistError(.entryMalformed, "the serial has a control character or is not UTF-8")
        }
        bytes.append(contentsOf: front)
        let indexHash: Digest32
        if let serialKey {
            indexHash = serialKey.hash(of: device.serial)
            bytes.append(indexHash)
        } else {
            indexHash = IndexRecord.serialHash(of: device.serial)
            if device.serial.count < 24 {
                bytes.append(0x60 | UInt8(device.serial.count))
            } else {
                bytes.append(0x78)
                bytes.append(UInt8(device.serial.count))
            }
            bytes.append(contentsOf: device.serial)
        }
        bytes.append(5)
        bytes.append(0x58)
        bytes.append(0x20)
        bytes.append(device.key)
        bytes.append(6)
        bytes.append(0x58)
        bytes.append(0x20)
        bytes.append(device.certificate)
        bytes.append(7)
        bytes.append(0x40 | UInt8(device.certificateSerial.count))
        bytes.append(contentsOf: device.certificateSerial)
        bytes.append(contentsOf: back)
        return indexHash
    }
}

extension Sequence<UInt8> {
    /// The octets as one buffer; a sequence that is not contiguous is copied first.
    @inline(__always)
    func withContiguousBytes(
        _ body: (UnsafeRawBufferPointer) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        let result = withContiguousStorageIfAvailable { buffer -> Result<Void, AllowlistError> in
            do throws(AllowlistError) {
                return .success(try body(UnsafeRawBufferPointer(buffer)))
            } catch {
                return .failure(error)
            }
        }
        guard let result else { return try Array(self).withContiguousBytes(body) }
        try result.get()
    }
}
