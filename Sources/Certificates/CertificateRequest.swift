import Crypto

/// A certification request (PKCS #10, RFC 2986) for a key that a device made itself.
///
/// Read strictly: DER and nothing behind it, version 0, a named curve with an uncompressed point, an ECDSA signature
/// with SHA-256 or SHA-384. Subject and attributes have to be well-formed, and no certificate takes anything from them:
/// the template decides. ``CertificateRequestText`` takes a request out of PEM or base64.
public struct CertificateRequest: Hashable, Sendable {
    /// The most octets of a request; one without attributes has 210 on P-256.
    public static let largest = 4096

    /// The DER as received.
    public let der: [UInt8]
    /// The curve of the key.
    public let curve: EllipticCurve
    /// What the request is signed by: SHA-256 or SHA-384, on either curve.
    public let signatureAlgorithm: SignatureAlgorithm
    /// The subject, in the order of its attributes.
    let attributes: [SubjectAttribute]
    private let signed: Range<Int>
    private let pointStart: Int
    private let signature: Range<Int>

    /// One attribute of the subject (RFC 5280 section 4.1.2.4).
    struct SubjectAttribute: Hashable, Sendable {
        var type: Range<Int>
        var value: DERElement
    }

    /// Reads a request in DER; its proof of possession is ``isProven()``, which costs some hundred times as much.
    public init(der: [UInt8]) throws(CertificatesError) {
        guard der.count <= Self.largest else {
            throw Self.unreadable("it has \(der.count) octets; at most \(Self.largest) are accepted")
        }
        // CertificationRequest (section 4.2).
        var outer = DERCursor(der, from: 0, to: der.count)
        guard let request = outer.next(0x30) else { throw Self.unreadable("it is no DER SEQUENCE") }
        guard outer.isAtEnd else { throw Self.unreadable("octets follow the request") }
        var parts = DERCursor(der, in: request)
        guard let info = parts.next(0x30), let algorithm = parts.next(0x30), let bits = parts.next(0x03),
            parts.isAtEnd
        else {
            throw Self.unreadable(
                "it is not certificationRequestInfo, signatureAlgorithm and signature in DER")
        }

        // CertificationRequestInfo (section 4.1).
        var fields = DERCursor(der, in: info)
        guard let version = fields.next(0x02), let name = fields.next(0x30), let key = fields.next(0x30)
        else { throw Self.unreadable("version, subject or subjectPKInfo is missing or not DER") }
        guard version.contents.count == 1, der[version.contents.lowerBound] == 0 else {
            throw Self.unreadable("its version is not 0")
        }
        guard let extras = fields.next(0xA0), fields.isAtEnd else {
            throw Self.unreadable("attributes [0] has to be there, also when it is empty, and be the last")
        }
        attributes = try Self.subject(der, name)
        try Self.requireAttributes(der, extras)
        (curve, pointStart) = try Self.publicKey(der, key)

        guard
            let signatureAlgorithm = [SignatureAlgorithm.ecdsaWithSHA256, .ecdsaWithSHA384].first(where: {
                der[algorithm.whole].elementsEqual($0.algorithmIdentifier)
            })
        else {
            throw CertificatesError(
                .requestUnreadable, subject: "certification request",
                "it is not signed by ecdsa-with-SHA256 or ecdsa-with-SHA384 without parameters")
        }
        self.signatureAlgorithm = signatureAlgorithm
        // A BIT STRING whose first octet counts unused bits: none in a signature.
        guard let unused = der[bits.contents].first, unused == 0,
            case let value = bits.contents.dropFirst(),
            (try? ECDSASignatureForm.raw(der: Array(der[value]), curve: curve)) != nil
        else { throw Self.unreadable("its signature is not a DER ECDSA-Sig-Value of its curve") }
        signed = info.whole
        signature = value
        self.der = der
    }

    /// The uncompressed point of the key: 0x04, x, y.
    public var point: [UInt8] { Array(der[pointStart..<pointStart + curve.pointOctets]) }

    /// Whether the key lies on its curve and has signed the request: whoever made it holds the private key.
    ///
    /// Both forms of s are accepted, s and n - s: a request is evidence of possession and no identifier, and the list's
    /// digest fixes its octets.
    public func isProven() -> Bool {
        let message = der[signed]
        switch signatureAlgorithm {
        case .ecdsaWithSHA384: return isSigned(over: SHA384.hash(data: message))
        default: return isSigned(over: SHA256.hash(data: message))
        }
    }

    private func isSigned(over digest: some Digest) -> Bool {
        // BoringSSL refuses a point off the curve, and an r or s that is 0 or not below the group's order.
        switch curve {
        case .p256:
            guard let key = try? P256.Signing.PublicKey(x963Representation: point),
                let value = try? P256.Signing.ECDSASignature(derRepresentation: der[signature])
            else { return false }
            return key.isValidSignature(value, for: digest)
        case .p384:
            guard let key = try? P384.Signing.PublicKey(x963Representation: point),
                let value = try? P384.Signing.ECDSASignature(derRepresentation: der[signature])
            else { return false }
            return key.isValidSignature(value, for: digest)
        }
    }

    /// The texts of the subject's attributes serialNumber (2.5.4.5).
    public var serialNumbers: [String] { texts([0x55, 0x04, 0x05]) }

    /// The texts of the subject's attributes commonName (2.5.4.3).
    public var commonNames: [String] { texts([0x55, 0x04, 0x03]) }

    private func texts(_ type: [UInt8]) -> [String] {
        attributes.filter { der[$0.type].elementsEqual(type) }.map { attribute in
            let octets = der[attribute.value.contents]
            // BMPString; every other string type that names have is ASCII or UTF-8 where it matters.
            guard attribute.value.tag == 0x1E, octets.count.isMultiple(of: 2) else {
                return String(decoding: octets, as: UTF8.self)
            }
            let units = stride(from: octets.startIndex, to: octets.endIndex, by: 2).map {
                UInt16(der[$0]) << 8 | UInt16(der[$0 + 1])
            }
            return String(decoding: units, as: UTF16.self)
        }
    }

    // MARK: Parts

    /// Name (RFC 5280 section 4.1.2.4): a SEQUENCE of SETs of type and value.
    private static func subject(
        _ der: [UInt8], _ name: DERElement
    ) throws(CertificatesError) -> [SubjectAttribute] {
        var attributes: [SubjectAttribute] = []
        var names = DERCursor(der, in: name)
        while !names.isAtEnd {
            guard let set = names.next(0x31), !set.contents.isEmpty else {
                throw unreadable("its subject is malformed")
            }
            var members = DERCursor(der, in: set)
            while !members.isAtEnd {
                guard let member = members.next(0x30), case var pair = DERCursor(der, in: member),
                    let type = pair.next(0x06), !type.contents.isEmpty, let value = pair.next(),
                    pair.isAtEnd
                else { throw unreadable("its subject is malformed") }
                attributes.append(SubjectAttribute(type: type.contents, value: value))
            }
        }
        return attributes
    }

    /// Attributes (RFC 2986 section 4.1), such as an extensionRequest: well-formed, and ignored.
    private static func requireAttributes(
        _ der: [UInt8], _ attributes: DERElement
    ) throws(CertificatesError) {
        var list = DERCursor(der, in: attributes)
        while !list.isAtEnd {
            guard let attribute = list.next(0x30), case var parts = DERCursor(der, in: attribute),
                let type = parts.next(0x06), !type.contents.isEmpty, let values = parts.next(0x31),
                parts.isAtEnd, case var members = DERCursor(der, in: values), !members.isAtEnd
            else { throw unreadable("its attributes are malformed") }
            while !members.isAtEnd {
                guard members.next() != nil else { throw unreadable("its attributes are malformed") }
            }
        }
    }

    /// The curve, and where the point begins.
    private static func publicKey(
        _ der: [UInt8], _ key: DERElement
    ) throws(CertificatesError) -> (EllipticCurve, Int) {
        for curve in EllipticCurve.allCases {
            let prefix = curve.subjectPublicKeyInfoPrefix
            let start = key.start + prefix.count
            guard key.whole.count == prefix.count + curve.pointOctets,
                der[key.start..<start].elementsEqual(prefix), der[start] == 0x04
            else { continue }
            return (curve, start)
        }
        throw CertificatesError(
            .requestKey, subject: "certification request", refusal(of: Array(der[key.whole])),
            hint: "Have the device make its key on P-256 or P-384.")
    }

    /// Why a subjectPublicKeyInfo is refused.
    private static func refusal(of key: [UInt8]) -> String {
        let head = key.prefix(32)
        let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01]
        let ellipticCurve: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
        if head.contains(rsa) { return "its key is an RSA key; a device's key is on P-256 or P-384" }
        guard head.contains(ellipticCurve) else {
            return "its key is of another kind than EC; a device's key is on P-256 or P-384"
        }
        for curve in EllipticCurve.allCases {
            // From the namedCurve's OBJECT IDENTIFIER up to the BIT STRING.
            let oid = curve.subjectPublicKeyInfoPrefix.dropFirst(13).dropLast(3)
            guard head.contains(oid) else { continue }
            return "its key on \(curve.rawValue) is not an uncompressed point with the named curve"
        }
        return "its key is on another curve than P-256 and P-384, or writes the curve's parameters out"
    }

    static func unreadable(_ message: String) -> CertificatesError {
        CertificatesError(.requestUnreadable, subject: "certification request", message)
    }
}

/// Reads the DER elements of a stretch one after another.
struct DERCursor {
    private let bytes: [UInt8]
    private var offset: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int, to end: Int) {
        self.bytes = bytes
        offset = start
        self.end = end
    }

    /// Over an element's contents.
    init(_ bytes: [UInt8], in element: DERElement) {
        self.init(bytes, from: element.contents.lowerBound, to: element.contents.upperBound)
    }

    var isAtEnd: Bool { offset == end }

    /// The next element, of this tag where one is given; nil, and the cursor stays, when it is another or not DER.
    mutating func next(_ tag: UInt8? = nil) -> DERElement? {
        guard let element = DERElement(bytes, at: offset, before: end), tag ?? element.tag == element.tag
        else { return nil }
        offset = element.end
        return element
    }
}
