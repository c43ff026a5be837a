import Certificates
import Foundation
import Glibc
import Manifests
import RunLedger
import SignedStatements
import Sites
import TokenKeys

/// A run checked whole, every row of it; no token has been touched.
public struct RunPlan: Sendable {
    public let site: Site
    public let manifest: RunManifest
    public let rows: CheckedManifest
    public let template: CertificateTemplate
    public let issuer: PublishedKey
    public let issuerCertificate: ReceivedCertificate
    let issuerKeyIdentifier: [UInt8]
    /// Where the private keys go; nil where devices made them.
    let station: TrustedStation?
    let registration: RegistrationPlan?

    /// Checks the manifest at `path` with its rows, template, issuer and station; a ``ManifestError`` carries every fault.
    ///
    /// With a ledger, serials that an earlier run released are faults too, but for those of the run `resuming`. What is
    /// wrong with the site, and not with the manifest, is thrown when the manifest has no fault. For keys that devices
    /// made, every certification request is judged, its proof of possession with it unless the run is resumed;
    /// `progress` is told how many rows of how many were read.
    public init(
        site: Site, manifest path: String, ledger: (any Ledger)?, resuming: String? = nil,
        progress: @escaping (Int, Int) -> Void = { _, _ in }
    ) throws {
        var check = try ManifestCheck(path: path)
        if resuming == nil, let run = check.run, try ledger?.run(run) != nil {
            throw LedgerError(
                .runExists, run, "a run of this name was started before",
                hint: "`rootline run status \(run)` shows it, `rootline run resume \(run)` goes on with an "
                    + "open one.")
        }
        let template = RunPlan.template(&check, site: site)
        let issuer = RunPlan.issuer(&check, site: site)
        let station = RunPlan.station(&check)
        // Lints the template on a throwaway key, for this issuer and product.
        let certificates = RunPlan.certificates(&check, template, issuer: try? issuer.get(), site: site)
        RunPlan.checkDelivery(&check, template)
        let group = try RunPlan.registrationGroup(
            &check, template, issuer: (try? issuer.get())?.key, site: site)

        var ledgerFailure: (any Error)?
        func asked<Key>(_ question: () throws -> [Key: String]) -> [Key: String] {
            guard ledgerFailure == nil else { return [:] }
            do {
                return try question()
            } catch {
                ledgerFailure = error
                return [:]
            }
        }
        var releasedBy: (([String]) -> [String: String])?
        var certifiedBy: (([[UInt8]]) -> [[UInt8]: String])?
        if let ledger, resuming == nil {
            if let product = check.product {
                releasedBy = { serials in asked { try ledger.known(serials, product: product) } }
            }
            certifiedBy = { digests in asked { try ledger.certified(publicKeyDigests: digests) } }
        }
        let quantity = check.quantity ?? 0
        var requests: RequestChecks?
        if check.keyOrigin == .device, let keyType = check.keyType {
            requests = RequestChecks(
                curve: RunPlan.curve(keyType), provesPossession: resuming == nil, certifiedBy: certifiedBy)
        }
        let rows = try check.checkRows(
            requiredColumns: template?.columns ?? [],
            rowCheck: certificates.map(RunPlan.rowCheck) ?? { _ in [] },
            releasedBy: releasedBy, requests: requests, progress: { progress($0, max($0, quantity)) })
        if let ledgerFailure { throw ledgerFailure }
        (self.issuer, issuerCertificate) = try issuer.get()
        guard let template, let certificates, (station != nil) == (rows.manifest.keyOrigin == .token) else {
            throw ManifestError(.invalid, subject: path, message: "the manifest is incomplete")
        }
        issuerKeyIdentifier = certificates.authorityKeyIdentifier
        self.site = site
        manifest = rows.manifest
        self.rows = rows
        self.template = template
        self.station = station
        registration = group.flatMap { group in
            rows.manifest.registration.flatMap {
                RegistrationIDs($0.id, columns: rows.columns, product: rows.manifest.product)
            }.flatMap { ids in
                KeyLabel(group.label).map { RegistrationPlan(label: $0, record: group, ids: ids) }
            }
        }
        guard (registration == nil) == (rows.manifest.registration == nil) else {
            throw ManifestError(.invalid, subject: path, message: "the manifest is incomplete")
        }
    }

    private static func rowCheck(
        _ certificates: DeviceCertificatePlan
    ) -> ([String]) -> [RowValueFault] {
        { values in
            certificates.faults(values: values).map {
                RowValueFault(column: $0.column, message: $0.message)
            }
        }
    }

    /// What an authorisation of this run must say.
    public var facts: AuthorisationStatement.Facts {
        AuthorisationStatement.Facts(
            rehearsal: site.isRehearsal, run: manifest.run, product: manifest.product,
            manifestDigest: rows.digest, templateDigest: template.digest,
            issuerDigest: issuerCertificate.subjectPublicKeyInfoDigest, stationDigest: station?.digest,
            quantity: manifest.quantity, origin: site.origin)
    }

    /// The certificates of the run, from `notBefore` (seconds UTC) on.
    func certificates(notBefore: Int64) throws -> DeviceCertificatePlan {
        try DeviceCertificatePlan(
            template: template, issuer: issuerCertificate.der,
            notBefore: Date(timeIntervalSince1970: TimeInterval(notBefore)), product: manifest.product,
            rehearsal: site.isRehearsal, curve: RunPlan.curve(manifest.keyType))
    }

    /// The manifest's template; nil where it is at fault.
    private static func template(_ check: inout ManifestCheck, site: Site) -> CertificateTemplate? {
        guard let name = check.template else { return nil }
        let path: String
        if name.contains("/") {
            path =
                URL(fileURLWithPath: check.file).deletingLastPathComponent()
                .appendingPathComponent(name).path
        } else {
            path = site.templates + "/\(name).yaml"
        }
        guard FileManager.default.fileExists(atPath: path) else {
            let known = ((try? FileManager.default.contentsOfDirectory(atPath: site.templates)) ?? [])
                .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
            check.add(
                "template", code: "template.missing",
                message: "there is no template \(name); the site has: \(known.joined(separator: ", "))")
            return nil
        }
        do {
            return try CertificateTemplate.load(path: path)
        } catch {
            add(error, &check)
            return nil
        }
    }

    /// The manifest's issuer; a failure where it is at fault, or where the site is not ready for it.
    private static func issuer(
        _ check: inout ManifestCheck, site: Site
    ) -> Result<(key: PublishedKey, certificate: ReceivedCertificate), any Error> {
        if let name = check.issuer, name != KeyRole.issuingCA.rawValue {
            check.add(
                "issuer", code: "issuer.unknown",
                message: "the site knows no issuer \(name); write issuing-ca, the one its ceremony made")
        }
        return Result {
            // Without its people's roster a live site's keys are nobody's.
            guard site.isRehearsal || site.description.roster != nil else {
                throw RunError(
                    .siteNotReady, site.folder, "the site has no pinned roster",
                    hint: "Perform the custodian-enrolment ceremony, or put `roster` back into site.yaml.")
            }
            let key = try site.publishedKey(.issuingCA)
            let certificate = try ReceivedCertificate(der: key.certificate)
            guard certificate.isRehearsal == site.isRehearsal else {
                throw RunError(
                    .siteNotReady, key.label.description, "a rehearsal's issuer and a live site do not mix")
            }
            return (key, certificate)
        }
    }

    /// The station's key; nil where it is at fault.
    private static func station(_ check: inout ManifestCheck) -> TrustedStation? {
        guard let station = check.station else { return nil }
        do {
            return try TrustedStation(publicKeyInfo: station.subjectPublicKeyInfo)
        } catch {
            check.add("station", code: "station.key", message: error.message)
            return nil
        }
    }

    /// The run's certificates, for the checks of rows; nil where manifest, template or site keep them from being made.
    private static func certificates(
        _ check: inout ManifestCheck, _ template: CertificateTemplate?,
        issuer: (key: PublishedKey, certificate: ReceivedCertificate)?, site: Site
    ) -> DeviceCertificatePlan? {
        guard let template, let issuer, let product = check.product, let keyType = check.keyType else {
            return nil
        }
        do {
            return try DeviceCertificatePlan(
                template: template, issuer: issuer.certificate.der, notBefore: Date(), product: product,
                rehearsal: site.isRehearsal, curve: curve(keyType))
        } catch {
            add(error, &check)
            return nil
        }
    }

    /// Adds what is wrong with a template: its faults at their lines, and what shows only with this manifest there.
    private static func add(_ error: CertificatesError, _ check: inout ManifestCheck) {
        for fault in error.faults {
            check.add(
                ManifestFault(
                    file: fault.file, line: fault.line, column: fault.column, field: fault.field,
                    code: fault.code, message: fault.message))
        }
        guard error.faults.isEmpty else { return }
        // The one value that a template takes from the manifest is the product.
        let field = error.code == .value ? "product" : "template"
        let findings = error.findings.map { "; \($0)" }.joined()
        check.add(
            field, code: error.code.rawValue, message: "\(error.subject): \(error.message)\(findings)")
    }

    private static func curve(_ keyType: RunManifest.KeyType) -> EllipticCurve {
        switch keyType {
        case .ecP256: .p256
        case .ecP384: .p384
        }
    }

    /// Throws where the site's disk cannot hold what the run will write.
    func requireSpace() throws(RunError) {
        var information = statvfs()
        guard statvfs(site.folder, &information) == 0 else {
            throw RunError(.io, site.folder, String(cString: strerror(errno)))
        }
        let free = Int(information.f_bavail) * Int(information.f_frsize)
        // Measured: package line, ledger row with its indexes and write-ahead log, log entry and index record.
        let perDevice = RunPlan.bytesPerDevice + signatureBytes + deliveryBytes
        let needed = perDevice * manifest.quantity + (8 << 20)
        guard free >= needed else {
            throw RunError(
                .diskFull, site.folder,
                "the run will write about \(needed >> 20) MiB and \(free >> 20) MiB are free",
                hint: "Free some space; nothing was begun.")
        }
    }

    private static let bytesPerDevice = 4096

    /// What an RSA signature takes beyond that, up to 440 octets more than an EC one: in base64 in the package, and in
    /// the ledger's row and its write-ahead log.
    private var signatureBytes: Int {
        guard let key = try? issuerCertificate.publicKey(), case .rsa(let key) = key else { return 0 }
        return 4 * key.signatureOctets
    }
}
