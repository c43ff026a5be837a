import Certificates
import Manifests
import PKCS11
import Sites
import TokenKeys

/// How a run's devices get registration secrets.
struct RegistrationPlan: Sendable {
    let label: KeyLabel
    let record: RegistrationGroupRecord
    /// Makes each row's registration id out of ``CheckedManifest/columns``.
    let ids: RegistrationIDs
}

extension RunPlan {
    /// Octets that a device's package takes beyond the usual: PKCS#12 with the chain in base64, the registration secret.
    var deliveryBytes: Int {
        (manifest.delivery == .pkcs12 ? 4096 : 0) + (registration == nil ? 0 : 256)
    }

    /// Checks what the manifest says of delivery against the template.
    static func checkDelivery(_ check: inout ManifestCheck, _ template: CertificateTemplate?) {
        guard let template, template.kind == .device, let delivery = check.delivery, delivery != .certificate
        else { return }
        guard !template.deliveries.map(\.rawValue).contains(delivery.rawValue) else { return }
        let allowed = template.deliveries.map(\.rawValue).joined(separator: ", ")
        check.add(
            "delivery", code: "delivery.not-allowed",
            message: "the template does not allow \(delivery.rawValue); its delivery is: \(allowed)")
    }

    /// The record of the group whose key the manifest names; nil where there is none, or it is at fault.
    ///
    /// A device that brings a registration secret gets its own key and secret replaced when it is onboarded, and its entry
    /// in the log has to say so: the template's `rotates`.
    static func registrationGroup(
        _ check: inout ManifestCheck, _ template: CertificateTemplate?, issuer: PublishedKey?, site: Site
    ) throws -> RegistrationGroupRecord? {
        guard let registration = check.registration else { return nil }
        if let template, !template.rotates {
            check.add(
                "registration", code: "registration.rotates",
                message: "registration keys are replaced at onboarding: the template has to say rotates: true"
            )
        }
        guard let record = try site.registrationGroup(registration.group) else {
            check.add(
                "registration", code: "registration.group",
                message:
                    "the site has no group \(registration.group); `rootline key registration-group` makes one"
            )
            return nil
        }
        if let issuer, issuer.tokenName != record.token {
            check.add(
                "registration", code: "registration.group",
                message: "the group's key is on token \(record.token), the issuing key on \(issuer.tokenName)"
            )
        }
        return record
    }
}

extension RunDriver {
    /// Throws unless the token has what the manifest's delivery needs, and the caller its passphrase.
    func requireDelivery(_ plan: RunPlan) throws {
        switch (plan.manifest.delivery, passphrase) {
        case (.pkcs12, nil):
            throw SiteError(
                .pinUnavailable, plan.manifest.file,
                "the manifest delivers PKCS#12, and the station's passphrase is not given",
                hint: "--passphrase-source file:PATH (mode 600) or fd:N")
        case (.wrapped, .some), (.certificate, .some):
            throw SiteError(
                .refused, plan.manifest.file,
                "a passphrase is given, and the manifest's delivery, \(plan.manifest.delivery.rawValue), needs none"
            )
        case (.pkcs12, .some): notice(KeyExposure.warning)
        case (.wrapped, nil), (.certificate, nil): break
        }
        guard let registration = plan.registration else { return }
        let key = try RegistrationGroupKey.examine(
            registration.label, isLocal: registration.record.local,
            sessionCopies: registration.record.sessionCopies, login: token.login)
        try registration.record.require(key)
    }
}

/// What PKCS#12 costs, said wherever a run with it is spoken of.
public enum KeyExposure {
    public static let warning =
        "WARNING: delivery is pkcs12: each device's private key passes through this host's memory, "
        + "and whoever has the passphrase can read all of the run's keys."
}
