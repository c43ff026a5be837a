/// The forms in which a certification request arrives.
public enum CertificateRequestText {
    /// The DER of a request that is given in DER, in PEM (RFC 7468 section 7), or in base64 without line breaks.
    ///
    /// PEM is one block CERTIFICATE REQUEST, or NEW CERTIFICATE REQUEST as some programs write it; text may stand around
    /// it, another block may not. Base64 is strict: full padding and no stray bits (RFC 4648 section 3.5).
    public static func der(_ octets: [UInt8]) throws(CertificatesError) -> [UInt8] {
        guard let first = octets.first else { throw CertificateRequest.unreadable("there is nothing") }
        // The tag of a SEQUENCE; as base64 a request begins with M.
        if first == 0x30 { return octets }
        if first == UInt8(ascii: "M"), let der = Base64Digits.decode(octets[...]) { return der }
        return try derOfPEM(octets)
    }

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let labels = ["CERTIFICATE REQUEST-----", "NEW CERTIFICATE REQUEST-----"].map {
        Array($0.utf8)
    }

    private static func derOfPEM(_ octets: [UInt8]) throws(CertificatesError) -> [UInt8] {
        var body: [UInt8] = []
        var label: [UInt8]?
        var isComplete = false
        for line in octets.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            var line = line
            while let last = line.last, last == 0x20 || last == 0x09 { line.removeLast() }
            if line.starts(with: begin) {
                let name = line.dropFirst(begin.count)
                guard !isComplete, label == nil, let known = labels.first(where: name.elementsEqual) else {
                    let text = String(decoding: name.prefix(64).prefix { $0 != 0x2D }, as: UTF8.self)
                    throw CertificateRequest.unreadable(
                        text.hasSuffix("PRIVATE KEY")
                            ? "it holds a private key; a device keeps its own, so make a new one and guard this"
                            : "one PEM block CERTIFICATE REQUEST is wanted, and here begins \(text)")
                }
                label = known
            } else if line.starts(with: end), let known = label {
                guard line.dropFirst(end.count).elementsEqual(known) else {
                    throw CertificateRequest.unreadable("its PEM block ends by another label than it begins")
                }
                label = nil
                isComplete = true
            } else if label != nil {
                body.append(contentsOf: line)
            }
        }
        guard isComplete, label == nil else {
            throw CertificateRequest.unreadable(
                "it is no DER, no base64 without line breaks and no PEM block CERTIFICATE REQUEST")
        }
        guard let der = Base64Digits.decode(body[...]) else {
            throw CertificateRequest.unreadable("the base64 of its PEM block is not strict")
        }
        return der
    }
}

/// Strict base64 (RFC 4648 section 4), fast enough to be read for every device.
enum Base64Digits {
    /// The value of each octet as a digit, 0xFF where it is none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, digit) in alphabet.utf8.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    /// The octets, or nil where the digits are not strict base64 or none.
    static func decode(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard !digits.isEmpty, digits.count.isMultiple(of: 4) else { return nil }
        let padding = digits.suffix(2).count { $0 == 0x3D }
        let count = digits.count / 4 * 3 - padding
        let values = values
        var isStrict = true
        var bytes = [UInt8]()
        bytes.reserveCapacity(count + padding)
        var index = digits.startIndex
        while index < digits.endIndex {
            let isLast = index + 4 == digits.endIndex
            var group: UInt32 = 0
            var seen: UInt8 = 0
            for place in 0..<4 {
                let isPadding = isLast && place >= 4 - padding
                let value = isPadding ? 0 : values[Int(digits[index + place])]
                // A padding octet has to be one, so that no digit hides there.
                if isPadding, digits[index + place] != 0x3D { isStrict = false }
                seen |= value
                group = group << 6 | UInt32(value & 0x3F)
            }
            if seen & 0xC0 != 0 { isStrict = false }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            bytes.append(UInt8(truncatingIfNeeded: group >> 8))
            bytes.append(UInt8(truncatingIfNeeded: group))
            index += 4
        }
        guard isStrict, bytes[count...].allSatisfy({ $0 == 0 }) else { return nil }
        bytes.removeLast(padding)
        return bytes
    }
}
