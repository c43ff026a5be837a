import Crypto
import Foundation

/// The programming station's public key, to which the run's transport key is wrapped.
public struct StationKey: Hashable, Sendable {
    /// The file's bytes.
    public let pem: [UInt8]
    /// The DER subjectPublicKeyInfo.
    public let subjectPublicKeyInfo: [UInt8]

    /// The SHA-256 of the subjectPublicKeyInfo, as the authorisation cites it.
    public var digest: [UInt8] { Array(SHA256.hash(data: subjectPublicKeyInfo)) }

    /// Reads a PEM file with exactly one RSA public key of 2048 to 8192 bits; the error is a sentence.
    init(pem: [UInt8]) throws(Malformed) {
        guard let text = String(validating: pem, as: UTF8.self) else {
            throw Malformed(message: "the file is not text")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        if lines.contains(where: { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("PRIVATE KEY-----") }) {
            throw Malformed(
                message: "the file holds a private key; give the public key only, and guard this one")
        }
        let (begin, end) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
        guard lines.count(where: { $0 == begin }) == 1, let start = lines.firstIndex(of: begin),
            let stop = lines.firstIndex(of: end), start < stop,
            let der = Data(base64Encoded: lines[(start + 1)..<stop].joined())
        else { throw Malformed(message: "one PEM block PUBLIC KEY is wanted") }
        subjectPublicKeyInfo = Array(der)
        self.pem = pem
        guard let bits = Self.modulusBits(subjectPublicKeyInfo) else {
            throw Malformed(message: "the key is not RSA; the transport key is wrapped by RSA-OAEP")
        }
        guard (2048...8192).contains(bits) else {
            throw Malformed(message: "the RSA key has \(bits) bits; from 2048 to 8192 are accepted")
        }
    }

    struct Malformed: Error { var message: String }

    /// SubjectPublicKeyInfo { AlgorithmIdentifier rsaEncryption, BIT STRING { SEQUENCE { modulus, exponent } } }.
    private static func modulusBits(_ der: [UInt8]) -> Int? {
        let algorithm: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        guard let outer = contents(der[...], 0x30), outer.rest.isEmpty, outer.body.starts(with: algorithm),
            let bits = contents(outer.body.dropFirst(algorithm.count), 0x03), bits.rest.isEmpty,
            bits.body.first == 0, let key = contents(bits.body.dropFirst(), 0x30), key.rest.isEmpty,
            let modulus = contents(key.body, 0x02), let exponent = contents(modulus.rest, 0x02),
            exponent.rest.isEmpty, !exponent.body.isEmpty
        else { return nil }
        let magnitude = modulus.body.drop { $0 == 0 }
        guard let first = magnitude.first else { return nil }
        return magnitude.count * 8 - first.leadingZeroBitCount
    }

    private static func contents(
        _ bytes: ArraySlice<UInt8>, _ tag: UInt8
    ) -> (body: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
        guard bytes.count >= 2, bytes.first == tag else { return nil }
        var rest = bytes.dropFirst(2)
        var length = Int(bytes[bytes.startIndex + 1])
        if length >= 0x80 {
            let octets = length & 0x7F
            guard (1...3).contains(octets), rest.count >= octets else { return nil }
            length = rest.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(octets)
        }
        guard length <= rest.count else { return nil }
        return (rest.prefix(length), rest.dropFirst(length))
    }
}
