import CanonicalJSON
import Certificates
import Crypto
import Foundation
import Sites
import TokenKeys

// Certificate revocation lists (RFC 5280 §5): each continues the one before it.
extension CeremonyRunner {
    func sign(_ request: CRLRequest) throws(CeremonyError) {
        let role = request.issuerRole.value.keyRole
        let (issuer, issuerDER) = try publishedKey(role, on: request.token.value)
        let previous = try concerning("crls") { try RevocationLists(site, role).latest() }
        func prepare(_ thisUpdate: Int64) throws(CeremonyError) -> LintedRevocationList {
            try concerning("revocation list \(request.number.value)") {
                try request.prepare(issuer: issuerDER, previous: previous, thisUpdate: thisUpdate)
            }
        }
        let effect = try intend("sign-crl") { () throws(CeremonyError) in
            let thisUpdate = Int64(Date().timeIntervalSince1970)
            let linted = try prepare(thisUpdate)
            var members: [String: JSONValue] = [
                "issuerKey": .string(issuer.label.description), "issuerCertificate": .base64(issuerDER),
                "number": .integer(request.number.value), "thisUpdate": .string(Self.time(thisUpdate)),
                "nextUpdate": .string(Self.time(request.nextUpdate(after: thisUpdate))),
                "revoked": .array(
                    request.revoked.map {
                        [
                            "certificateSerial": .string($0.serial.value),
                            "revokedAt": .string($0.date.value + "T00:00:00Z"),
                            "reason": .string($0.reason.value),
                        ]
                    }),
                "toBeSigned": .base64(linted.bytes),
                "toBeSignedDigest": .string(hexadecimal(SHA256.hash(data: linted.bytes))),
            ]
            if let previous { members["previousNumber"] = .integer(Int(previous.number)) }
            return members
        }
        if effect.observed != nil { return }
        guard
            let thisUpdate = effect.intent["thisUpdate"]?.text.flatMap({ try? Date($0, strategy: .iso8601) })
        else { throw CeremonyError(.transcriptInvalid, journal.path, "the intent to sign is malformed") }
        let linted = try prepare(Int64(thisUpdate.timeIntervalSince1970))
        let digest = hexadecimal(SHA256.hash(data: linted.bytes))
        guard effect.intent["toBeSigned"]?.octets == linted.bytes else {
            throw CeremonyError(
                .certificate, "revocation list \(request.number.value)",
                "the bytes to be signed are not those of the intent")
        }
        let signature: [UInt8]
        if let done = effect.effect?["signature"]?.octets {
            signature = done
        } else {
            signature = try concerning(issuer.label.description) { try issuer.signature(over: linted.bytes) }
            try noteEffect(
                "sign-crl", ["toBeSignedDigest": .string(digest), "signature": .base64(signature)],
                recovered: false)
        }
        let der = try concerning("revocation list \(request.number.value)") {
            let der = try linted.revocationList(signature: signature)
            let received = try ReceivedRevocationList(der: der)
            guard received.toBeSigned == linted.bytes else {
                throw CeremonyError(
                    .certificate, "revocation list", "the list is not what was linted and signed")
            }
            try verifyRevocationList(der: der, issuedBy: issuerDER)
            return der
        }
        let fingerprint = hexadecimal(SHA256.hash(data: der))
        show("Revocation list \(request.number.value): \(request.revoked.count) certificates")
        show("SHA-256 of the list: \(Self.inGroups(fingerprint))")
        try noteObserved(
            "sign-crl",
            [
                "crl": .base64(der), "crlDigest": .string(fingerprint), "toBeSignedDigest": .string(digest),
                "number": .integer(request.number.value), "verification": "verified by OpenSSL",
            ])
    }
}

extension CRLRequest {
    func nextUpdate(after thisUpdate: Int64) -> Int64 { thisUpdate + Int64(days.value) * 86_400 }

    /// The list's to-be-signed bytes, linted, continuing `previous`.
    func prepare(
        issuer: [UInt8], previous: ReceivedRevocationList?, thisUpdate: Int64
    ) throws(CertificatesError) -> LintedRevocationList {
        let entries = try revoked.map { (entry) throws(CertificatesError) in
            guard let reason = RevocationReason.named(entry.reason.value),
                let day = CRLRequest.day(entry.date.value)
            else {
                throw CertificatesError(
                    .values, subject: entry.serial.value,
                    "`\(entry.reason.value)` is no reason of RFC 5280 5.3.1")
            }
            return RevokedCertificate(
                serialNumber: hexadecimalOctets(entry.serial.value), revocationTime: day, reason: reason)
        }
        return try prepareRevocationList(
            CertificateRevocationList(
                issuer: issuer, number: UInt64(number.value), thisUpdate: thisUpdate,
                nextUpdate: nextUpdate(after: thisUpdate), entries: entries), previous: previous)
    }
}

extension RevocationReason {
    /// The reason of this name, as RFC 5280 §5.3.1 writes it.
    static func named(_ name: String) -> RevocationReason? { allCases.first { "\($0)" == name } }
}

/// The revocation lists that a site's ceremonies have published for one of its CAs.
struct RevocationLists {
    let folder: String
    let role: KeyRole

    init(_ site: Site, _ role: KeyRole) {
        folder = site.path("crls")
        self.role = role
    }

    /// The one with the highest number; nil before the first.
    func latest() throws(CertificatesError) -> ReceivedRevocationList? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let numbers = names.compactMap { name -> Int? in
            guard name.hasPrefix(role.rawValue + "-"), name.hasSuffix(".crl") else { return nil }
            return Int(name.dropFirst(role.rawValue.count + 1).dropLast(4))
        }
        guard let number = numbers.max() else { return nil }
        let path = folder + "/\(role.rawValue)-\(number).crl"
        return try ReceivedRevocationList(der: Array(FileManager.default.contents(atPath: path) ?? Data()))
    }
}
