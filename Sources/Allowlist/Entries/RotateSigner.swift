import CBOR
import TransparencyLog

extension AllowlistEntry {
    /// Hands the log over to another key.
    ///
    /// A planned rotation is signed by the old key and the recovery quorum. An emergency is signed by
    /// the quorum alone, and checkpoints of the old key after the named one are worth nothing.
    public struct RotateSigner: Hashable, Sendable {
        /// DER SubjectPublicKeyInfo.
        public var oldKey: [UInt8]
        /// DER SubjectPublicKeyInfo.
        public var newKey: [UInt8]
        public var isEmergency: Bool
        /// SHA-256 of `authorisations/<hex>.p7s`, which the recovery quorum signed.
        public var authorisation: Digest32
        /// The last checkpoint that is trusted under the old key.
        public var trustedSize: UInt64
        public var trustedRoot: Digest32
        /// UTC seconds since 1970.
        public var rotatedAt: UInt64

        public init(
            oldKey: [UInt8], newKey: [UInt8], isEmergency: Bool, authorisation: Digest32,
            trustedSize: UInt64, trustedRoot: Digest32, rotatedAt: UInt64
        ) {
            self.oldKey = oldKey
            self.newKey = newKey
            self.isEmergency = isEmergency
            self.authorisation = authorisation
            self.trustedSize = trustedSize
            self.trustedRoot = trustedRoot
            self.rotatedAt = rotatedAt
        }
    }
}

extension AllowlistEntry.RotateSigner: EntryPayload {
    var fieldCount: Int { 7 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        oldKey = try fields.bytes(2)
        newKey = try fields.bytes(3)
        isEmergency = try fields.bool(4)
        authorisation = try fields.digest(5)
        trustedSize = try fields.unsigned(6)
        trustedRoot = try fields.digest(7)
        rotatedAt = try fields.unsigned(8)
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, oldKey)
        writer.field(3, newKey)
        writer.field(4, isEmergency)
        writer.field(5, authorisation)
        writer.field(6, trustedSize)
        writer.field(7, trustedRoot)
        writer.field(8, rotatedAt)
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkBytes(oldKey, "the old key", 1...1024)
        try FieldBounds.checkBytes(newKey, "the new key", 1...1024)
        guard oldKey != newKey else {
            throw AllowlistError(.entryMalformed, "a rotation to the same key")
        }
        try FieldBounds.checkTime(rotatedAt, "the time of rotation")
    }
}
