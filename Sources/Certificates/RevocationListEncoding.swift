import SwiftASN1

/// The object identifiers of a revocation list's extensions, as the octets of their contents.
enum RevocationListExtension {
    /// RFC 5280 section 5.2.3.
    static let cRLNumber: [UInt8] = [0x55, 0x1D, 0x14]
    /// RFC 5280 section 5.3.1.
    static let reasonCode: [UInt8] = [0x55, 0x1D, 0x15]
    /// RFC 5280 section 5.3.2.
    static let invalidityDate: [UInt8] = [0x55, 0x1D, 0x18]
    /// RFC 5280 section 5.2.1.
    static let authorityKeyIdentifier: [UInt8] = [0x55, 0x1D, 0x23]
}

/// Writes the TBSCertList of version 2 (RFC 5280 section 5.1).
///
/// - Parameters:
///   - issuer: the DER of the issuer's name, written as it is.
///   - entries: in the order in which they are to stand; without any, revokedCertificates is absent.
func encodedToBeSigned(
    _ list: CertificateRevocationList, issuer: [UInt8], keyIdentifier: [UInt8],
    algorithm: RevocationListAlgorithm, entries: [RevokedCertificate]
) throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.appendConstructedNode(identifier: .sequence) { fields in
        try fields.serialize(1)
        fields.serializeRawBytes(algorithm.algorithmIdentifier)
        fields.serializeRawBytes(issuer)
        try fields.serialize(time: list.thisUpdate)
        try fields.serialize(time: list.nextUpdate)
        if !entries.isEmpty {
            try fields.appendConstructedNode(identifier: .sequence) { revoked in
                for entry in entries { try revoked.serialize(entry: entry) }
            }
        }
        try fields.appendConstructedNode(identifier: .init(tagWithNumber: 0, tagClass: .contextSpecific)) {
            try $0.appendConstructedNode(identifier: .sequence) { extensions in
                try extensions.serialize(extension: RevocationListExtension.authorityKeyIdentifier) { value in
                    value.appendConstructedNode(identifier: .sequence) {
                        $0.appendPrimitiveNode(
                            identifier: .init(tagWithNumber: 0, tagClass: .contextSpecific)
                        ) { $0.append(contentsOf: keyIdentifier) }
                    }
                }
                try extensions.serialize(extension: RevocationListExtension.cRLNumber) {
                    try $0.serialize(list.number)
                }
            }
        }
    }
    return serializer.serializedBytes
}

extension DER.Serializer {
    /// UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 section 5.1.2.4).
    fileprivate mutating func serialize(time seconds: Int64) throws {
        let time = CalendarTime(seconds: seconds)
        guard (1950..<2050).contains(time.year) else {
            try serialize(GeneralizedTime(time))
            return
        }
        try serialize(
            UTCTime(
                year: time.year, month: time.month, day: time.day, hours: time.secondOfDay / 3600,
                minutes: time.secondOfDay / 60 % 60, seconds: time.secondOfDay % 60))
    }

    fileprivate mutating func serialize(entry: RevokedCertificate) throws {
        try appendConstructedNode(identifier: .sequence) { fields in
            fields.appendPrimitiveNode(identifier: .integer) { $0.append(contentsOf: entry.serialNumber) }
            try fields.serialize(time: entry.revocationTime)
            guard entry.reason != .unspecified || entry.invalidityDate != nil else { return }
            try fields.appendConstructedNode(identifier: .sequence) { extensions in
                if entry.reason != .unspecified {
                    try extensions.serialize(extension: RevocationListExtension.reasonCode) {
                        $0.appendPrimitiveNode(identifier: .enumerated) { $0.append(entry.reason.rawValue) }
                    }
                }
                if let date = entry.invalidityDate {
                    try extensions.serialize(extension: RevocationListExtension.invalidityDate) {
                        // GeneralizedTime for every year (RFC 5280 section 5.3.2).
                        try $0.serialize(GeneralizedTime(CalendarTime(seconds: date)))
                    }
                }
            }
        }
    }

    /// An Extension that is not critical: DER leaves out what is the default.
    fileprivate mutating func serialize(
        extension identifier: [UInt8], value: (inout DER.Serializer) throws -> Void
    ) throws {
        var content = DER.Serializer()
        try value(&content)
        appendConstructedNode(identifier: .sequence) { fields in
            fields.appendPrimitiveNode(identifier: .objectIdentifier) { $0.append(contentsOf: identifier) }
            fields.appendPrimitiveNode(identifier: .octetString) {
                $0.append(contentsOf: content.serializedBytes)
            }
        }
    }
}

extension GeneralizedTime {
    fileprivate init(_ time: CalendarTime) throws {
        try self.init(
            year: time.year, month: time.month, day: time.day, hours: time.secondOfDay / 3600,
            minutes: time.secondOfDay / 60 % 60, seconds: time.secondOfDay % 60, rawFractionalSeconds: [])
    }
}
