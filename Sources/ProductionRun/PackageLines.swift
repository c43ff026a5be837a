import TransparencyLog

/// The lines of a package, a JSON object a device (RFC 8259).
///
/// `row` (from 0), `serial`, `certificate` (DER in base64), `wrappedKey` (PKCS#8 under RFC 5649, in base64), and
/// `transportKey`, the name of the file under `transport-keys` with the key that unwraps it.
struct PackageLines {
    /// Octets of a usual device's line.
    static let usualOctets = 1200

    private(set) var bytes: [UInt8] = []
    private let ending: [UInt8]

    /// Lines for devices whose keys are wrapped under the transport key of this name; about `octets` of them.
    init(transportKey name: String, reserving octets: Int) {
        ending = Array("\",\"transportKey\":\"\(name)\"}\n".utf8)
        bytes.reserveCapacity(octets)
    }

    mutating func append(
        row: Int, serial: String, certificate: [UInt8], wrappedKey: UnsafeRawBufferPointer
    ) {
        bytes.append(contentsOf: "{\"row\":".utf8)
        bytes.append(contentsOf: String(row).utf8)
        bytes.append(contentsOf: ",\"serial\":".utf8)
        JSONText.append(serial, to: &bytes)
        bytes.append(contentsOf: ",\"certificate\":\"".utf8)
        certificate.withUnsafeBytes { Base64.append($0, to: &bytes) }
        bytes.append(contentsOf: "\",\"wrappedKey\":\"".utf8)
        Base64.append(wrappedKey, to: &bytes)
        bytes.append(contentsOf: ending)
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
