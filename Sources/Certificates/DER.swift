/// One DER element inside a byte array: where it starts, where its contents lie.
///
/// Only what X.509 needs: definite lengths in their shortest form and tag numbers below 31 (X.690 section 10).
struct DERElement: Hashable, Sendable {
    let tag: UInt8
    let start: Int
    let contents: Range<Int>

    var end: Int { contents.upperBound }
    var whole: Range<Int> { start..<end }
    var isConstructed: Bool { tag & 0x20 != 0 }

    /// Reads the element that begins at `start`; nil when it is not DER or leaves `bytes[..<end]`.
    init?(_ bytes: [UInt8], at start: Int, before end: Int) {
        guard start >= 0, end <= bytes.count, end - start >= 2 else { return nil }
        let tag = bytes[start]
        guard tag & 0x1F != 0x1F else { return nil }
        let first = Int(bytes[start + 1])
        var length = first
        var offset = start + 2
        if first >= 0x80 {
            let octets = first & 0x7F
            guard (1...4).contains(octets), end - offset >= octets else { return nil }
            length = 0
            for _ in 0..<octets {
                length = length << 8 | Int(bytes[offset])
                offset += 1
            }
            guard length >= 0x80, octets == 1 || length >> (8 * (octets - 1)) != 0 else { return nil }
        }
        guard length <= end - offset else { return nil }
        self.tag = tag
        self.start = start
        contents = offset..<offset + length
    }

    /// Reads an array that is exactly one element.
    init?(_ bytes: [UInt8]) {
        self.init(bytes, at: 0, before: bytes.count)
        guard end == bytes.count else { return nil }
    }

    /// The elements inside, or nil when the contents are not a row of elements.
    func children(in bytes: [UInt8]) -> [DERElement]? {
        var elements: [DERElement] = []
        var offset = contents.lowerBound
        while offset < contents.upperBound {
            guard let element = DERElement(bytes, at: offset, before: contents.upperBound) else { return nil }
            elements.append(element)
            offset = element.end
        }
        return elements
    }
}

/// Encodes one DER element out of its tag and contents.
func derElement(_ tag: UInt8, _ contents: some Collection<UInt8>) -> [UInt8] {
    var bytes = [tag] + derLength(contents.count)
    bytes.append(contentsOf: contents)
    return bytes
}

/// The length octets in their shortest form (X.690 section 10.1).
func derLength(_ count: Int) -> [UInt8] {
    if count < 0x80 { return [UInt8(count)] }
    var octets: [UInt8] = []
    var rest = count
    while rest > 0 {
        octets.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
    }
    return [0x80 | UInt8(octets.count)] + octets
}
