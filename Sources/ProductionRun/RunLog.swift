import Allowlist
import AllowlistPublication
import Approvals
import Certificates
import Foundation
import Manifests
import Rosters
import RunLedger
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

/// A run's entries in the log: opened before its first signature, a device each, sealed at its end.
struct RunLog {
    let site: Site
    let keys: LineKeys
    let plan: RunPlan
    let token: OpenToken
    let writer: BundleWriter

    /// Puts `open-run` into a signed checkpoint; does nothing where an interrupted start has done it.
    func publishOpening(_ record: RunRecord, authorisation: [UInt8]) throws {
        guard writer.size <= record.run.openIndex else { return }
        guard writer.size == record.run.openIndex else {
            throw RunError(
                .inconsistent, record.run.id, "the log is shorter than when the run was begun",
                hint: "Log or ledger was restored from an older copy. Find out why before anything else.")
        }
        let run = record.run
        try writer.append(
            .openRun(
                .init(
                    run: run.id, product: run.product, authorisation: try digest(run.authorisationDigest),
                    quantity: UInt64(run.quantity), spoilage: UInt64(run.spoilage),
                    template: try digest(run.templateDigest), issuerKeyID: plan.issuerKeyIdentifier,
                    station: try plan.station.map { try digest($0.digest) }, openedAt: UInt64(run.openedAt),
                    isRehearsal: site.isRehearsal)))
        try publish(
            extraFiles: [
                .authorisation(authorisation),
                ExtraFile(path: "issuers.pem", bytes: try Issuers.pem(in: site.certificates)),
                ExtraFile(path: "signers.pem", bytes: try Signers.certificates(of: site)),
            ] + RunLog.rosterFiles(of: try Approvers(site)))
    }

    /// Whether the published log has the run's seal; other runs may have been published after its opening.
    func isSealPublished(_ record: RunRecord) throws -> Bool {
        var index = writer.published?.size ?? 0
        while index > record.run.openIndex {
            index -= 1
            if case .seal(let seal) = try writer.entry(at: index), seal.run == record.run.id { return true }
        }
        return false
    }

    /// Appends the devices that the ledger has of this run, in the order in which they were recorded.
    func appendReleased(_ record: RunRecord, from ledger: any Ledger) throws {
        let adds = try prepared(try plan.certificates(notBefore: record.run.notBefore))
        try ledger.forEachChunk(run: record.run.id) { _, chunk, _ in try append(chunk, adds) }
    }

    /// What the `add` entries of this run share.
    func prepared(_ certificates: DeviceCertificatePlan) throws -> PreparedAdds {
        try PreparedAdds(
            like: .init(
                run: plan.manifest.run, product: plan.manifest.product, serial: .plain("S"),
                key: Digest32(), certificate: Digest32(), certificateSerial: [1],
                authorityKeyID: certificates.authorityKeyIdentifier,
                notAfter: UInt64(certificates.notAfter), rotates: plan.template.rotates))
    }

    func append(_ chunk: DeviceChunk, _ adds: PreparedAdds) throws {
        try chunk.withDevices { devices in
            for device in devices {
                guard let key = Digest32(device.publicKeyDigest, at: 0),
                    let certificate = Digest32(device.certificateDigest, at: 0)
                else { throw RunError(.io, "digest", "a device's digests are not whole") }
                try writer.append(
                    PreparedAdds.Device(
                        serial: device.serial, key: key, certificate: certificate,
                        certificateSerial: device.certificateSerialNumber), adds)
            }
        }
    }

    /// Revokes what was burned, seals the run and publishes.
    func publishSeal(_ record: RunRecord, burned: [[UInt8]], at time: Int64) throws {
        for serial in burned {
            try writer.append(
                .revoke(
                    .init(
                        run: record.run.id, reason: .cessationOfOperation, effectiveAt: UInt64(time),
                        subject: .burned(
                            certificateSerial: serial, authorityKeyID: plan.issuerKeyIdentifier))))
        }
        try writer.append(
            .seal(
                .init(
                    run: record.run.id, openIndex: record.run.openIndex, reserved: UInt64(record.reserved),
                    released: UInt64(record.released), scrapped: UInt64(record.scrapped),
                    burned: UInt64(record.burned),
                    burnedDigest: AllowlistEntry.Seal.burnedDigest(of: burned),
                    activation: try activation(),
                    sealedAt: UInt64(time), isRehearsal: site.isRehearsal)))
        try publish(extraFiles: [])
    }

    /// How the line's token is opened: by its share holders once a ceremony has split its PIN, which no PIN source then
    /// replaces; until then somebody has the PIN.
    private func activation() throws -> AllowlistEntry.Seal.Activation {
        let isSplit = try site.activation(of: token.name).current() != nil
        return token.binding.activation == .quorum && isSplit ? .quorum : .pinSource
    }

    private func publish(extraFiles: [ExtraFile]) throws {
        _ = try writer.publish(
            extraFiles: extraFiles,
            signNote: { text in try keys.logKey.signature(over: text) },
            signText: { text in try keys.logSigner.sign(text, detached: true) })
    }

    /// Every version of the roster up to the one in force, for whoever pins one of them.
    static func rosterFiles(of approvers: Approvers) -> [ExtraFile] {
        approvers.rosters.map { ExtraFile(path: "rosters/\($0.version).json", bytes: $0.fileBytes) }
    }

    private func digest(_ bytes: [UInt8]) throws -> Digest32 {
        guard let digest = Digest32(bytes) else {
            throw RunError(.io, "digest", "\(bytes.count) octets where 32 are expected")
        }
        return digest
    }
}
