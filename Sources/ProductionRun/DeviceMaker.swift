import Certificates
import Crypto
import PKCS11
import RunLedger
import RunTelemetry
import TokenKeys

/// Makes devices on one session: the hot path of a run.
///
/// A device costs seven calls of the module: generate, read the point, sign (two), wrap, destroy twice.
/// Nothing is searched, opened or asked for its size in between.
struct DeviceMaker: ~Copyable, ChunkMaking {
    private let issuing: IssuingSession
    private let delivery: DeviceDelivery
    private let transportKeyName: String
    private let publicTemplate: AttributeTemplate
    private let privateTemplate: AttributeTemplate
    private let point: UnsafeMutableRawBufferPointer

    /// Opens a session with the issuing key and makes its transport key.
    init(
        _ setUp: WorkerSetUp, plan: DeviceCertificatePlan, issuerType: SigningKeyType, login: Login
    ) throws {
        let deviceType: SigningKeyType = plan.curve == .p256 ? .p256 : .p384
        let issuing = try IssuingSession(setUp, plan: plan, issuerType: issuerType, login: login)
        let delivery = try DeviceDelivery(setUp, in: issuing.session)
        // Nothing throws from here on: a value with a deinit is either whole or not made.
        self.issuing = issuing
        self.delivery = delivery
        transportKeyName = TransportKey.name(of: delivery.transportKey.wrapped)
        publicTemplate = AttributeTemplate(
            [
                Attribute(.token, false), Attribute(.isPrivate, false), Attribute(.verify, true),
                Attribute(.verifyRecover, false), Attribute(.encrypt, false), Attribute(.wrap, false),
                Attribute(.derive, false),
            ] + deviceType.generationAttributes)
        privateTemplate = AttributeTemplate([
            Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.sensitive, true),
            Attribute(.extractable, true), Attribute(.sign, true), Attribute(.signRecover, false),
            Attribute(.decrypt, false), Attribute(.unwrap, false), Attribute(.derive, false),
        ])
        point = .allocate(byteCount: 256, alignment: 8)
    }

    deinit {
        point.deallocate()
    }

    /// Makes every device of the chunk.
    func make(_ chunk: WorkChunk) throws -> MadeChunk {
        var devices = DeviceChunk.Encoder(capacity: chunk.rows.count)
        var lines = PackageLines(
            transportKey: transportKeyName, reserving: chunk.rows.count * PackageLines.usualOctets)
        var latency = LatencyHistogram()
        for (offset, row) in chunk.rows.enumerated() {
            let time = try make(
                row, number: chunk.firstRow + offset, isFirst: offset == 0, into: &devices, &lines)
            latency.record(time)
        }
        return MadeChunk(
            firstRow: chunk.firstRow, transportKey: delivery.transportKey.wrapped,
            devices: try devices.finish(), package: lines.bytes, latency: latency)
    }

    /// Makes one device; answers how long it took from its key's generation until the token has nothing left of it.
    private func make(
        _ row: WorkChunk.Row, number: Int, isFirst: Bool, into devices: inout DeviceChunk.Encoder,
        _ lines: inout PackageLines
    ) throws -> Duration {
        let begun = ContinuousClock.now
        let pair = try issuing.session.generateKeyPair(
            .plain(.ecKeyPairGeneration), publicKey: publicTemplate, privateKey: privateTemplate)
        let publicPoint = try readPoint(pair.publicKey)
        let certificateRow = DeviceCertificateRow(
            serialNumber: row.certificateSerialNumber, point: publicPoint,
            values: delivery.certificateValues(row))
        let certificate = try issuing.certificate(certificateRow, isFirst: isFirst)
        try delivery.deliver(
            pair.privateKey, of: row, number: number, certificate: certificate, in: issuing.session,
            to: &lines)
        try issuing.session.destroy(pair.privateKey)
        try issuing.session.destroy(pair.publicKey)
        let ended = ContinuousClock.now
        try devices.append(
            serial: row.serial, certificateSerialNumber: row.certificateSerialNumber.bytes,
            publicKeyDigest: SHA256.hash(data: try issuing.plan.subjectPublicKeyInfo(point: publicPoint)),
            certificateDigest: SHA256.hash(data: certificate), certificate: certificate)
        return begun.duration(to: ended)
    }

    private func readPoint(_ publicKey: Object) throws -> [UInt8] {
        let length = try issuing.session.read(.ecPoint, of: publicKey, into: point)
        let bytes = UnsafeRawBufferPointer(rebasing: point[..<length])
        // A DER OCTET STRING by the standard (PKCS#11 v2.40 §2.3.3); some modules give the bare point.
        let octets = issuing.plan.curve.pointOctets
        if bytes.count == octets + 2, bytes[0] == 0x04, Int(bytes[1]) == octets, bytes[2] == 0x04 {
            return Array(bytes[2...])
        }
        if bytes.count == octets, bytes[0] == 0x04 { return Array(bytes) }
        throw RunError(
            .protocolBroken, "token",
            "CKA_EC_POINT of \(bytes.count) octets is no point of \(issuing.plan.curve.rawValue)")
    }
}

extension DeviceChunk.Encoder {
    /// Adds a device from the values in which it is made.
    mutating func append(
        serial: String, certificateSerialNumber: [UInt8], publicKeyDigest: SHA256.Digest,
        certificateDigest: SHA256.Digest, certificate: [UInt8]
    ) throws {
        var serial = serial
        try serial.withUTF8 { serial in
            try certificateSerialNumber.withUnsafeBytes { number in
                try publicKeyDigest.withUnsafeBytes { key in
                    try certificateDigest.withUnsafeBytes { digest in
                        try certificate.withUnsafeBytes { certificate in
                            try append(
                                serial: UnsafeRawBufferPointer(serial), certificateSerialNumber: number,
                                publicKeyDigest: key, certificateDigest: digest, certificate: certificate)
                        }
                    }
                }
            }
        }
    }
}
