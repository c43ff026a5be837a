import Allowlist
import AllowlistPublication
import Foundation
import RunLedger

/// A device to revoke, as a person names it.
public enum RevocationSubject: Sendable {
    case device(DeviceRequest)
    /// In DER; `file` names it in errors.
    case certificate(der: [UInt8], file: String)
}

/// What `allowlist revoke` did, or is about to do.
public struct RevocationOutcome: Sendable {
    public struct Device: Sendable {
        /// nil where a certificate named the device and the log has hashed serials.
        public let serial: String?
        public let product: String
        public let run: String
        public let certificateSerialNumber: [UInt8]
        /// Where the log lists it.
        public let entryIndex: UInt64
        /// From when the revocation counts, seconds UTC.
        public let effectiveAt: UInt64
        /// Whether it was revoked before, for the same reason: nothing was changed.
        public let isEarlier: Bool
    }
    public let devices: [Device]
    /// The published log's entries.
    public let treeSize: UInt64
}

extension RunDriver {
    /// Revokes listed devices of sealed runs, all in one publication or none.
    ///
    /// The log alone has a revocation, and a publication is whole or not at all: a command that is killed has revoked
    /// all or none, and repeated says what stands. Devices of runs that are not sealed are no part of the list yet:
    /// `scrap` is for them.
    ///
    /// - Parameters:
    ///   - effectiveAt: from when the keys are not to be believed, seconds UTC; now where it is nil.
    ///   - confirm: is shown what will be revoked, when all is checked; nothing is done where it says no.
    /// - Returns: nil where `confirm` said no.
    /// - Throws: `LedgerError` `deviceUnknown`; `RunError` `manifestRefused` where a subject is ambiguous or named
    ///   twice, or the time is to come or before the device's run was opened; `wrongState` where a device's run is not
    ///   sealed, or it was revoked before for another reason or from another time.
    public func revoke(
        _ subjects: [RevocationSubject], reason: RevocationReason, effectiveAt: Int64?,
        confirm: ([RevocationOutcome.Device]) throws -> Bool
    ) throws -> RevocationOutcome? {
        let now = Int64(Date().timeIntervalSince1970)
        if let effectiveAt, effectiveAt > now {
            throw RunError(
                .manifestRefused, "effective time", "is still to come",
                hint:
                    "A device that must not be trusted later must not be trusted now. Revoke it when it is due."
            )
        }
        let (writer, reader) = try openPublishedLog()
        var found: [(device: PublishedDevice, outcome: RevocationOutcome.Device)] = []
        for subject in subjects {
            let device: PublishedDevice =
                switch subject {
                case .device(let request): try published(request, in: reader).0
                case .certificate(let der, let file):
                    try PublishedDevice(certificate: der, file: file, in: reader)
                }
            let stands = try standing(device, reason: reason, effectiveAt: effectiveAt)
            let time = UInt64(clamping: effectiveAt ?? now)
            let openedAt = try record(device.device.run).run.openedAt
            // A clock that stepped back does not revoke a device before its run was opened.
            guard stands != nil || effectiveAt == nil || time >= UInt64(clamping: openedAt) else {
                throw RunError(
                    .manifestRefused, device.name,
                    "its run \(device.device.run) was opened at \(text(openedAt)), after the effective time",
                    hint: "Nothing was changed. No key of it was there before.")
            }
            found.append(
                (
                    device,
                    RevocationOutcome.Device(
                        serial: device.serial, product: device.device.product, run: device.device.run,
                        certificateSerialNumber: device.device.certificateSerial, entryIndex: device.index,
                        effectiveAt: stands?.at ?? max(time, UInt64(clamping: openedAt)),
                        isEarlier: stands != nil)
                ))
        }
        guard Set(found.map(\.device.index)).count == found.count else {
            throw RunError(.manifestRefused, "devices", "a device is named twice; nothing was changed")
        }
        let new = found.filter { !$0.outcome.isEarlier }
        if !new.isEmpty {
            guard try confirm(new.map(\.outcome)) else { return nil }
            for (device, outcome) in new {
                try writer.append(
                    .revoke(
                        .init(
                            run: device.device.run, reason: reason, effectiveAt: outcome.effectiveAt,
                            subject: .device(index: device.index))))
            }
            try publishEvents(writer)
        }
        return RevocationOutcome(devices: found.map(\.outcome), treeSize: writer.size)
    }

    /// The revocation that the log has already; throws where it is another than the one that is wanted.
    private func standing(
        _ device: PublishedDevice, reason: RevocationReason, effectiveAt: Int64?
    ) throws -> LookupAnswer.Event? {
        guard let event = device.revocation else { return nil }
        guard event.reason == reason.name,
            effectiveAt == nil || event.at == UInt64(clamping: effectiveAt ?? 0)
        else {
            throw RunError(
                .wrongState, device.name,
                "it is revoked since \(text(Int64(clamping: event.at))): \(event.reason)",
                hint: "Nothing was changed. What log and revocation list say of it stays.")
        }
        return event
    }

    private func text(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).ISO8601Format()
    }
}
