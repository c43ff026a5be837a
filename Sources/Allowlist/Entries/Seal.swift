import CBOR
import TransparencyLog

extension AllowlistEntry {
    /// Closes a run and balances its books: reserved = released + scrapped + burned.
    public struct Seal: Hashable, Sendable {
        public var run: String
        /// The index of the run's `open-run`.
        public var openIndex: UInt64
        /// Certificate serial numbers that were ever reserved.
        public var reserved: UInt64
        /// The run's `add` entries without the scrapped ones.
        public var released: UInt64
        /// The run's devices that a `scrap` names before the seal.
        public var scrapped: UInt64
        /// The run's `revoke` entries that name a certificate without an `add`.
        public var burned: UInt64
        /// `burnedDigest(of:)` over the burned certificates' serial numbers.
        public var burnedDigest: Digest32
        /// How the issuing token was activated for this run.
        public var activation: Activation
        /// UTC seconds since 1970.
        public var sealedAt: UInt64
        /// Must agree with the log's origin.
        public var isRehearsal: Bool
        /// SHA-256 of the run's package index file, where the run has one when it is sealed.
        public var packageIndex: Digest32?

        /// How a token is activated.
        public enum Activation: UInt64, Hashable, Sendable, CaseIterable {
            case quorum = 0
            case pinSource = 1

            /// The word in `site.yaml` and in machine output.
            public var name: String { self == .quorum ? "quorum" : "pin-source" }
        }

        public init(
            run: String, openIndex: UInt64, reserved: UInt64, released: UInt64, scrapped: UInt64,
            burned: UInt64, burnedDigest: Digest32, activation: Activation, sealedAt: UInt64,
            isRehearsal: Bool, packageIndex: Digest32? = nil
        ) {
            self.run = run
            self.openIndex = openIndex
            self.reserved = reserved
            self.released = released
            self.scrapped = scrapped
            self.burned = burned
            self.burnedDigest = burnedDigest
            self.activation = activation
            self.sealedAt = sealedAt
            self.isRehearsal = isRehearsal
            self.packageIndex = packageIndex
        }

        /// SHA-256 over the serial numbers, sorted bytewise and put one behind the other.
        public static func burnedDigest(of certificateSerials: [[UInt8]]) -> Digest32 {
            let sorted = certificateSerials.sorted { $0.lexicographicallyPrecedes($1) }
            return Digest32.sha256(sorted.flatMap { $0 })
        }
    }
}

extension AllowlistEntry.Seal: EntryPayload {
    var fieldCount: Int { packageIndex == nil ? 10 : 11 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        run = try fields.text(2)
        openIndex = try fields.unsigned(3)
        reserved = try fields.unsigned(4)
        released = try fields.unsigned(5)
        scrapped = try fields.unsigned(6)
        burned = try fields.unsigned(7)
        burnedDigest = try fields.digest(8)
        let number = try fields.unsigned(9)
        guard let activation = Activation(rawValue: number) else {
            throw fields.refusal("activation \(number) is not known")
        }
        self.activation = activation
        sealedAt = try fields.unsigned(10)
        isRehearsal = try fields.bool(11)
        packageIndex = fields.has(12) ? try fields.digest(12) : nil
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, run)
        writer.field(3, openIndex)
        writer.field(4, reserved)
        writer.field(5, released)
        writer.field(6, scrapped)
        writer.field(7, burned)
        writer.field(8, burnedDigest)
        writer.field(9, activation.rawValue)
        writer.field(10, sealedAt)
        writer.field(11, isRehearsal)
        if let packageIndex { writer.field(12, packageIndex) }
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkText(run, "the run id")
        for count in [reserved, released, scrapped, burned] {
            try FieldBounds.checkCount(count, "a count of the seal")
        }
        guard reserved == released + scrapped + burned else {
            throw AllowlistError(
                .seal,
                "reserved \(reserved) is not released \(released) + scrapped \(scrapped) + burned \(burned)")
        }
        try FieldBounds.checkTime(sealedAt, "the sealing time")
    }
}
