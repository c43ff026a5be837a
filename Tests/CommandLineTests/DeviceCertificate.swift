import Foundation

/// What these tests look at in a device's certificate (RFC 5280 §4.1), read by nothing of the product's.
struct DeviceCertificate {
    let der: [UInt8]
    let serialNumber: [UInt8]
    let subjectPublicKeyInfo: [UInt8]

    init(_ der: [UInt8]) throws {
        self.der = der
        var outer = DERReader(try DERReader(der[...]).only(0x30))
        var fields = DERReader(try outer.next(0x30).content)
        if fields.tag == 0xA0 { _ = try fields.next(0xA0) }
        serialNumber = Array(try fields.next(0x02).content)
        // signature, issuer, validity, subject
        for _ in 0..<4 { _ = try fields.next(0x30) }
        subjectPublicKeyInfo = Array(try fields.next(0x30).whole)
    }
}

/// Reads DER values one after another.
struct DERReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var tag: UInt8? { rest.first }

    mutating func next(_ expected: UInt8) throws -> (content: ArraySlice<UInt8>, whole: ArraySlice<UInt8>) {
        let start = rest
        guard rest.popFirst() == expected, let first = rest.popFirst() else {
            throw ProgramFailure(description: "not the DER value expected")
        }
        var length = Int(first)
        if first >= 0x80 {
            length = 0
            for _ in 0..<(first & 0x7F) { length = length << 8 | Int(rest.popFirst() ?? 0) }
        }
        guard rest.count >= length else { throw ProgramFailure(description: "DER is cut off") }
        let content = rest.prefix(length)
        rest = rest.dropFirst(length)
        return (content, start.prefix(start.count - rest.count))
    }

    func only(_ expected: UInt8) throws -> ArraySlice<UInt8> {
        var copy = self
        let content = try copy.next(expected).content
        guard copy.rest.isEmpty else { throw ProgramFailure(description: "octets behind the DER value") }
        return content
    }
}
