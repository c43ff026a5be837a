/// Writes a `.tar` in the form that `TarArchive` reads: the same files always give the same bytes.
///
/// Ordinary files only, mode 0644, owner and time 0, no names of owners, two blocks of zeros at the end.
public struct TarWriter {
    /// Takes the archive's bytes in order.
    public typealias Sink = (_ bytes: [UInt8]) throws(AllowlistError) -> Void

    /// Bytes of a content that are held at once.
    private static let chunkSize = 1 << 20
    /// Eleven octal digits: a byte less than 8 GiB.
    private static let largestContent: UInt64 = 1 << 33 - 1

    private let sink: Sink

    public init(to sink: @escaping Sink) {
        self.sink = sink
    }

    /// Appends a file's header and content. Paths are the caller's to sort and to hold apart.
    public func append(_ file: any BundleFile) throws(AllowlistError) {
        try sink(try TarWriter.header(path: file.path, byteCount: file.byteCount))
        var offset: UInt64 = 0
        while offset < file.byteCount {
            let count = Int(min(file.byteCount - offset, UInt64(Self.chunkSize)))
            try sink(try file.read(at: offset, count: count))
            offset += UInt64(count)
        }
        let padding = -Int(file.byteCount % UInt64(TarHeader.blockSize)) & (TarHeader.blockSize - 1)
        if padding > 0 { try sink([UInt8](repeating: 0, count: padding)) }
    }

    /// Ends the archive.
    public func finish() throws(AllowlistError) {
        try sink([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
    }

    static func header(path: String, byteCount: UInt64) throws(AllowlistError) -> [UInt8] {
        guard path.utf8.count <= 100, byteCount <= largestContent else {
            throw AllowlistError(
                .archive, file: path, "the file's name or size does not fit a plain ustar archive",
                hint: "carry this bundle as a folder")
        }
        var header = [UInt8](repeating: 0, count: TarHeader.blockSize)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        put(path, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(byteCount, digits: 11), at: 124)
        put("00000000000", at: 136)
        // The checksum is taken over spaces in its own place.
        put("        ", at: 148)
        put("0", at: 156)
        put(String(decoding: TarHeader.magic, as: UTF8.self), at: 257)
        // Device numbers: other writers in the same form fill them, too.
        put("0000000", at: 329)
        put("0000000", at: 337)
        put(octal(header.reduce(0) { $0 + UInt64($1) }, digits: 6) + "\u{0} ", at: 148)
        return header
    }

    private static func octal(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
