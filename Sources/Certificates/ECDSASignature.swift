/// The two forms of an ECDSA signature: PKCS#11's fixed-length r and s, and X.509's ECDSA-Sig-Value.
public enum ECDSASignatureForm {
    /// Encodes r‖s (PKCS#11 v3.1 section 6.3.1) as ECDSA-Sig-Value (RFC 3279 section 2.2.3).
    ///
    /// An odd or empty count, more than 66 octets a number, and a zero r or s are refused.
    public static func der(raw: [UInt8]) throws(CertificatesError) -> [UInt8] {
        var bytes: [UInt8] = []
        try append(raw: raw, to: &bytes)
        return bytes
    }

    /// Appends the ECDSA-Sig-Value of r‖s; called for every device, so nothing is allocated on the way.
    static func append(raw: [UInt8], to bytes: inout [UInt8]) throws(CertificatesError) {
        let half = raw.count / 2
        guard raw.count.isMultiple(of: 2), (1...66).contains(half) else {
            throw CertificatesError(
                .signatureForm, subject: "signature",
                "r and s have to be of equal length, got \(raw.count) octets")
        }
        var (r, s) = (0, half)
        while r < half, raw[r] == 0 { r += 1 }
        while s < raw.count, raw[s] == 0 { s += 1 }
        guard r < half, s < raw.count else {
            throw CertificatesError(.signatureForm, subject: "signature", "r and s must not be zero")
        }
        let rCount = half - r + (raw[r] >= 0x80 ? 1 : 0)
        let sCount = raw.count - s + (raw[s] >= 0x80 ? 1 : 0)
        let contents = 4 + rCount + sCount
        bytes.append(0x30)
        // Two numbers of 67 octets each need a second length octet, those of P-256 and P-384 never do.
        if contents >= 0x80 { bytes.append(0x81) }
        bytes.append(UInt8(truncatingIfNeeded: contents))
        append(raw[r..<half], count: rCount, to: &bytes)
        append(raw[s...], count: sCount, to: &bytes)
    }

    private static func append(_ magnitude: ArraySlice<UInt8>, count: Int, to bytes: inout [UInt8]) {
        bytes.append(0x02)
        bytes.append(UInt8(truncatingIfNeeded: count))
        if count > magnitude.count { bytes.append(0x00) }
        bytes.append(contentsOf: magnitude)
    }

    /// Decodes a strict DER ECDSA-Sig-Value to r‖s, each left-padded to the octets of the curve's coordinate.
    public static func raw(der: [UInt8], curve: EllipticCurve) throws(CertificatesError) -> [UInt8] {
        let width = curve.coordinateOctets
        guard let sequence = DERElement(der), sequence.tag == 0x30,
            let numbers = sequence.children(in: der), numbers.count == 2,
            let r = padded(numbers[0], in: der, to: width), let s = padded(numbers[1], in: der, to: width)
        else {
            throw CertificatesError(
                .signatureForm, subject: "signature",
                "this is not a DER ECDSA-Sig-Value for \(curve.rawValue)")
        }
        return r + s
    }

    private static func padded(_ element: DERElement, in der: [UInt8], to width: Int) -> [UInt8]? {
        let octets = der[element.contents]
        guard element.tag == 0x02, let first = octets.first, first < 0x80 else { return nil }
        var magnitude = octets
        if first == 0 {
            guard octets.count > 1, octets[octets.startIndex + 1] >= 0x80 else { return nil }
            magnitude = octets.dropFirst()
        }
        guard magnitude.count <= width else { return nil }
        return [UInt8](repeating: 0, count: width - magnitude.count) + magnitude
    }
}
