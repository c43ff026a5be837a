import Certificates
import Manifests
import PKCS11
import RunLedger
import Sites
import TokenKeys

extension WorkerSetUp {
    /// What the workers of a run need.
    init(
        driver: RunDriver, plan: RunPlan, record: RunRecord, wrapping: KeyWrapping, curve: EllipticCurve,
        sessions: Int
    ) {
        self.init(
            module: driver.token.slot.module.path, tokenSerial: driver.token.binding.serial,
            tokenLabel: driver.token.binding.label, issuerLabel: driver.keys.issuer.label.description,
            templateName: plan.template.name, product: plan.manifest.product,
            station: plan.station.publicKeyInfo, template: plan.template.source,
            issuerCertificate: plan.issuerCertificate.der, notBefore: record.run.notBefore,
            wrapMechanism: wrapping.mechanism.rawValue, rehearsal: driver.site.isRehearsal,
            sessionCopies: driver.keys.issuerCopies, curve: curve.rawValue, sessions: sessions)
    }
}

extension MadeChunk {
    /// The devices as they go into the ledger.
    func ledgerDevices(_ chunk: WorkChunk) -> [LedgerDevice] {
        zip(chunk.rows, devices).enumerated().map { offset, pair in
            LedgerDevice(
                row: chunk.firstRow + offset, serial: pair.0.serial,
                certificateSerialNumber: pair.0.certificateSerialNumber.bytes,
                publicKeyDigest: pair.1.publicKeyDigest, certificateDigest: pair.1.certificateDigest,
                certificate: pair.1.certificate)
        }
    }
}
