import Allowlist
import AllowlistPublication
import Foundation
import RunLedger

/// What `allowlist replace` did, or is about to do.
public struct ReplacementOutcome: Sendable {
    public struct Device: Sendable {
        public let serial: String
        public let run: String
        public let certificateSerialNumber: [UInt8]
        /// Where the log lists it.
        public let entryIndex: UInt64
    }
    public let product: String
    public let old: Device
    public let new: Device
    /// Whether the old device's certificate was revoked by this command, as superseded.
    public let revokes: Bool
    /// Whether they were replaced before, for the same reason: nothing was changed.
    public let isEarlier: Bool
    /// The published log's entries.
    public let treeSize: UInt64
}

extension RunDriver {
    /// Puts one listed device in the place of another, as when one comes back for repair.
    ///
    /// The old one is revoked as `superseded` unless it is revoked already; both entries are in one publication, or
    /// none. Both devices are of sealed runs and of one product, and the new one was listed after the old one.
    ///
    /// - Parameter confirm: is shown what will be done, when all is checked; nothing is done where it says no.
    /// - Returns: nil where `confirm` said no.
    /// - Throws: `LedgerError` `deviceUnknown`; `RunError` `manifestRefused` where the two are no pair; `wrongState`
    ///   where one of them is in another replacement, or is not what it must be.
    public func replace(
        _ old: DeviceRequest, by new: DeviceRequest, reason: String,
        confirm: (ReplacementOutcome) throws -> Bool
    ) throws -> ReplacementOutcome? {
        let (writer, reader) = try openPublishedLog()
        let (prior, priorRecord) = try published(old, in: reader)
        let (next, _) = try published(new, in: reader)
        try requirePair(prior, next)
        if case .scrapped = priorRecord.state {
            throw RunError(
                .wrongState, prior.name, "it was scrapped: its serial is free again",
                hint: "A device that is made anew under that serial takes its place by itself; no other can.")
        }
        let before = prior.replacement
        if let before {
            guard before.replacedBy == next.index, before.reason == reason else {
                throw RunError(
                    .wrongState, prior.name,
                    "the device of entry \(before.replacedBy ?? 0) took its place before: \(before.reason)",
                    hint: "Nothing was changed. What the log says of it stays.")
            }
        } else {
            try requireFree(next)
        }
        func outcome(treeSize: UInt64) -> ReplacementOutcome {
            ReplacementOutcome(
                product: prior.device.product, old: .init(prior, old), new: .init(next, new),
                revokes: before == nil && prior.revocation == nil, isEarlier: before != nil,
                treeSize: treeSize)
        }
        guard before == nil else { return outcome(treeSize: writer.size) }
        guard try confirm(outcome(treeSize: writer.size)) else { return nil }
        // A clock that stepped back does not replace a device before its run was opened.
        let now = max(Int64(Date().timeIntervalSince1970), try record(next.device.run).run.openedAt)
        if prior.revocation == nil {
            try writer.append(
                .revoke(
                    .init(
                        run: prior.device.run, reason: .superseded, effectiveAt: UInt64(clamping: now),
                        subject: .device(index: prior.index))))
        }
        try writer.append(
            .replace(
                .init(
                    priorIndex: prior.index, newIndex: next.index, reason: reason,
                    replacedAt: UInt64(clamping: now))))
        try publishEvents(writer)
        return outcome(treeSize: writer.size)
    }

    private func requirePair(_ prior: PublishedDevice, _ next: PublishedDevice) throws {
        guard prior.index != next.index else {
            throw RunError(.manifestRefused, prior.name, "a device cannot take its own place")
        }
        guard prior.device.product == next.device.product else {
            throw RunError(
                .manifestRefused, next.name,
                "is of product \(next.device.product), and \(prior.name) of \(prior.device.product)",
                hint: "Nothing was changed. A device takes the place of one of its own product.")
        }
        guard prior.index < next.index else {
            throw RunError(
                .manifestRefused, next.name, "was listed before \(prior.name)",
                hint: "Nothing was changed. Take a device that was listed later, or revoke the old one alone."
            )
        }
    }

    /// Throws unless the device is listed and takes no other one's place.
    private func requireFree(_ device: PublishedDevice) throws {
        guard device.answer.status == .listed else {
            throw RunError(
                .wrongState, device.name,
                "it is \(device.answer.status.rawValue): \(device.answer.reason ?? "")",
                hint: "Nothing was changed. Only a listed device can take another one's place.")
        }
        if let index = device.answer.replaces {
            throw RunError(
                .wrongState, device.name, "it took the place of the device of entry \(index) before",
                hint: "Nothing was changed. A device takes the place of one other.")
        }
    }
}

extension ReplacementOutcome.Device {
    fileprivate init(_ device: PublishedDevice, _ request: DeviceRequest) {
        self.init(
            serial: request.serial, run: device.device.run,
            certificateSerialNumber: device.device.certificateSerial, entryIndex: device.index)
    }
}
