import Certificates
import Crypto
import Manifests

extension RequestChecks {
    /// What a run asks of certification requests: form, a key on the manifest's curve, the row's serial where the
    /// subject has a serialNumber, and proof of possession.
    ///
    /// - Parameters:
    ///   - provesPossession: false for a run that is taken up again. Its start has verified every proof, and wrote the
    ///     digest down that manifest and requests are held against.
    ///   - certifiedBy: which of some public keys, by the SHA-256 of their subjectPublicKeyInfo, an earlier run has
    ///     certified; nil asks nothing.
    init(
        curve: EllipticCurve, provesPossession: Bool,
        certifiedBy: (([[UInt8]]) -> [[UInt8]: String])? = nil
    ) {
        self.init(
            verdict: { row in
                do throws(CertificatesError) {
                    let request = try CertificateRequest(der: CertificateRequestText.der(row.request))
                    if let fault = RequestChecks.fault(request, curve, serial: row.serial) { return fault }
                    guard !provesPossession || request.isProven() else {
                        return .fault(
                            code: "request.proof-of-possession",
                            message:
                                "its signature does not verify with its own key: whoever made the request "
                                + "does not hold the private key, or the request was changed")
                    }
                    return .sound(
                        key: request.point, otherName: request.commonNames.first { $0 != row.serial })
                } catch {
                    return .fault(code: error.code.rawValue, message: error.message)
                }
            },
            key: { octets in
                guard let der = try? CertificateRequestText.der(octets) else { return nil }
                return (try? CertificateRequest(der: der))?.point
            },
            certifiedBy: certifiedBy.map { certifiedBy in
                { points in
                    let digests = points.map { point in
                        Array(SHA256.hash(data: (try? curve.subjectPublicKeyInfo(point: point)) ?? []))
                    }
                    let known = certifiedBy(digests)
                    guard !known.isEmpty else { return [:] }
                    var runs: [[UInt8]: String] = [:]
                    for (point, digest) in zip(points, digests) { runs[point] = known[digest] }
                    return runs
                }
            })
    }

    private static func fault(
        _ request: CertificateRequest, _ curve: EllipticCurve, serial: String
    ) -> Verdict? {
        guard request.curve == curve else {
            return .fault(
                code: CertificatesError.Code.requestKey.rawValue,
                message: "its key is on \(request.curve.rawValue), and the manifest's keyType on "
                    + curve.rawValue)
        }
        // A common name may be a model's; a serialNumber (X.520) is a device's own.
        guard let other = request.serialNumbers.first(where: { $0 != serial }) else { return nil }
        return .fault(
            code: "request.serial",
            message: "its subject has the serialNumber \(other.debugDescription), and the row's serial is "
                + "\(serial): requests and rows are mixed up")
    }
}
