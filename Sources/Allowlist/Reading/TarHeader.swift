/// One header of a `.tar` in the ustar form of POSIX.1-2017 (pax, "ustar Interchange Format"), read strictly.
///
/// Fields that say nothing about a bundle's content (mode, owner, times, device numbers) are not looked at.
struct TarHeader {
    /// Bytes of a header, and what contents are filled up to.
    static let blockSize = 512

    let path: String
    let isDirectory: Bool
    /// Bytes of the content.
    let byteCount: UInt64

    /// Bytes that the content takes with the zeros behind it.
    var paddedCount: UInt64 { (byteCount + 511) & ~511 }

    /// Reads a block that is not all zeros; throws the message for a person.
    init(_ block: ArraySlice<UInt8>) throws(Malformed) {
        func field(_ range: Range<Int>) -> ArraySlice<UInt8> {
            block[block.startIndex + range.lowerBound..<block.startIndex + range.upperBound]
        }
        guard Array(field(257..<265)) == TarHeader.magic else {
            throw Malformed("a header is not of the ustar form")
        }
        let sum = block.reduce(0 as UInt64) { $0 + UInt64($1) }
        let ownSum = field(148..<156).reduce(0 as UInt64) { $0 + UInt64($1) }
        guard TarHeader.octal(field(148..<156)) == sum - ownSum + 8 * 0x20 else {
            throw Malformed("a header's checksum is wrong")
        }
        switch field(156..<157).first {
        case UInt8(ascii: "0"): isDirectory = false
        case UInt8(ascii: "5"): isDirectory = true
        default: throw Malformed("only ordinary files and directories belong in a bundle")
        }
        guard field(157..<257).allSatisfy({ $0 == 0 }), field(500..<512).allSatisfy({ $0 == 0 }) else {
            throw Malformed("a header names a link, or has bytes behind its fields")
        }
        guard let byteCount = TarHeader.octal(field(124..<136)) else {
            throw Malformed("a size is not an octal number")
        }
        guard !isDirectory || byteCount == 0 else { throw Malformed("a directory has a content") }
        self.byteCount = byteCount
        guard let name = TarHeader.text(field(0..<100)), let prefix = TarHeader.text(field(345..<500)) else {
            throw Malformed("a name has bytes behind its end")
        }
        var path = prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
        if isDirectory, path.last == UInt8(ascii: "/") { path.removeLast() }
        guard TarHeader.isOrdinary(path) else {
            throw Malformed("a name is absolute, or has an empty, `.` or `..` part or an unusual character")
        }
        self.path = String(decoding: path, as: UTF8.self)
    }

    struct Malformed: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    static let magic = Array("ustar\u{0}00".utf8)

    /// Octal digits, then at least one NUL or space up to the field's end.
    private static func octal(_ field: ArraySlice<UInt8>) -> UInt64? {
        let digits = field.prefix { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
        let rest = field[digits.endIndex...]
        guard !digits.isEmpty, !rest.isEmpty, rest.allSatisfy({ $0 == 0 || $0 == 0x20 }) else { return nil }
        // At most eleven digits, so 33 bits.
        return digits.reduce(0) { $0 << 3 | UInt64($1 - UInt8(ascii: "0")) }
    }

    /// The bytes before the first NUL, behind which only NULs may follow.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8]? {
        let text = field.prefix { $0 != 0 }
        guard field[text.endIndex...].allSatisfy({ $0 == 0 }) else { return nil }
        return Array(text)
    }

    /// Parts of printable ASCII between single slashes, none of them `.` or `..`.
    private static func isOrdinary(_ path: [UInt8]) -> Bool {
        path.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }
            && path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
            }
    }
}
