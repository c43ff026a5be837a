import Certificates
import PKCS11
import TokenKeys

/// What makes chunks of devices on a session of a worker.
protocol ChunkMaking: ~Copyable {
    func make(_ chunk: WorkChunk) throws -> MadeChunk
}

/// A session with the issuing key on it: signs certificates, whoever made the keys.
struct IssuingSession: ~Copyable {
    let session: Session
    let plan: DeviceCertificatePlan
    private let issuerKey: Object
    private let issuerType: SigningKeyType
    private let mechanism: Mechanism
    private let verifiesAll: Bool
    private let signature: UnsafeMutableRawBufferPointer

    /// Opens a session, finds the issuing key and copies it where its policy allows that.
    init(
        _ setUp: WorkerSetUp, plan: DeviceCertificatePlan, issuerType: SigningKeyType, login: Login
    ) throws {
        // Session copies and device keys are session objects: a read-only session may make them.
        let session = try login.slot.openSession()
        let issuerObject = try session.findOne(
            // Copies of other sessions of this process have the same label.
            [.objectClass(.privateKey), Attribute(.token, true), Attribute(.label, setUp.issuerLabel)],
            setUp.issuerLabel)
        issuerKey =
            setUp.sessionCopies ? try session.copy(issuerObject, [Attribute(.token, false)]) : issuerObject
        // Nothing throws from here on: a value with a deinit is either whole or not made.
        self.session = session
        self.plan = plan
        self.issuerType = issuerType
        verifiesAll = setUp.verifiesAll
        mechanism = .plain(issuerType.signatureMechanism)
        // RSA-4096 signs with 512 octets.
        signature = .allocate(byteCount: 1024, alignment: 8)
    }

    deinit { signature.deallocate() }

    /// The certificate of a row.
    ///
    /// The first of each chunk is verified: its to-be-signed bytes against what the X.509 library builds, its signature
    /// with swift-crypto. A token that begins to sign wrongly is met within one chunk. Every signature is verified where
    /// the run is to: that adds a third to a device's time on a fast token.
    func certificate(_ row: DeviceCertificateRow, isFirst: Bool) throws -> [UInt8] {
        let toBeSigned = try plan.toBeSigned(row)
        let input = issuerType.signatureInput(toBeSigned)
        let length = try input.withUnsafeBytes { bytes in
            try session.sign(mechanism, key: issuerKey, bytes, into: signature)
        }
        let certificate = try plan.certificate(
            toBeSigned: toBeSigned, rawSignature: Array(signature[..<length]))
        guard isFirst || verifiesAll else { return certificate }
        if isFirst { try plan.check(row) }
        guard try ReceivedCertificate(der: certificate).isSigned(by: plan.issuerKey) else {
            throw TokenKeyError(
                .signatureInvalid, "issuing key", "the token's signature does not verify",
                hint: "Stop using this token until its maker has explained it.")
        }
        return certificate
    }
}
