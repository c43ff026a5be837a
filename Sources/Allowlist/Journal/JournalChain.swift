import TransparencyLog

/// Follows a journal's lines by their bytes: each must name the SHA-256 of the one before.
struct JournalChain {
    /// SHA-256 of the last line; 32 zero octets before the first one.
    private(set) var head = Digest32()
    private(set) var lineCount = 0
    /// Octets of all lines with their newlines.
    private(set) var byteCount: UInt64 = 0

    private static let bytesPerRead = 1 << 20

    /// Takes the next line, without its newline.
    mutating func take(_ line: UnsafeRawBufferPointer) throws(JournalError) {
        guard let member = JournalChain.member("prev", of: line),
            let previous = Digest32(hex: String(decoding: member, as: UTF8.self))
        else {
            throw JournalError(.malformed, line: lineCount + 1, "the line does not name the one before it")
        }
        guard previous == head else {
            throw JournalError(
                .chain, line: lineCount + 1, "the line does not follow the one before it",
                hint: "the journal was altered; keep it as it is and compare it with a copy")
        }
        append(line)
    }

    /// Takes a line that is known to follow.
    mutating func append(_ line: UnsafeRawBufferPointer) {
        head = Digest32.sha256(line)
        lineCount += 1
        byteCount += UInt64(line.count) + 1
    }

    /// Hands every whole line of the file to `visit` and answers the octets after the last newline.
    static func read(
        _ file: OpenDescriptor,
        visit: (UnsafeRawBufferPointer) throws(JournalError) -> Void
    ) throws(JournalError) -> [UInt8] {
        var rest: [UInt8] = []
        var offset: UInt64 = 0
        while offset < file.byteCount {
            let count = min(file.byteCount - offset, UInt64(bytesPerRead))
            do throws(AllowlistError) {
                rest += try file.read(at: offset, count: Int(count), path: nil)
            } catch {
                throw JournalError(.file, error.message, hint: error.hint)
            }
            offset += count
            let used = try rest.withUnsafeBufferPointer { (buffer) throws(JournalError) -> Int in
                let bytes = UnsafeRawBufferPointer(buffer)
                var start = 0
                while let end = bytes[start...].firstIndex(of: 0x0a) {
                    try visit(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                    start = end + 1
                }
                return start
            }
            rest.removeFirst(used)
            guard rest.count <= JournalLine.maximumLength else {
                throw JournalError(.malformed, "a line is longer than \(JournalLine.maximumLength) octets")
            }
        }
        return rest
    }

    /// The text of the member `name` of a canonical line, up to the next quote.
    ///
    /// In the canonical form a quote inside a string stands behind a backslash, so what is found is no string's content.
    static func member(_ name: StaticString, of line: UnsafeRawBufferPointer) -> Slice<
        UnsafeRawBufferPointer
    >? {
        let count = name.utf8CodeUnitCount
        return name.withUTF8Buffer { name in
            var place = 1
            while place + count + 4 <= line.count {
                if line[place] == 0x22, line[place - 1] == 0x2c || line[place - 1] == 0x7b,
                    line[place + 1 + count] == 0x22, line[place + 2 + count] == 0x3a,
                    line[place + 3 + count] == 0x22, line[place + 1..<place + 1 + count].elementsEqual(name)
                {
                    let start = place + 4 + count
                    guard let end = line[start...].firstIndex(of: 0x22) else { return nil }
                    return line[start..<end]
                }
                place += 1
            }
            return nil
        }
    }
}
