import Foundation

/// One row of a run, as far as its certificate goes.
public struct DeviceCertificateRow: Hashable, Sendable {
    public var serialNumber: CertificateSerialNumber
    /// The uncompressed point of the device's key: 65 octets for P-256, 97 for P-384.
    public var point: [UInt8]
    /// A text for each of ``DeviceCertificatePlan/columns``, in their order.
    public var values: [String]

    public init(serialNumber: CertificateSerialNumber, point: [UInt8], values: [String]) {
        self.serialNumber = serialNumber
        self.point = point
        self.values = values
    }
}

/// The device certificates of one run: everything that they share, worked out and linted once.
///
/// A row costs a few copies and the lengths around them. That the outcome is what the X.509 library would build is
/// checked when the plan is made, and by ``check(_:)`` for any row.
public struct DeviceCertificatePlan: Sendable {
    /// The columns that a row gives values for, `serial` first.
    public let columns: [String]
    public let curve: EllipticCurve
    /// What the issuer signs with; the hash is the host's work.
    public let signatureAlgorithm: SignatureAlgorithm
    /// The last second of validity, since 1970 UTC.
    public let notAfter: Int64
    /// The first second of validity, since 1970 UTC.
    public let notBefore: Int64
    /// The issuer's key identifier; the AKI that RFC 8366 calls idevid-issuer.
    public let authorityKeyIdentifier: [UInt8]
    /// The issuer's key, for those who verify before they release.
    public let issuerKey: SubjectPublicKey

    private let builder: CertificateBuilder
    private let product: String
    private let program: PatchProgram
    private let keyIdentifierMethod: TemplateExtensions.KeyIdentifierMethod?
    private let algorithmIdentifier: [UInt8]
    private let rawSignatureOctets: Int
    private let isIssuedByRSA: Bool
    private let texts: [(text: TemplateText, rule: TextRule)]

    /// Makes the plan: builds a sample, lints it, compiles it and checks the compiled form.
    ///
    /// - Parameters:
    ///   - issuer: the DER of the issuing CA's certificate.
    ///   - notBefore: the first second of validity; a fraction is dropped.
    ///   - curve: the devices' curve, nil for the first that the template allows.
    public init(
        template: CertificateTemplate, issuer: [UInt8], notBefore: Date, product: String, rehearsal: Bool,
        curve: EllipticCurve? = nil
    ) throws(CertificatesError) {
        guard template.kind == .device else {
            throw CertificatesError(
                .templateKind, subject: template.name, "a run needs a template of kind device")
        }
        guard let curve = curve ?? template.curves.first, template.curves.contains(curve) else {
            let name = curve?.rawValue ?? "any curve"
            throw CertificatesError(
                .templateKind, subject: template.name, "the template does not allow keys on \(name)")
        }
        for (text, rule) in template.texts where text.placeholders.contains("product") {
            if let fault = product.isEmpty ? "the product is empty" : rule.characterFault(product) {
                throw CertificatesError(.value, subject: "product \(product)", fault)
            }
        }
        let received = try ReceivedCertificate(der: issuer)
        let issuerKey = try received.publicKey()
        let builder = try CertificateBuilder(
            template: template, issuer: received, issuerKey: issuerKey, notBefore: notBefore,
            rehearsal: rehearsal)
        guard let authority = received.subjectKeyIdentifier else {
            throw CertificatesError(
                .lint, subject: template.name, "the issuer's certificate has no subjectKeyIdentifier",
                findings: [LintFinding(.authorityKeyIdentifier, "the issuer has no subjectKeyIdentifier")])
        }
        self.builder = builder
        self.product = product
        self.curve = curve
        self.issuerKey = issuerKey
        columns = template.columns
        signatureAlgorithm = issuerKey.signatureAlgorithm
        self.notBefore = builder.notBefore
        notAfter = builder.notAfter
        authorityKeyIdentifier = authority
        keyIdentifierMethod = template.extensions.subjectKeyIdentifier?.content
        algorithmIdentifier = issuerKey.signatureAlgorithm.algorithmIdentifier
        rawSignatureOctets = issuerKey.rawSignatureOctets
        isIssuedByRSA = if case .rsa = issuerKey { true } else { false }
        texts = template.texts
        program = try Self.compile(
            builder, product: product, columns: columns, curve: curve, method: keyIdentifierMethod)
        try checkSamples(
            lint: CertificateLint(
                kind: .device, keyTypes: [CertificateKeyType(curve)], neverEnds: template.neverEnds,
                rehearsal: rehearsal,
                issuer: received))
    }

    // MARK: Rows

    /// The to-be-signed bytes of a row.
    ///
    /// Refuses characters that the string types do not allow; lengths are checked by ``faults(values:)`` before the
    /// run, since this is called for every device.
    public func toBeSigned(_ row: DeviceCertificateRow) throws(CertificatesError) -> [UInt8] {
        guard row.point.count == curve.pointOctets, row.point[0] == 0x04 else {
            throw CertificatesError(
                .publicKey, subject: curve.rawValue,
                "an uncompressed point of \(curve.pointOctets) octets is wanted")
        }
        guard row.values.count == columns.count else {
            throw CertificatesError(
                .values, subject: "row", "\(columns.count) values are wanted, got \(row.values.count)")
        }
        let identifier = keyIdentifierMethod?.identifier(of: row.point) ?? []
        guard
            let bytes = program.run(
                serialNumber: row.serialNumber, point: row.point, keyIdentifier: identifier, texts: row.values
            )
        else {
            throw CertificatesError(
                .value, subject: row.values[0], "a value has a character that the certificate cannot carry")
        }
        return bytes
    }

    /// The certificate out of the to-be-signed bytes and PKCS#11's signature: r‖s, or the octets of
    /// RSASSA-PKCS1-v1_5.
    ///
    /// The signature is not verified: that costs a hundred times as much, and belongs where a caller wants it.
    public func certificate(
        toBeSigned: [UInt8], rawSignature: [UInt8]
    ) throws(CertificatesError) -> [UInt8] {
        guard rawSignature.count == rawSignatureOctets else {
            throw CertificatesError(
                .signatureForm, subject: "signature",
                "\(rawSignatureOctets) octets are wanted, got \(rawSignature.count)")
        }
        // SEQUENCE and its length take at most five octets; they are written when the contents are known.
        let reserve = 5
        var bytes: [UInt8] = []
        bytes.reserveCapacity(reserve + toBeSigned.count + 24 + rawSignatureOctets + 9)
        bytes.append(contentsOf: repeatElement(0, count: reserve))
        bytes.append(contentsOf: toBeSigned)
        bytes.append(contentsOf: algorithmIdentifier)
        bytes.append(0x03)
        if isIssuedByRSA {
            bytes.append(contentsOf: derLength(1 + rawSignature.count))
            bytes.append(0x00)
            bytes.append(contentsOf: rawSignature)
        } else {
            let lengthOffset = bytes.count
            bytes.append(0x00)
            bytes.append(0x00)
            try ECDSASignatureForm.append(raw: rawSignature, to: &bytes)
            // A signature on P-384 has at most 104 octets, so one length octet is always enough.
            bytes[lengthOffset] = UInt8(truncatingIfNeeded: bytes.count - lengthOffset - 1)
        }
        let header = [0x30] + derLength(bytes.count - reserve)
        bytes.replaceSubrange(..<reserve, with: header)
        return bytes
    }

    /// The hash of the to-be-signed bytes, which a token signs by CKM_ECDSA, or inside a DigestInfo by CKM_RSA_PKCS.
    public func digest(_ toBeSigned: [UInt8]) -> [UInt8] { signatureAlgorithm.digest(toBeSigned) }

    /// The DER subjectPublicKeyInfo of a device's point.
    public func subjectPublicKeyInfo(point: [UInt8]) throws(CertificatesError) -> [UInt8] {
        try curve.subjectPublicKeyInfo(point: point)
    }

    /// What is wrong with a row's values, by the column that is to blame; empty when nothing is.
    public func faults(values: [String]) -> [ValueFault] {
        guard values.count == columns.count else {
            return [ValueFault(column: 0, message: "\(columns.count) values are wanted, got \(values.count)")]
        }
        var faults: [ValueFault] = []
        for (text, rule) in texts {
            var filled = ""
            var blamed: Int?
            for part in text.parts {
                switch part {
                case .literal(let literal): filled += literal
                case .placeholder("product"): filled += product
                case .placeholder(let name):
                    guard let column = Self.column(name, in: columns) else { continue }
                    if values[column].isEmpty || rule.characterFault(values[column]) != nil || blamed == nil {
                        blamed = column
                    }
                    filled += values[column]
                }
            }
            guard let blamed else { continue }
            if values[blamed].isEmpty {
                faults.append(ValueFault(column: blamed, message: "the value is empty"))
            } else if let fault = rule.fault(filled) {
                faults.append(ValueFault(column: blamed, message: fault))
            }
        }
        return faults
    }

    /// A value that a certificate cannot carry.
    public struct ValueFault: Hashable, Sendable {
        /// The index in ``DeviceCertificatePlan/columns``.
        public var column: Int
        public var message: String
    }

    /// Compares a row's bytes with what the X.509 library builds for it; the first difference is thrown.
    public func check(_ row: DeviceCertificateRow) throws(CertificatesError) {
        _ = try checked(row, checksTexts: true)
    }

    // MARK: Making the plan

    private func checked(
        _ row: DeviceCertificateRow, checksTexts: Bool
    ) throws(CertificatesError) -> [UInt8] {
        let patched = try toBeSigned(row)
        let der = try builder.certificate(
            serialNumber: row.serialNumber,
            subjectKey: SubjectPublicKey(
                subjectPublicKeyInfo: try subjectPublicKeyInfo(point: row.point)),
            values: Self.values(row.values, columns: columns, product: product), checksTexts: checksTexts)
        let built = try ReceivedCertificate(der: der).toBeSigned
        guard built == patched else {
            let offset = zip(built, patched).enumerated().first { $1.0 != $1.1 }?.offset
            throw CertificatesError(
                .patchMismatch, subject: row.values[0],
                "the patched bytes differ from the library's at offset \(offset ?? min(built.count, patched.count))",
                hint: "This is a defect of the product; nothing was signed for this row.")
        }
        return der
    }

    /// Proves the program on rows of very different lengths, and lints the shortest.
    private func checkSamples(lint: CertificateLint) throws(CertificatesError) {
        for length in [1, 40, 130, 300] {
            let key = EllipticCurvePublicKey(throwawayOn: curve)
            let values = columns.map { _ in String(repeating: "A", count: length) }
            let row = DeviceCertificateRow(
                serialNumber: CertificateSerialNumber(), point: key.point, values: values)
            let der = try checked(row, checksTexts: false)
            guard length == 1 else { continue }
            _ = try LintedToBeSigned(
                throwawaySigned: der, by: builder.throwaway, lint: lint, issuerKey: issuerKey,
                subject: builder.template.name)
        }
    }

    private static func column(_ placeholder: String, in columns: [String]) -> Int? {
        let name = placeholder.hasPrefix("column.") ? String(placeholder.dropFirst(7)) : placeholder
        return columns.firstIndex(of: name)
    }

    private static func values(
        _ values: [String], columns: [String], product: String
    ) -> [String: String] {
        var named = ["product": product]
        for (column, value) in zip(columns, values) {
            named["column.\(column)"] = value
            if column == "serial" { named["serial"] = value }
        }
        return named
    }

    private static func compile(
        _ builder: CertificateBuilder, product: String, columns: [String], curve: EllipticCurve,
        method: TemplateExtensions.KeyIdentifierMethod?
    ) throws(CertificatesError) -> PatchProgram {
        let serialNumber = CertificateSerialNumber()
        let key = EllipticCurvePublicKey(throwawayOn: curve)
        // Fourteen letters that no template holds; letters fit every string type and every field.
        var letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        let sentinels = columns.map { _ in
            letters.shuffle()
            return String(decoding: letters.prefix(14), as: UTF8.self)
        }
        let der = try builder.certificate(
            serialNumber: serialNumber, subjectKey: .ellipticCurve(key),
            values: values(sentinels, columns: columns, product: product), checksTexts: false)
        let sample = try ReceivedCertificate(der: der).toBeSigned
        var occurrences: [PatchProgram.Occurrence] = []
        func find(_ bytes: [UInt8], _ slot: PatchProgram.Slot, wanted: Int) throws(CertificatesError) {
            let ranges = sample.ranges(of: bytes)
            guard ranges.count == wanted else {
                throw CertificatesError(
                    .patchMismatch, subject: builder.template.name,
                    "a variable part was found \(ranges.count) times in the sample, not \(wanted)")
            }
            occurrences += ranges.map { .init(range: $0, slot: slot) }
        }
        try find(serialNumber.bytes, .serialNumber, wanted: 1)
        try find(key.point, .point, wanted: 1)
        if let method { try find(method.identifier(of: key.point), .keyIdentifier, wanted: 1) }
        for (index, sentinel) in sentinels.enumerated() {
            let uses = builder.template.texts.map { text, rule in
                (count: text.placeholders.count { column($0, in: columns) == index }, octets: rule.octets)
            }.filter { $0.count > 0 }
            let octets = uses.reduce(OctetSet { _ in true }) { $0.intersection($1.octets) }
            try find(
                Array(sentinel.utf8), .text(column: index, octets), wanted: uses.reduce(0) { $0 + $1.count })
        }
        guard let program = PatchProgram(sample: sample, occurrences: occurrences) else {
            throw CertificatesError(
                .patchMismatch, subject: builder.template.name, "the sample certificate cannot be taken apart"
            )
        }
        return program
    }
}
