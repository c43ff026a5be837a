#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes a file of index records through one buffer.
package final class RecordFile {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    private static let bufferSize = 1 << 18

    package init(_ folder: DurableFolder, _ path: String) throws(AllowlistError) {
        self.path = path
        descriptor = try folder.create(path)
        buffer.reserveCapacity(Self.bufferSize + IndexRecord.byteCount)
    }

    deinit {
        close(descriptor)
    }

    package func append(_ record: IndexRecord) throws(AllowlistError) {
        record.append(to: &buffer)
        if buffer.count >= Self.bufferSize { try finish() }
    }

    /// Hands what is buffered to the system; the file may go on after it.
    package func finish() throws(AllowlistError) {
        try DurableFolder.writeAll(buffer, descriptor, path)
        buffer.removeAll(keepingCapacity: true)
    }
}
