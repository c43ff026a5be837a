import Certificates
import Foundation
import Glibc
import Manifests
import RunLedger
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
    let station: TrustedStation

    /// Checks the manifest at `path`, its rows, template and issuer.
    ///
    /// With a ledger, serials that an earlier run released are faults too, but for those of the run `resuming`.
    public init(
        site: Site, manifest path: String, ledger: (any Ledger)?, resuming: String? = nil
    ) throws {
        let manifest = try RunManifest.load(path: path)
        if resuming == nil, try ledger?.run(manifest.run) != nil {
            throw LedgerError(
                .runExists, manifest.run, "a run of this name was started before",
                hint:
                    "`rootline run status \(manifest.run)` shows it; an open one goes on with `rootline run resume \(manifest.run)`."
            )
        }
        let template = try RunPlan.template(of: manifest, site: site)
        issuer = try RunPlan.issuer(of: manifest, site: site)
        issuerCertificate = try ReceivedCertificate(der: issuer.certificate)
        guard issuerCertificate.isRehearsal == site.isRehearsal else {
            throw RunError(
                .siteNotReady, issuer.label.description, "a rehearsal's issuer and a live site do not mix")
        }
        // Lints the template on a throwaway key, for this issuer and product.
        let certificates = try RunPlan.certificates(
            template, manifest: manifest, issuer: issuerCertificate, rehearsal: site.isRehearsal,
            notBefore: Int64(Date().timeIntervalSince1970))
        issuerKeyIdentifier = certificates.authorityKeyIdentifier
        let rows = try manifest.checkRows(requiredColumns: certificates.columns) { values in
            certificates.faults(values: values).map {
                RowValueFault(column: $0.column, message: $0.message)
            }
        }
        if resuming == nil { try RunPlan.refuseKnown(rows, ledger: ledger) }
        self.site = site
        self.manifest = manifest
        self.rows = rows
        self.template = template
        station = try TrustedStation(publicKeyInfo: manifest.station.subjectPublicKeyInfo)
    }

    /// What an authorisation of this run must say.
    public var facts: AuthorisationStatement.Facts {
        AuthorisationStatement.Facts(
            rehearsal: site.isRehearsal, run: manifest.run, product: manifest.product,
            manifestDigest: rows.digest, templateDigest: template.digest,
            issuerDigest: issuerCertificate.subjectPublicKeyInfoDigest, stationDigest: station.digest,
            quantity: manifest.quantity, origin: site.origin)
    }

    /// The certificates of the run, from `notBefore` (seconds UTC) on.
    func certificates(notBefore: Int64) throws -> DeviceCertificatePlan {
        try RunPlan.certificates(
            template, manifest: manifest, issuer: issuerCertificate, rehearsal: site.isRehearsal,
            notBefore: notBefore)
    }

    private static func certificates(
        _ template: CertificateTemplate, manifest: RunManifest, issuer: ReceivedCertificate, rehearsal: Bool,
        notBefore: Int64
    ) throws -> DeviceCertificatePlan {
        try DeviceCertificatePlan(
            template: template, issuer: issuer.der,
            notBefore: Date(timeIntervalSince1970: TimeInterval(notBefore)), product: manifest.product,
            rehearsal: rehearsal, curve: manifest.keyType == .ecP256 ? .p256 : .p384)
    }

    private static func template(of manifest: RunManifest, site: Site) throws -> CertificateTemplate {
        let name = manifest.template
        let path: String
        if name.contains("/") {
            path =
                URL(fileURLWithPath: manifest.file).deletingLastPathComponent()
                .appendingPathComponent(name).path
        } else {
            path = site.templates + "/\(name).yaml"
        }
        guard FileManager.default.fileExists(atPath: path) else {
            let known = ((try? FileManager.default.contentsOfDirectory(atPath: site.templates)) ?? [])
                .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
            throw ManifestError(
                .invalid, subject: manifest.file, message: "the manifest has a fault",
                hint: "The site has: \(known.joined(separator: ", ")).",
                faults: [
                    manifest.fault(
                        "template", code: "template.missing", message: "there is no template \(name)")
                ])
        }
        return try CertificateTemplate.load(path: path)
    }

    private static func issuer(of manifest: RunManifest, site: Site) throws -> PublishedKey {
        guard manifest.issuer == KeyRole.issuingCA.rawValue else {
            throw ManifestError(
                .invalid, subject: manifest.file, message: "the manifest has a fault",
                hint: "Write `issuer: issuing-ca`: the issuing CA that this site's ceremony made.",
                faults: [
                    manifest.fault(
                        "issuer", code: "issuer.unknown",
                        message: "the site knows no issuer \(manifest.issuer)")
                ])
        }
        return try site.publishedKey(.issuingCA)
    }

    /// Throws where an earlier run has released any of the serials for the same product.
    private static func refuseKnown(_ rows: CheckedManifest, ledger: (any Ledger)?) throws {
        guard let ledger else { return }
        let reader = try rows.rows()
        var faults: [ManifestFault] = []
        var count = 0
        let manifest = rows.manifest
        while true {
            let batch = try reader.next(500)
            if batch.isEmpty { break }
            let known = try ledger.known(batch.map(\.serial), product: manifest.product)
            for row in batch {
                guard let run = known[row.serial] else { continue }
                count += 1
                if faults.count < ManifestError.keptFaults {
                    faults.append(
                        ManifestFault(
                            file: rows.listName, line: row.line, column: 1, field: "serial",
                            code: "serial.known",
                            message: "\(row.serial) was released by run \(run)"))
                }
            }
        }
        guard count > 0 else { return }
        throw ManifestError(
            .invalid, subject: manifest.file,
            message: count == 1 ? "the manifest has a fault" : "the manifest has \(count) faults",
            hint: "A device is made once: take the serials out of the list.", faults: faults,
            faultCount: count)
    }

    /// Throws where the site's disk cannot hold what the run will write.
    func requireSpace() throws(RunError) {
        var information = statvfs()
        guard statvfs(site.folder, &information) == 0 else {
            throw RunError(.io, site.folder, String(cString: strerror(errno)))
        }
        let free = Int(information.f_bavail) * Int(information.f_frsize)
        // Measured: package line, ledger row with its indexes and write-ahead log, log entry and index record.
        let needed = RunPlan.bytesPerDevice * manifest.quantity + (8 << 20)
        guard free >= needed else {
            throw RunError(
                .diskFull, site.folder,
                "the run will write about \(needed >> 20) MiB and \(free >> 20) MiB are free",
                hint: "Free some space; nothing was begun.")
        }
    }

    static let bytesPerDevice = 4096
}

extension CheckedManifest {
    /// The device list's name for messages.
    var listName: String {
        switch manifest.devices {
        case .csv(let path), .jsonLines(let path): return path
        case .range: return manifest.file
        }
    }
}
