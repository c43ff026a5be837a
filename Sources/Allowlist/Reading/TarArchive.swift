#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A bundle as one `.tar` in the strict ustar form, for carrying.
///
/// Opening walks the headers and keeps sixteen bytes a member; contents are read where they lie. A member's
/// header is read again whenever it is opened, so an archive that was written over is noticed.
public struct TarArchive: BundleSource {
    /// Where a member begins, by a hash of its path.
    private struct Member {
        let hash: Int
        /// The header's offset in blocks of 512 bytes.
        let block: UInt32
    }

    /// The archive's path.
    public let location: String
    private let file: OpenDescriptor
    private let mapping: FileMapping
    /// Sorted by hash. The hash is keyed anew in every process, so nobody makes an archive whose paths meet.
    private let members: [Member]

    /// Opens the archive; throws `archive` where it is not in the strict form.
    public init(_ location: String) throws(AllowlistError) {
        self.location = location
        let file = try OpenDescriptor(location: location, path: nil)
        self.file = file
        mapping = try FileMapping(file, path: nil)
        var members = try TarArchive.walk(file)
        members.sort { $0.hash < $1.hash }
        self.members = members
        try checkUnique()
    }

    public func open(_ path: String) throws(AllowlistError) -> any BundleFile {
        let hash = path.hashValue
        var place = members.partitionPoint { $0.hash < hash }
        while place < members.count, members[place].hash == hash {
            let offset = UInt64(members[place].block) * UInt64(TarHeader.blockSize)
            let header = try header(at: offset)
            if header.path == path {
                guard !header.isDirectory else { break }
                return TarMember(
                    path: path, byteCount: header.byteCount,
                    offset: offset + UInt64(TarHeader.blockSize), file: file, mapping: mapping)
            }
            place += 1
        }
        throw AllowlistError(
            .fileMissing, file: path, "the file is missing", hint: BundleFolder.incompleteHint)
    }

    private static func walk(_ file: OpenDescriptor) throws(AllowlistError) -> [Member] {
        let blockSize = UInt64(TarHeader.blockSize)
        guard file.byteCount.isMultiple(of: blockSize), file.byteCount / blockSize <= UInt64(UInt32.max)
        else { throw malformed("the archive's size is not one of whole blocks", offset: file.byteCount) }
        var members: [Member] = []
        var offset: UInt64 = 0
        // Zeros that the content before must be filled up with are read together with the next header.
        var padding = 0
        while true {
            guard offset + blockSize <= file.byteCount else {
                throw malformed("the two blocks of zeros at the archive's end are missing", offset: offset)
            }
            let bytes = try file.read(
                at: offset - UInt64(padding), count: padding + TarHeader.blockSize, path: nil)
            guard bytes.prefix(padding).allSatisfy({ $0 == 0 }) else {
                throw malformed("a member is filled up with something else than zeros", offset: offset)
            }
            let block = bytes.dropFirst(padding)
            if block.allSatisfy({ $0 == 0 }) { break }
            let header: TarHeader
            do throws(TarHeader.Malformed) {
                header = try TarHeader(block)
            } catch {
                throw malformed(error.message, offset: offset)
            }
            members.append(Member(hash: header.path.hashValue, block: UInt32(offset / blockSize)))
            offset += blockSize
            guard header.paddedCount <= file.byteCount - offset else {
                throw malformed("a member runs beyond the archive's end", offset: offset - blockSize)
            }
            offset += header.paddedCount
            padding = Int(header.paddedCount - header.byteCount)
        }
        try checkEnd(file, from: offset)
        return members
    }

    /// Two blocks of zeros end the archive, and only zeros may follow.
    private static func checkEnd(_ file: OpenDescriptor, from end: UInt64) throws(AllowlistError) {
        guard file.byteCount - end >= 2 * UInt64(TarHeader.blockSize) else {
            throw malformed("the two blocks of zeros at the archive's end are missing", offset: end)
        }
        var offset = end
        while offset < file.byteCount {
            let count = Int(min(file.byteCount - offset, 1 << 20))
            let bytes = try file.read(at: offset, count: count, path: nil)
            if let position = bytes.firstIndex(where: { $0 != 0 }) {
                throw malformed("something follows the archive's end", offset: offset + UInt64(position))
            }
            offset += UInt64(count)
        }
    }

    private func checkUnique() throws(AllowlistError) {
        var start = 0
        while start < members.count {
            var paths: Set<String> = []
            var place = start
            while place < members.count, members[place].hash == members[start].hash {
                // Different paths hardly ever share a hash, so nearly no header is read twice.
                let isAlone =
                    place == start
                    && (place + 1 == members.count || members[place + 1].hash != members[start].hash)
                if !isAlone {
                    let offset = UInt64(members[place].block) * UInt64(TarHeader.blockSize)
                    let header = try header(at: offset)
                    guard paths.insert(header.path).inserted else {
                        throw TarArchive.malformed(
                            "a name occurs twice", file: header.path, offset: offset)
                    }
                }
                place += 1
            }
            start = place
        }
    }

    private func header(at offset: UInt64) throws(AllowlistError) -> TarHeader {
        let block = try file.read(at: offset, count: TarHeader.blockSize, path: nil)
        do throws(TarHeader.Malformed) {
            let header = try TarHeader(block[...])
            guard header.byteCount <= file.byteCount - offset - UInt64(TarHeader.blockSize) else {
                throw TarHeader.Malformed("a member runs beyond the archive's end")
            }
            return header
        } catch {
            throw TarArchive.malformed(error.message, offset: offset)
        }
    }

    private static func malformed(
        _ message: String, file: String? = nil, offset: UInt64
    ) -> AllowlistError {
        AllowlistError(
            .archive, file: file, offset: Int(offset), message,
            hint: "the archive must be a plain ustar one, as `rootline allowlist pack` makes it")
    }
}

private struct TarMember: BundleFile {
    let path: String
    let byteCount: UInt64
    let offset: UInt64
    let file: OpenDescriptor
    let mapping: FileMapping

    func read(at offset: UInt64, count: Int) throws(AllowlistError) -> [UInt8] {
        guard count >= 0, offset <= byteCount, UInt64(count) <= byteCount - offset else {
            throw AllowlistError(
                .fileSize, file: path, "the file ends while it is read", hint: BundleFolder.incompleteHint)
        }
        return try file.read(at: self.offset + offset, count: count, path: path)
    }

    func mapped() throws(AllowlistError) -> MappedBytes {
        MappedBytes(mapping, Int(offset)..<Int(offset + byteCount))
    }
}

extension RandomAccessCollection {
    /// The first place whose element does not fulfil `isBefore`, where those that do come first.
    fileprivate func partitionPoint(_ isBefore: (Element) -> Bool) -> Index {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = index(low, offsetBy: distance(from: low, to: high) / 2)
            if isBefore(self[middle]) { low = index(after: middle) } else { high = middle }
        }
        return low
    }
}
