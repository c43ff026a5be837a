import TransparencyLog

/// The lines of a package, a JSON object a device (RFC 8259).
///
/// `row` (from 0), `serial`, `certificate` (DER), then what there is of: `wrappedKey` (PKCS#8 under RFC 5649), `pkcs12`,
/// `registrationId`, `wrappedRegistrationSecret`; all octets in base64. At the end `transportKey`, the name of the file
/// under `transport-keys` with the key that unwraps what is wrapped. Where devices made their keys there is none of these.
struct PackageLines {
    /// Octets of a usual device's line.
    static let usualOctets = 1200

    private(set) var bytes: [UInt8] = []
    private let ending: [UInt8]

    /// Lines for devices whose secrets are wrapped under the transport key of this name, where they are; about `octets` of
    /// them.
    init(transportKey name: String = "", reserving octets: Int) {
        ending = Array(",\"transportKey\":\"\(name)\"}\n".utf8)
        bytes.reserveCapacity(octets)
    }

    mutating func append(
        row: Int, serial: String, certificate: [UInt8], _ secrets: DeliveredSecrets = DeliveredSecrets()
    ) {
        bytes.append(contentsOf: "{\"row\":".utf8)
        bytes.append(contentsOf: String(row).utf8)
        bytes.append(contentsOf: ",\"serial\":".utf8)
        JSONText.append(serial, to: &bytes)
        certificate.withUnsafeBytes { append(",\"certificate\":\"", $0) }
        if let key = secrets.wrappedKey { append(",\"wrappedKey\":\"", key) }
        secrets.pkcs12?.withUnsafeBytes { append(",\"pkcs12\":\"", $0) }
        if let registration = secrets.registration {
            bytes.append(contentsOf: ",\"registrationId\":".utf8)
            JSONText.append(registration.id, to: &bytes)
            append(",\"wrappedRegistrationSecret\":\"", registration.wrappedSecret)
        }
        if secrets.wrappedKey != nil || secrets.registration != nil {
            bytes.append(contentsOf: ending)
        } else {
            bytes.append(contentsOf: "}\n".utf8)
        }
    }

    /// A key with its colon and opening quotation mark, and octets in base64.
    @inline(__always)
    private mutating func append(_ opening: StaticString, _ octets: UnsafeRawBufferPointer) {
        opening.withUTF8Buffer { bytes.append(contentsOf: $0) }
        Base64.append(octets, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Text as a JSON string (RFC 8259 §7).
enum JSONText {
    private static let digits = Array("0123456789abcdef".utf8)

    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
