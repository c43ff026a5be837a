import Crypto

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The names in a folder of requests, sorted by their octets; a million take some 30 MB.
struct RequestNames: Sendable {
    /// What a request's file ends with; before it stands the serial.
    static let endings = [".pem", ".der", ".csr"]

    private var octets: [UInt8] = []
    /// Where each name ends.
    private var ends: [Int] = []

    var count: Int { ends.count }

    subscript(row: Int) -> String {
        String(decoding: octets[(row == 0 ? 0 : ends[row - 1])..<ends[row]], as: UTF8.self)
    }

    func serial(_ row: Int) -> String { String(self[row].dropLast(4)) }

    /// Lists the folder; names that begin with a dot are passed over.
    init(folder: String) throws(ManifestError) {
        guard let stream = opendir(folder) else {
            throw ManifestError(
                .unreadable, subject: folder,
                message: "the folder of requests cannot be read: \(String(cString: strerror(errno)))",
                hint: "Check the path and its permissions.")
        }
        defer { closedir(stream) }
        var octets: [UInt8] = []
        var ranges: [(start: Int, end: Int)] = []
        while let entry = readdir(stream) {
            let start = octets.count
            withUnsafeBytes(of: &entry.pointee.d_name) { name in
                octets.append(contentsOf: name.prefix { $0 != 0 })
            }
            if octets[start] == UInt8(ascii: ".") {
                octets.removeSubrange(start...)
            } else {
                ranges.append((start, octets.count))
            }
        }
        octets.withUnsafeBufferPointer { names in
            guard let base = names.baseAddress else { return }
            ranges.sort { left, right in
                let (first, second) = (left.end - left.start, right.end - right.start)
                let order = memcmp(base + left.start, base + right.start, min(first, second))
                return order == 0 ? first < second : order < 0
            }
        }
        self.octets.reserveCapacity(octets.count)
        ends.reserveCapacity(ranges.count)
        for range in ranges {
            self.octets.append(contentsOf: octets[range.start..<range.end])
            ends.append(self.octets.count)
        }
    }

    /// What is wrong with a name, or nil.
    func fault(_ row: Int) -> String? {
        let name = self[row]
        guard Self.endings.contains(where: { name.hasSuffix($0) }), name.utf8.count > 4 else {
            return
                "a request's file is SERIAL.pem, SERIAL.der or SERIAL.csr, and nothing else is in the folder"
        }
        guard octets[(row == 0 ? 0 : ends[row - 1])..<ends[row]].elementsEqual(name.utf8) else {
            return "the name is not UTF-8"
        }
        var serial = serial(row)
        return serial.withUTF8 { text in
            if let fault = encodingFault(text) { return fault.message }
            if hasOuterBlank(text) { return "the serial begins or ends with a blank" }
            // sha256sum, by which anybody can compute the digest, writes such names otherwise.
            return text.contains(UInt8(ascii: "\\")) ? "a backslash is not accepted in a name" : nil
        }
    }
}

/// A folder of requests that was read whole.
struct CheckedFolder: Sendable {
    /// Rows of which one digest is kept.
    static let stretch = 256
    /// The most octets of a request's file: the largest request in PEM with some text around it.
    static let largestFile = 16_384

    let path: String
    let names: RequestNames
    /// The SHA-256 of what ``digest`` is over, for each stretch of rows.
    let stretches: [[UInt8]]
    /// The SHA-256 of what `LC_ALL=C sha256sum -- *` prints in the folder.
    let digest: [UInt8]

    /// The line of one file in the text that the digests are over.
    static func line(_ content: [UInt8], _ name: String) -> [UInt8] {
        var line: [UInt8] = []
        let digits = Array("0123456789abcdef".utf8)
        for byte in SHA256.hash(data: content) {
            line.append(digits[Int(byte >> 4)])
            line.append(digits[Int(byte & 15)])
        }
        line.append(contentsOf: "  \(name)\n".utf8)
        return line
    }

    /// The octets of a request's file, nil with the reason where it is none.
    static func read(_ path: String, reason: (String) -> Void) -> [UInt8]? {
        // Without waiting: a pipe would never answer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            reason("the request cannot be read: \(String(cString: strerror(errno)))")
            return nil
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            reason("the request is not a regular file")
            return nil
        }
        guard status.st_size <= largestFile else {
            reason("the request has \(status.st_size) octets; at most \(largestFile) are accepted")
            return nil
        }
        var isRead = true
        let capacity = Int(status.st_size) + 1
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
            while filled < capacity, let base = buffer.baseAddress {
                let got = pread(descriptor, base + filled, capacity - filled, off_t(filled))
                if got < 0, errno == EINTR { continue }
                isRead = got >= 0
                if got <= 0 { return }
                filled += got
            }
        }
        guard isRead, bytes.count < capacity else {
            reason("the request changed, or could not be read, while it was read")
            return nil
        }
        return bytes
    }
}
