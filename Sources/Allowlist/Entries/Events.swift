import CBOR
import TransparencyLog

/// Why a certificate is revoked: the CRLReason values of RFC 5280 §5.3.1 that are final.
///
/// Holds and removals from a list are left out, since a device that was once refused stays refused.
public enum RevocationReason: UInt64, Hashable, Sendable, CaseIterable {
    case unspecified = 0
    case keyCompromise = 1
    case cACompromise = 2
    case affiliationChanged = 3
    case superseded = 4
    case cessationOfOperation = 5
    case privilegeWithdrawn = 9
    case aACompromise = 10

    /// The name in RFC 5280.
    public var name: String { String(describing: self) }
}

extension AllowlistEntry {
    /// Revokes a listed device's certificate, or one that was burned and never released.
    public struct Revoke: Hashable, Sendable {
        public var run: String
        public var reason: RevocationReason
        /// From when the revocation counts, UTC seconds since 1970.
        public var effectiveAt: UInt64
        public var subject: Subject

        /// What is revoked.
        public enum Subject: Hashable, Sendable {
            /// The device of the `add` entry at this index.
            case device(index: UInt64)
            /// A certificate that may exist although its row was lost; it has no `add`.
            case burned(certificateSerial: [UInt8], authorityKeyID: [UInt8])
        }

        public init(run: String, reason: RevocationReason, effectiveAt: UInt64, subject: Subject) {
            self.run = run
            self.reason = reason
            self.effectiveAt = effectiveAt
            self.subject = subject
        }
    }

    /// Takes a listed device out because it was destroyed or spoiled.
    public struct Scrap: Hashable, Sendable {
        /// The index of the device's `add`.
        public var index: UInt64
        /// The operator's words, without secrets.
        public var reason: String
        /// UTC seconds since 1970.
        public var scrappedAt: UInt64

        public init(index: UInt64, reason: String, scrappedAt: UInt64) {
            self.index = index
            self.reason = reason
            self.scrappedAt = scrappedAt
        }
    }

    /// Puts one listed device in the place of another (RMA).
    public struct Replace: Hashable, Sendable {
        /// The index of the replaced device's `add`.
        public var priorIndex: UInt64
        /// The index of the new device's `add`, greater than the prior one.
        public var newIndex: UInt64
        /// The operator's words, without secrets.
        public var reason: String
        /// UTC seconds since 1970.
        public var replacedAt: UInt64

        public init(priorIndex: UInt64, newIndex: UInt64, reason: String, replacedAt: UInt64) {
            self.priorIndex = priorIndex
            self.newIndex = newIndex
            self.reason = reason
            self.replacedAt = replacedAt
        }
    }
}

extension AllowlistEntry.Revoke: EntryPayload {
    var fieldCount: Int {
        switch subject {
        case .device: 4
        case .burned: 5
        }
    }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        run = try fields.text(2)
        let code = try fields.unsigned(3)
        guard let reason = RevocationReason(rawValue: code) else {
            throw fields.refusal("revocation reason \(code) is not one of RFC 5280 that is final")
        }
        self.reason = reason
        effectiveAt = try fields.unsigned(4)
        if fields.has(5) {
            subject = .device(index: try fields.unsigned(5))
        } else {
            let serial = try fields.bytes(6)
            subject = .burned(certificateSerial: serial, authorityKeyID: try fields.bytes(7))
        }
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, run)
        writer.field(3, reason.rawValue)
        writer.field(4, effectiveAt)
        switch subject {
        case .device(let index):
            writer.field(5, index)
        case .burned(let certificateSerial, let authorityKeyID):
            writer.field(6, certificateSerial)
            writer.field(7, authorityKeyID)
        }
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkText(run, "the run id")
        try FieldBounds.checkTime(effectiveAt, "the effective time")
        if case .burned(let certificateSerial, let authorityKeyID) = subject {
            try FieldBounds.checkBytes(certificateSerial, "the certificate serial number", 1...20)
            try FieldBounds.checkBytes(authorityKeyID, "the authority key id", 1...64)
        }
    }
}

extension AllowlistEntry.Scrap: EntryPayload {
    var fieldCount: Int { 3 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        index = try fields.unsigned(2)
        reason = try fields.text(3)
        scrappedAt = try fields.unsigned(4)
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, index)
        writer.field(3, reason)
        writer.field(4, scrappedAt)
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkText(reason, "the reason", maximum: 256)
        try FieldBounds.checkTime(scrappedAt, "the time")
    }
}

extension AllowlistEntry.Replace: EntryPayload {
    var fieldCount: Int { 4 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        priorIndex = try fields.unsigned(2)
        newIndex = try fields.unsigned(3)
        reason = try fields.text(4)
        replacedAt = try fields.unsigned(5)
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, priorIndex)
        writer.field(3, newIndex)
        writer.field(4, reason)
        writer.field(5, replacedAt)
    }

    func check() throws(AllowlistError) {
        guard priorIndex < newIndex else {
            throw AllowlistError(.entryMalformed, "a replacement must be listed after what it replaces")
        }
        try FieldBounds.checkText(reason, "the reason", maximum: 256)
        try FieldBounds.checkTime(replacedAt, "the time")
    }
}
