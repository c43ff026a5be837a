extension DeviceChunk {
    /// Writes a chunk device by device; its one buffer grows, and nothing else is allocated.
    public struct Encoder {
        private var bytes: [UInt8]
        private var offsets: [UInt32] = []

        /// `capacity` in devices, of about `certificateOctets` each, is what the buffer begins with.
        public init(capacity: Int = 0, certificateOctets: Int = 700) {
            bytes = [1, 0, 0, 0, 0, 0, 0, 0]
            bytes.reserveCapacity(bytes.count + capacity * (RawDevice.serialOffset + 32 + certificateOctets))
            offsets.reserveCapacity(capacity)
        }

        public var count: Int { offsets.count }

        /// Adds the next row's device.
        ///
        /// Throws `malformedChunk` where a length is none that the form allows; the chunk is then as before.
        public mutating func append(
            serial: UnsafeRawBufferPointer, certificateSerialNumber: UnsafeRawBufferPointer,
            publicKeyDigest: UnsafeRawBufferPointer, certificateDigest: UnsafeRawBufferPointer,
            certificate: UnsafeRawBufferPointer
        ) throws(LedgerError) {
            guard (1...255).contains(serial.count), certificateSerialNumber.count == 20,
                publicKeyDigest.count == 32, certificateDigest.count == 32,
                certificate.count <= DeviceChunk.maximumCertificateOctets,
                count < DeviceChunk.maximumCount,
                bytes.count + RawDevice.serialOffset + serial.count + certificate.count
                    <= DeviceChunk.maximumOctets
            else {
                throw LedgerError(
                    .malformedChunk, String(decoding: serial, as: UTF8.self),
                    "a serial of \(serial.count) octets, a certificate serial number of "
                        + "\(certificateSerialNumber.count), digests of \(publicKeyDigest.count) and "
                        + "\(certificateDigest.count), a certificate of \(certificate.count): not what a "
                        + "chunk holds, or the chunk is full")
            }
            offsets.append(UInt32(bytes.count))
            withUnsafeBytes(of: UInt32(certificate.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: certificateSerialNumber)
            bytes.append(contentsOf: publicKeyDigest)
            bytes.append(contentsOf: certificateDigest)
            bytes.append(UInt8(serial.count))
            bytes.append(contentsOf: serial)
            bytes.append(contentsOf: certificate)
        }

        /// Adds a device from its arrays.
        public mutating func append(_ device: LedgerDevice) throws(LedgerError) {
            var serial = device.serial
            let result = serial.withUTF8 { serial in
                device.certificateSerialNumber.withUnsafeBytes { number in
                    device.publicKeyDigest.withUnsafeBytes { key in
                        device.certificateDigest.withUnsafeBytes { digest in
                            device.certificate.withUnsafeBytes { certificate in
                                Result<Void, LedgerError> { () throws(LedgerError) in
                                    try append(
                                        serial: UnsafeRawBufferPointer(serial),
                                        certificateSerialNumber: number, publicKeyDigest: key,
                                        certificateDigest: digest, certificate: certificate)
                                }
                            }
                        }
                    }
                }
            }
            try result.get()
        }

        /// The chunk of what was added; the encoder begins anew.
        ///
        /// Throws `malformedChunk` where a serial was no UTF-8.
        public mutating func finish() throws(LedgerError) -> DeviceChunk {
            let count = UInt32(offsets.count).littleEndian
            bytes.withUnsafeMutableBytes { $0.storeBytes(of: count, toByteOffset: 4, as: UInt32.self) }
            let chunk = DeviceChunk(trusted: bytes, offsets: offsets)
            self = Encoder()
            let wrong = chunk.withDevices { devices in devices.firstIndex { !$0.isSerialText } }
            if let wrong {
                throw LedgerError(
                    .malformedChunk, "chunk", "the serial of device \(wrong) is not UTF-8")
            }
            return chunk
        }
    }

    /// The chunk of these devices, whatever their rows.
    public init(_ devices: [LedgerDevice]) throws(LedgerError) {
        var encoder = Encoder(capacity: devices.count)
        for device in devices { try encoder.append(device) }
        self = try encoder.finish()
    }
}
