import Certificates
import Crypto
import PKCS11
import RunLedger
import RunTelemetry
import TokenKeys

/// Certifies the keys that devices made, on one session: the hot path of a run with certification requests.
///
/// Proof of possession is not verified again: every request was judged before the run began, and the octets that come
/// here are those that were judged, by the digest of their stretch of the list.
struct RequestMaker: ~Copyable, ChunkMaking {
    private let issuing: IssuingSession

    init(
        _ setUp: WorkerSetUp, plan: DeviceCertificatePlan, issuerType: SigningKeyType, login: Login
    ) throws {
        issuing = try IssuingSession(setUp, plan: plan, issuerType: issuerType, login: login)
    }

    func make(_ chunk: WorkChunk) throws -> MadeChunk {
        var devices = DeviceChunk.Encoder(capacity: chunk.rows.count)
        var lines = PackageLines(reserving: chunk.rows.count * PackageLines.usualOctets)
        var latency = LatencyHistogram()
        for (offset, row) in chunk.rows.enumerated() {
            let request = try CertificateRequest(der: CertificateRequestText.der(row.request))
            guard request.curve == issuing.plan.curve else {
                throw RunError(.protocolBroken, "worker", "a request on another curve than the run's")
            }
            let point = request.point
            let begun = ContinuousClock.now
            let certificate = try issuing.certificate(
                DeviceCertificateRow(
                    serialNumber: row.certificateSerialNumber, point: point, values: row.values),
                isFirst: offset == 0)
            latency.record(begun.duration(to: .now))
            try devices.append(
                serial: row.serial, certificateSerialNumber: row.certificateSerialNumber.bytes,
                publicKeyDigest: SHA256.hash(data: try issuing.plan.subjectPublicKeyInfo(point: point)),
                certificateDigest: SHA256.hash(data: certificate), certificate: certificate)
            lines.append(row: chunk.firstRow + offset, serial: row.serial, certificate: certificate)
        }
        return MadeChunk(
            firstRow: chunk.firstRow, transportKey: [], devices: try devices.finish(), package: lines.bytes,
            latency: latency)
    }
}
