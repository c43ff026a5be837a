import SwiftASN1
import X509

/// What a TBSCertList says (RFC 5280 section 5.1), read strictly: nothing but DER, version 2, no unknown critical
/// extension, and every extension that section 5.2 demands.
struct RevocationListFields: Hashable, Sendable {
    var algorithm: RevocationListAlgorithm
    /// The DER of the issuer's name.
    var issuer: [UInt8]
    var thisUpdate: Int64
    var nextUpdate: Int64
    var entries: [RevokedCertificate] = []
    var number: UInt64
    var authorityKeyIdentifier: [UInt8]

    /// Reads the element of a TBSCertList; `bytes` may have more around it.
    init(_ bytes: [UInt8], at element: DERElement) throws(CertificatesError) {
        guard element.tag == 0x30, var parts = element.children(in: bytes)?[...] else {
            throw Self.unreadable("the to-be-signed part is not DER")
        }
        guard let version = parts.popFirst(), Array(bytes[version.whole]) == [0x02, 0x01, 0x01] else {
            throw Self.unreadable("the version is not v2")
        }
        guard parts.count >= 5, let signature = parts.popFirst(), let name = parts.popFirst(),
            let first = parts.popFirst(), let next = parts.popFirst()
        else { throw Self.unreadable("the to-be-signed part lacks a field") }
        guard let algorithm = RevocationListAlgorithm(algorithmIdentifier: bytes[signature.whole]) else {
            throw Self.unreadable("the signature algorithm is not one of those that are used here")
        }
        self.algorithm = algorithm
        issuer = Array(bytes[name.whole])
        guard name.tag == 0x30, !name.contents.isEmpty, Self.isName(issuer) else {
            throw Self.unreadable("the issuer is not a DER name, or is empty")
        }
        guard let thisUpdate = Self.seconds(bytes, first) else {
            throw Self.unreadable("thisUpdate is malformed")
        }
        guard let nextUpdate = Self.seconds(bytes, next) else {
            throw Self.unreadable("nextUpdate is missing or malformed")
        }
        (self.thisUpdate, self.nextUpdate) = (thisUpdate, nextUpdate)
        if let revoked = parts.first, revoked.tag == 0x30 {
            parts.removeFirst()
            entries = try Self.entries(bytes, revoked)
        }
        guard let wrapper = parts.popFirst(), wrapper.tag == 0xA0, parts.isEmpty,
            let wrapped = wrapper.children(in: bytes), wrapped.count == 1
        else { throw Self.unreadable("the extensions are missing or malformed") }
        var (authority, number): ([UInt8]?, UInt64?)
        for item in try ExtensionItem.all(bytes, wrapped[0]) {
            switch item.identifier {
            case RevocationListExtension.authorityKeyIdentifier:
                authority = Self.keyIdentifier(bytes, item)
            case RevocationListExtension.cRLNumber: number = Self.number(bytes, item)
            default: try item.requireNotCritical()
            }
        }
        guard let authority else {
            throw Self.unreadable("the authorityKeyIdentifier is missing or more than a keyIdentifier")
        }
        guard let number else {
            throw Self.unreadable("the cRLNumber is missing, malformed or above 2^64-1")
        }
        (authorityKeyIdentifier, self.number) = (authority, number)
    }

    static func unreadable(_ message: String) -> CertificatesError {
        CertificatesError(.revocationListUnreadable, subject: "revocation list", message)
    }

    private static func entries(
        _ bytes: [UInt8], _ list: DERElement
    ) throws(CertificatesError) -> [RevokedCertificate] {
        guard let items = list.children(in: bytes), !items.isEmpty else {
            throw unreadable("revokedCertificates is empty or not DER")
        }
        var entries: [RevokedCertificate] = []
        entries.reserveCapacity(items.count)
        for item in items { entries.append(try entry(bytes, item)) }
        guard Set(entries.lazy.map(\.serialNumber)).count == entries.count else {
            throw unreadable("a serial number stands twice")
        }
        return entries
    }

    private static func entry(
        _ bytes: [UInt8], _ item: DERElement
    ) throws(CertificatesError) -> RevokedCertificate {
        guard item.tag == 0x30, let parts = item.children(in: bytes), (2...3).contains(parts.count),
            parts[0].tag == 0x02, let time = seconds(bytes, parts[1])
        else { throw unreadable("an entry is malformed") }
        var (reason, invalidity): (RevocationReason?, Int64?)
        if parts.count == 3 {
            for item in try ExtensionItem.all(bytes, parts[2]) {
                switch item.identifier {
                case RevocationListExtension.reasonCode:
                    reason = item.reason(bytes)
                    guard reason != nil else { throw unreadable("a reasonCode is malformed") }
                case RevocationListExtension.invalidityDate:
                    invalidity = item.content(bytes).flatMap {
                        $0.tag == 0x18 ? seconds(bytes, $0, isAnyYear: true) : nil
                    }
                    guard invalidity != nil else { throw unreadable("an invalidityDate is malformed") }
                default: try item.requireNotCritical()
                }
            }
        }
        let entry = RevokedCertificate(
            serialNumber: Array(bytes[parts[0].contents]), revocationTime: time,
            reason: reason ?? .unspecified, invalidityDate: invalidity)
        guard entry.hasSerialNumberForm else {
            throw unreadable("a serial number is not a positive INTEGER of at most 20 octets")
        }
        guard entry.reason != .removeFromCRL else {
            throw unreadable("removeFromCRL stands in a list that is no delta CRL")
        }
        return entry
    }

    /// Whether the bytes are a name, and the one encoding of it.
    private static func isName(_ der: [UInt8]) -> Bool {
        do {
            var serializer = DER.Serializer()
            try serializer.serialize(DistinguishedName(derEncoded: try DER.parse(der)))
            return serializer.serializedBytes == der
        } catch {
            return false
        }
    }

    private static func keyIdentifier(_ bytes: [UInt8], _ item: ExtensionItem) -> [UInt8]? {
        guard !item.critical, let sequence = item.content(bytes), sequence.tag == 0x30,
            let parts = sequence.children(in: bytes), parts.count == 1, parts[0].tag == 0x80,
            !parts[0].contents.isEmpty
        else { return nil }
        return Array(bytes[parts[0].contents])
    }

    private static func number(_ bytes: [UInt8], _ item: ExtensionItem) -> UInt64? {
        guard !item.critical, let integer = item.content(bytes), integer.tag == 0x02 else { return nil }
        let octets = bytes[integer.contents]
        guard let first = octets.first, first < 0x80, octets.count <= 9 else { return nil }
        if octets.count > 1, first == 0, octets[octets.startIndex + 1] < 0x80 { return nil }
        guard octets.count < 9 || first == 0 else { return nil }
        return octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The seconds since 1970 UTC of a UTCTime or GeneralizedTime in RFC 5280's form (section 4.1.2.5).
    ///
    /// - Parameter isAnyYear: whether GeneralizedTime may have a year before 2050.
    private static func seconds(_ bytes: [UInt8], _ element: DERElement, isAnyYear: Bool = false) -> Int64? {
        var octets = bytes[element.contents]
        let isGeneralized = element.tag == 0x18
        guard isGeneralized || element.tag == 0x17, octets.count == (isGeneralized ? 15 : 13),
            octets.popLast() == 0x5A
        else { return nil }
        var pairs: [Int] = []
        while let tens = octets.popFirst(), let ones = octets.popFirst() {
            guard 0x30...0x39 ~= tens, 0x30...0x39 ~= ones else { return nil }
            pairs.append(Int(tens - 0x30) * 10 + Int(ones - 0x30))
        }
        var time = CalendarTime(seconds: 0)
        if isGeneralized {
            time.year = pairs[0] * 100 + pairs[1]
            guard isAnyYear ? time.year >= 1950 : time.year >= 2050 else { return nil }
        } else {
            // 50 to 99 are the twentieth century's (RFC 5280 section 4.1.2.5.1).
            time.year = pairs[0] + (pairs[0] < 50 ? 2000 : 1900)
        }
        let rest = pairs.suffix(5).map(\.self)
        guard (1...12).contains(rest[0]), rest[2] < 24, rest[3] < 60, rest[4] < 60 else { return nil }
        (time.month, time.day) = (rest[0], rest[1])
        time.secondOfDay = rest[2] * 3600 + rest[3] * 60 + rest[4]
        // A day that the month does not have comes back as another one.
        return CalendarTime(seconds: time.seconds) == time ? time.seconds : nil
    }
}

/// One Extension of a list or of an entry (RFC 5280 section 4.1).
private struct ExtensionItem {
    /// The contents of the extnID.
    let identifier: [UInt8]
    let critical: Bool
    let value: DERElement

    /// Reads a non-empty SEQUENCE of extensions in which none stands twice.
    static func all(_ bytes: [UInt8], _ list: DERElement) throws(CertificatesError) -> [ExtensionItem] {
        guard list.tag == 0x30, let elements = list.children(in: bytes), !elements.isEmpty else {
            throw RevocationListFields.unreadable("the extensions are empty or malformed")
        }
        var items: [ExtensionItem] = []
        for element in elements {
            guard let item = ExtensionItem(bytes, element) else {
                throw RevocationListFields.unreadable("an extension is malformed")
            }
            guard !items.contains(where: { $0.identifier == item.identifier }) else {
                throw RevocationListFields.unreadable("an extension stands twice")
            }
            items.append(item)
        }
        return items
    }

    private init?(_ bytes: [UInt8], _ element: DERElement) {
        guard element.tag == 0x30, let parts = element.children(in: bytes), (2...3).contains(parts.count),
            parts[0].tag == 0x06, let value = parts.last, value.tag == 0x04
        else { return nil }
        // FALSE is the default, which DER leaves out; TRUE is 0xFF (X.690 sections 11.1 and 11.5).
        if parts.count == 3, Array(bytes[parts[1].whole]) != [0x01, 0x01, 0xFF] { return nil }
        identifier = Array(bytes[parts[0].contents])
        guard Self.isObjectIdentifier(identifier) else { return nil }
        critical = parts.count == 3
        self.value = value
    }

    /// Whether every arc ends and none has a leading zero (X.690 section 8.19).
    private static func isObjectIdentifier(_ octets: [UInt8]) -> Bool {
        guard let last = octets.last, last < 0x80 else { return false }
        return octets.indices.allSatisfy { octets[$0] != 0x80 || ($0 > 0 && octets[$0 - 1] >= 0x80) }
    }

    /// The one element inside the extnValue.
    func content(_ bytes: [UInt8]) -> DERElement? {
        guard let element = DERElement(bytes, at: value.contents.lowerBound, before: value.end),
            element.end == value.end
        else { return nil }
        return element
    }

    func reason(_ bytes: [UInt8]) -> RevocationReason? {
        guard let element = content(bytes), element.tag == 0x0A, element.contents.count == 1 else {
            return nil
        }
        return RevocationReason(rawValue: bytes[element.contents.lowerBound])
    }

    /// Refuses what a reader has to understand and this one does not (RFC 5280 sections 5.2 and 5.3).
    func requireNotCritical() throws(CertificatesError) {
        guard !critical else {
            throw RevocationListFields.unreadable(
                "a critical extension is not known here: OID octets \(identifier.hexadecimal)")
        }
    }
}
