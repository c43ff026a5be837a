import CBOR
import TransparencyLog

extension AllowlistEntry {
    /// Opens a run before its first signature, under an authorisation that the bundle carries.
    public struct OpenRun: Hashable, Sendable {
        /// Unique in the log.
        public var run: String
        public var product: String
        /// SHA-256 of `authorisations/<hex>.p7s`.
        public var authorisation: Digest32
        /// Devices that may be released.
        public var quantity: UInt64
        /// Certificates that may be made beyond the quantity.
        public var spoilage: UInt64
        /// SHA-256 of the certificate template's bytes.
        public var template: Digest32
        /// The issuer's subject key identifier.
        public var issuerKeyID: [UInt8]
        /// SHA-256 of the programming station's SubjectPublicKeyInfo, where keys are wrapped for one.
        public var station: Digest32?
        /// UTC seconds since 1970.
        public var openedAt: UInt64
        /// Must agree with the log's origin.
        public var isRehearsal: Bool
        /// How the run's devices are named; the same in every run of a log.
        public var serials: SerialForm

        public init(
            run: String, product: String, authorisation: Digest32, quantity: UInt64, spoilage: UInt64,
            template: Digest32, issuerKeyID: [UInt8], station: Digest32? = nil, openedAt: UInt64,
            isRehearsal: Bool, serials: SerialForm = .plain
        ) {
            self.run = run
            self.product = product
            self.authorisation = authorisation
            self.quantity = quantity
            self.spoilage = spoilage
            self.template = template
            self.issuerKeyID = issuerKeyID
            self.station = station
            self.openedAt = openedAt
            self.isRehearsal = isRehearsal
            self.serials = serials
        }
    }
}

extension AllowlistEntry.OpenRun: EntryPayload {
    var fieldCount: Int { station == nil ? 10 : 11 }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        run = try fields.text(2)
        product = try fields.text(3)
        authorisation = try fields.digest(4)
        quantity = try fields.unsigned(5)
        spoilage = try fields.unsigned(6)
        template = try fields.digest(7)
        issuerKeyID = try fields.bytes(8)
        station = fields.has(9) ? try fields.digest(9) : nil
        openedAt = try fields.unsigned(10)
        isRehearsal = try fields.bool(11)
        let number = try fields.unsigned(12)
        guard let serials = SerialForm(rawValue: number) else {
            throw fields.refusal("form of serials \(number) is not known")
        }
        self.serials = serials
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, run)
        writer.field(3, product)
        writer.field(4, authorisation)
        writer.field(5, quantity)
        writer.field(6, spoilage)
        writer.field(7, template)
        writer.field(8, issuerKeyID)
        if let station { writer.field(9, station) }
        writer.field(10, openedAt)
        writer.field(11, isRehearsal)
        writer.field(12, serials.rawValue)
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkText(run, "the run id")
        try FieldBounds.checkText(product, "the product")
        try FieldBounds.checkCount(quantity, "the quantity")
        try FieldBounds.checkCount(spoilage, "the spoilage allowance")
        try FieldBounds.checkBytes(issuerKeyID, "the issuer key id", 1...64)
        try FieldBounds.checkTime(openedAt, "the opening time")
    }
}

extension CBORWriter {
    mutating func field(_ key: UInt64, _ value: UInt64) {
        unsigned(key)
        unsigned(value)
    }

    mutating func field(_ key: UInt64, _ value: Bool) {
        unsigned(key)
        bool(value)
    }

    mutating func field(_ key: UInt64, _ value: String) {
        unsigned(key)
        text(value)
    }

    mutating func field(_ key: UInt64, _ value: [UInt8]) {
        unsigned(key)
        byteString(value)
    }

    mutating func field(_ key: UInt64, _ value: Digest32) {
        unsigned(key)
        digest(value)
    }

    mutating func digest(_ value: Digest32) {
        value.withUnsafeBytes { byteString($0) }
    }
}
