import Certificates
import Crypto
import PKCS11
import RunLedger
import TokenKeys

/// Makes devices on one session: the hot path of a run.
///
/// A device costs seven calls of the module: generate, read the point, sign (two), wrap, destroy twice.
/// Nothing is searched, opened or asked for its size in between.
struct DeviceMaker: ~Copyable {
    private let session: Session
    private let plan: DeviceCertificatePlan
    private let issuerKey: Object
    private let issuerType: SigningKeyType
    private let signatureMechanism: Mechanism
    private let transportKey: TransportKey
    private let transportKeyName: String
    private let wrapMechanism: Mechanism
    private let verifiesAll: Bool
    private let publicTemplate: AttributeTemplate
    private let privateTemplate: AttributeTemplate
    private let signature: UnsafeMutableRawBufferPointer
    private let point: UnsafeMutableRawBufferPointer
    private let wrapped: UnsafeMutableRawBufferPointer

    /// Opens a session, makes its transport key, finds the issuing key and copies it where its policy allows that.
    init(
        _ setUp: WorkerSetUp, plan: DeviceCertificatePlan, issuerType: SigningKeyType, login: Login
    ) throws {
        let deviceType: SigningKeyType = plan.curve == .p256 ? .p256 : .p384
        // Session copies and device keys are session objects: a read-only session may make them.
        let session = try login.slot.openSession()
        let issuerObject = try session.findOne(
            // Copies of other sessions of this process have the same label.
            [.objectClass(.privateKey), Attribute(.token, true), Attribute(.label, setUp.issuerLabel)],
            setUp.issuerLabel)
        let issuerKey =
            setUp.sessionCopies ? try session.copy(issuerObject, [Attribute(.token, false)]) : issuerObject
        let transportKey = try TransportKey(
            for: TrustedStation(publicKeyInfo: setUp.station), in: session)
        // Nothing throws from here on: a value with a deinit is either whole or not made.
        self.session = session
        self.issuerKey = issuerKey
        self.issuerType = issuerType
        signatureMechanism = .plain(issuerType.signatureMechanism)
        self.transportKey = transportKey
        transportKeyName = TransportKey.name(of: transportKey.wrapped)
        self.plan = plan
        verifiesAll = setUp.verifiesAll
        wrapMechanism = .plain(MechanismType(rawValue: setUp.wrapMechanism))
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
        // RSA-4096 signs with 512 octets.
        signature = .allocate(byteCount: 1024, alignment: 8)
        point = .allocate(byteCount: 256, alignment: 8)
        wrapped = .allocate(byteCount: 1024, alignment: 8)
    }

    deinit {
        signature.deallocate()
        point.deallocate()
        wrapped.deallocate()
    }

    /// Makes every device of the chunk.
    ///
    /// The first device of each chunk is checked, or every one where the run is to verify all: its to-be-signed bytes
    /// against what the X.509 library builds, its signature with swift-crypto. A token that begins to sign wrongly is
    /// met within one chunk; verifying all would add a third to a device's time on a fast token.
    func make(_ chunk: WorkChunk) throws -> MadeChunk {
        var devices = DeviceChunk.Encoder(capacity: chunk.rows.count)
        var lines = PackageLines(
            transportKey: transportKeyName, reserving: chunk.rows.count * PackageLines.usualOctets)
        for (offset, row) in chunk.rows.enumerated() {
            try make(
                row, number: chunk.firstRow + offset, verifying: offset == 0 || verifiesAll, into: &devices,
                &lines)
        }
        return MadeChunk(
            firstRow: chunk.firstRow, transportKey: transportKey.wrapped, devices: try devices.finish(),
            package: lines.bytes)
    }

    private func make(
        _ row: WorkChunk.Row, number: Int, verifying: Bool, into devices: inout DeviceChunk.Encoder,
        _ lines: inout PackageLines
    ) throws {
        let pair = try session.generateKeyPair(
            .plain(.ecKeyPairGeneration), publicKey: publicTemplate, privateKey: privateTemplate)
        let publicPoint = try readPoint(pair.publicKey)
        let certificateRow = DeviceCertificateRow(
            serialNumber: row.certificateSerialNumber, point: publicPoint, values: row.values)
        let toBeSigned = try plan.toBeSigned(certificateRow)
        let raw = try sign(toBeSigned)
        let certificate = try plan.certificate(toBeSigned: toBeSigned, rawSignature: raw)
        if verifying { try verify(certificate, certificateRow) }
        let wrappedLength = try session.wrap(
            wrapMechanism, key: pair.privateKey, under: transportKey.object, into: wrapped)
        try session.destroy(pair.privateKey)
        try session.destroy(pair.publicKey)
        try devices.append(
            serial: row.serial, certificateSerialNumber: row.certificateSerialNumber.bytes,
            publicKeyDigest: SHA256.hash(data: try plan.subjectPublicKeyInfo(point: publicPoint)),
            certificateDigest: SHA256.hash(data: certificate), certificate: certificate)
        lines.append(
            row: number, serial: row.serial, certificate: certificate,
            wrappedKey: UnsafeRawBufferPointer(rebasing: wrapped[..<wrappedLength]))
    }

    private func readPoint(_ publicKey: Object) throws -> [UInt8] {
        let length = try session.read(.ecPoint, of: publicKey, into: point)
        let bytes = UnsafeRawBufferPointer(rebasing: point[..<length])
        // A DER OCTET STRING by the standard (PKCS#11 v2.40 §2.3.3); some modules give the bare point.
        let octets = plan.curve.pointOctets
        if bytes.count == octets + 2, bytes[0] == 0x04, Int(bytes[1]) == octets, bytes[2] == 0x04 {
            return Array(bytes[2...])
        }
        if bytes.count == octets, bytes[0] == 0x04 { return Array(bytes) }
        throw RunError(
            .protocolBroken, "token",
            "CKA_EC_POINT of \(bytes.count) octets is no point of \(plan.curve.rawValue)")
    }

    private func sign(_ toBeSigned: [UInt8]) throws -> [UInt8] {
        let input = issuerType.signatureInput(toBeSigned)
        let length = try input.withUnsafeBytes { bytes in
            try session.sign(signatureMechanism, key: issuerKey, bytes, into: signature)
        }
        return Array(signature[..<length])
    }

    private func verify(_ certificate: [UInt8], _ row: DeviceCertificateRow) throws {
        try plan.check(row)
        guard try ReceivedCertificate(der: certificate).isSigned(by: plan.issuerKey) else {
            throw TokenKeyError(
                .signatureInvalid, "issuing key", "the token's signature does not verify",
                hint: "Stop using this token until its maker has explained it.")
        }
    }
}

extension DeviceChunk.Encoder {
    /// Adds a device from the values in which it is made.
    fileprivate mutating func append(
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
