import Certificates
import PKCS11
import RunLedger
import RunTelemetry

/// What a worker needs to know before its first chunk.
struct WorkerSetUp {
    static let version: UInt32 = 2

    var module: String
    var tokenSerial: String
    var tokenLabel: String
    var issuerLabel: String
    var templateName: String
    var product: String
    /// The station's SubjectPublicKeyInfo, to which each session wraps its transport key; empty where devices made
    /// their keys, and each row brings a request.
    var station: [UInt8]
    var template: [UInt8]
    var issuerCertificate: [UInt8]
    var notBefore: Int64
    /// `CK_MECHANISM_TYPE` of RFC 5649 wrapping on this token; 0 where nothing is wrapped.
    var wrapMechanism: UInt
    var rehearsal: Bool
    /// Whether the issuing key may be copied to session objects inside the token.
    var sessionCopies: Bool
    /// The devices' curve, by its name.
    var curve: String
    /// Sessions, each on a thread of its own.
    var sessions: Int
    /// Whether every certificate's signature is verified, and not the first of each chunk alone.
    var verifiesAll: Bool
    var delivery: DeliverySetUp

    func frame(pin: PIN) -> Frame {
        // Room for all of it: memory that grew would leave copies of the PIN behind.
        var fields = FieldWriter(
            capacity: 4096 + station.count + template.count + issuerCertificate.count
                + delivery.messageOctets)
        fields.put(WorkerSetUp.version)
        for text in [
            module, tokenSerial, tokenLabel, issuerLabel, templateName, product,
        ] {
            fields.put(text)
        }
        fields.put(station)
        fields.put(template)
        fields.put(issuerCertificate)
        fields.put(notBefore)
        fields.put(Int64(wrapMechanism))
        fields.put(rehearsal)
        fields.put(sessionCopies)
        fields.put(curve)
        fields.put(UInt32(sessions))
        fields.put(verifiesAll)
        // Passphrase and PIN cross the socket pair alone: no argument, no environment, no file.
        delivery.put(to: &fields)
        pin.withBytes { start, count in
            fields.put(UnsafeBufferPointer(start: start, count: Int(count)))
        }
        defer { fields.wipe() }
        return Frame(kind: .setUp, payload: fields.bytes)
    }

    static func parse(_ frame: Frame) throws -> (WorkerSetUp, PIN) {
        var fields = FieldReader(frame.payload)
        let version = try fields.uint32()
        guard version == WorkerSetUp.version else {
            throw RunError(
                .protocolBroken, "worker", "protocol version \(version), not \(WorkerSetUp.version)")
        }
        let setUp = WorkerSetUp(
            module: try fields.text(), tokenSerial: try fields.text(), tokenLabel: try fields.text(),
            issuerLabel: try fields.text(), templateName: try fields.text(), product: try fields.text(),
            station: try fields.block(), template: try fields.block(),
            issuerCertificate: try fields.block(), notBefore: try fields.int64(),
            wrapMechanism: UInt(try fields.int64()), rehearsal: try fields.flag(),
            sessionCopies: try fields.flag(), curve: try fields.text(), sessions: Int(try fields.uint32()),
            verifiesAll: try fields.flag(), delivery: try DeliverySetUp(from: &fields))
        var pin = try fields.block()
        return (setUp, PIN(consuming: &pin))
    }
}

/// Rows for a worker, each with the certificate serial number reserved for it.
struct WorkChunk {
    struct Row {
        var certificateSerialNumber: CertificateSerialNumber
        /// The values of the plan's columns, in their order; the first is the device's serial. Where devices get
        /// registration secrets, the registration id is behind them.
        var values: [String]
        /// The certification request as the list gives it; empty where the token makes the key.
        var request: [UInt8] = []

        var serial: String { values[0] }
    }

    /// The first row's index in the manifest's list, which names the chunk.
    var firstRow: Int
    var rows: [Row]

    func frame(columns: Int) -> Frame {
        var fields = FieldWriter()
        fields.put(UInt32(firstRow))
        fields.put(UInt32(rows.count))
        fields.put(UInt32(columns))
        for row in rows {
            fields.putRaw(row.certificateSerialNumber.bytes)
            for value in row.values { fields.put(value) }
            fields.put(row.request)
        }
        return Frame(kind: .chunk, payload: fields.bytes)
    }

    static func parse(_ frame: Frame) throws(RunError) -> WorkChunk {
        var fields = FieldReader(frame.payload)
        var chunk = WorkChunk(firstRow: Int(try fields.uint32()), rows: [])
        let count = Int(try fields.uint32())
        let columns = Int(try fields.uint32())
        chunk.rows.reserveCapacity(count)
        for _ in 0..<count {
            guard let serialNumber = try? CertificateSerialNumber(bytes: try fields.raw(20)) else {
                throw RunError(.protocolBroken, "worker", "no certificate serial number")
            }
            var values: [String] = []
            values.reserveCapacity(columns)
            for _ in 0..<columns { values.append(try fields.text()) }
            chunk.rows.append(
                Row(certificateSerialNumber: serialNumber, values: values, request: try fields.block()))
        }
        return chunk
    }
}

/// What a worker made of a chunk, in the forms in which it is stored and shown: the run copies it, and builds nothing.
struct MadeChunk {
    var firstRow: Int
    /// The transport key under which the devices' keys are wrapped, itself wrapped to the station; empty where
    /// devices made their keys.
    var transportKey: [UInt8]
    /// For the ledger and the log.
    var devices: DeviceChunk
    /// For the station: a line a device.
    var package: [UInt8]
    /// How long each device took in the token.
    var latency: LatencyHistogram

    var frame: Frame {
        var fields = FieldWriter(
            capacity: 1024 + transportKey.count + devices.bytes.count + package.count)
        fields.put(UInt32(firstRow))
        fields.put(transportKey)
        fields.put(devices.bytes)
        fields.put(package)
        fields.put(latency.octets)
        return Frame(kind: .made, payload: fields.bytes)
    }

    static func parse(_ frame: Frame) throws -> MadeChunk {
        var fields = FieldReader(frame.payload)
        let (firstRow, transportKey) = (Int(try fields.uint32()), try fields.block())
        let (devices, package) = (try DeviceChunk(try fields.block()), try fields.block())
        guard let latency = LatencyHistogram(octets: try fields.block()) else {
            throw RunError(.protocolBroken, "worker", "its times do not parse")
        }
        let chunk = MadeChunk(
            firstRow: firstRow, transportKey: transportKey, devices: devices, package: package,
            latency: latency)
        guard fields.isAtEnd else { throw RunError(.protocolBroken, "worker", "a message is too long") }
        return chunk
    }

    /// Whether these are the devices that were asked for: what a worker answers goes into the books under the
    /// reservation's serial numbers, or not at all.
    func answers(_ chunk: WorkChunk) -> Bool {
        guard devices.count == chunk.rows.count else { return false }
        return devices.withDevices { devices in
            zip(devices, chunk.rows).allSatisfy { device, row in
                device.certificateSerialNumber.elementsEqual(row.certificateSerialNumber.bytes)
                    && device.serial.elementsEqual(row.serial.utf8)
            }
        }
    }
}
