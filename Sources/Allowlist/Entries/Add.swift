import CBOR
import TransparencyLog

extension AllowlistEntry {
    /// Lists one released device.
    public struct Add: Hashable, Sendable {
        public var run: String
        /// The product of the run.
        public var product: String
        /// The serial in the form of the run's opening; unique for the product.
        public var serial: ListedSerial
        /// SHA-256 of the device key's SubjectPublicKeyInfo.
        public var key: Digest32
        /// SHA-256 of the DER certificate.
        public var certificate: Digest32
        /// The content octets of the certificate's serialNumber INTEGER, big-endian.
        public var certificateSerial: [UInt8]
        /// The issuer's subject key identifier, as in the run's opening.
        public var authorityKeyID: [UInt8]
        /// UTC seconds since 1970; the year 9999 stands for no expiration.
        public var notAfter: UInt64
        /// Whether the key is for registration only and must be replaced at onboarding.
        public var rotates: Bool
        /// The FIDO Device Onboard identity, where one was made.
        public var fdo: FDO?
        /// SHA-256 digests of firmware images, in the manifest's order.
        public var firmware: [Digest32]

        /// A device's FIDO Device Onboard GUID and its ownership voucher's digest.
        public struct FDO: Hashable, Sendable {
            /// 16 bytes.
            public var guid: [UInt8]
            /// SHA-256 of the voucher.
            public var voucher: Digest32

            public init(guid: [UInt8], voucher: Digest32) {
                self.guid = guid
                self.voucher = voucher
            }
        }

        public init(
            run: String, product: String, serial: ListedSerial, key: Digest32, certificate: Digest32,
            certificateSerial: [UInt8], authorityKeyID: [UInt8], notAfter: UInt64, rotates: Bool,
            fdo: FDO? = nil, firmware: [Digest32] = []
        ) {
            self.run = run
            self.product = product
            self.serial = serial
            self.key = key
            self.certificate = certificate
            self.certificateSerial = certificateSerial
            self.authorityKeyID = authorityKeyID
            self.notAfter = notAfter
            self.rotates = rotates
            self.fdo = fdo
            self.firmware = firmware
        }
    }
}

extension AllowlistEntry.Add: EntryPayload {
    var fieldCount: Int { 9 + (fdo == nil ? 0 : 2) + (firmware.isEmpty ? 0 : 1) }

    init(_ fields: inout FieldReader) throws(AllowlistError) {
        run = try fields.text(2)
        product = try fields.text(3)
        serial = fields.isByteString ? .hashed(try fields.digest(4)) : .plain(try fields.text(4))
        key = try fields.digest(5)
        certificate = try fields.digest(6)
        certificateSerial = try fields.bytes(7)
        authorityKeyID = try fields.bytes(8)
        notAfter = try fields.unsigned(9)
        rotates = try fields.bool(10)
        fdo = fields.has(11) ? FDO(guid: try fields.bytes(11), voucher: try fields.digest(12)) : nil
        firmware = []
        if fields.has(13) {
            firmware = try fields.array(13) { (item) throws(AllowlistError) in try item.digestItem() }
            guard !firmware.isEmpty else { throw fields.refusal("an empty firmware list must be left out") }
        }
    }

    func write(to writer: inout CBORWriter) {
        writer.field(2, run)
        writer.field(3, product)
        switch serial {
        case .plain(let serial): writer.field(4, serial)
        case .hashed(let hash): writer.field(4, hash)
        }
        writer.field(5, key)
        writer.field(6, certificate)
        writer.field(7, certificateSerial)
        writer.field(8, authorityKeyID)
        writer.field(9, notAfter)
        writer.field(10, rotates)
        if let fdo {
            writer.field(11, fdo.guid)
            writer.field(12, fdo.voucher)
        }
        if !firmware.isEmpty {
            writer.unsigned(13)
            writer.array(count: firmware.count)
            for digest in firmware { writer.digest(digest) }
        }
    }

    func check() throws(AllowlistError) {
        try FieldBounds.checkText(run, "the run id")
        try FieldBounds.checkText(product, "the product")
        if case .plain(let serial) = serial {
            try FieldBounds.checkText(serial, "the serial", maximum: 255)
        }
        try FieldBounds.checkBytes(certificateSerial, "the certificate serial number", 1...20)
        try FieldBounds.checkBytes(authorityKeyID, "the authority key id", 1...64)
        try FieldBounds.checkTime(notAfter, "not-after")
        if let fdo { try FieldBounds.checkBytes(fdo.guid, "the FDO GUID", 16...16) }
        guard firmware.count <= 16 else {
            throw AllowlistError(.entryMalformed, "more than 16 firmware digests")
        }
    }
}
