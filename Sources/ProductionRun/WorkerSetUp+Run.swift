import Certificates
import Manifests
import PKCS11
import RunLedger
import Sites
import TokenKeys

extension WorkerSetUp {
    /// What the workers of a run need.
    init(
        driver: RunDriver, plan: RunPlan, record: RunRecord, wrapping: KeyWrapping?, curve: EllipticCurve,
        limits: WorkerLimits, delivery: DeliverySetUp
    ) {
        self.init(
            module: driver.token.slot.module.path, tokenSerial: driver.token.binding.serial,
            tokenLabel: driver.token.binding.label, issuerLabel: driver.keys.issuer.label.description,
            templateName: plan.template.name, product: plan.manifest.product,
            station: plan.station?.publicKeyInfo ?? [], template: plan.template.source,
            issuerCertificate: plan.issuerCertificate.der, notBefore: record.run.notBefore,
            wrapMechanism: wrapping?.mechanism.rawValue ?? 0, rehearsal: driver.site.isRehearsal,
            sessionCopies: driver.keys.issuerCopies, curve: curve.rawValue, sessions: limits.sessions,
            verifiesAll: limits.verifiesAll, delivery: delivery)
    }
}
