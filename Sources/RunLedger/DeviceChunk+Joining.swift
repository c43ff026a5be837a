extension DeviceChunk {
    /// The devices of several chunks, one behind the other, as one.
    ///
    /// Throws `malformedChunk` where together they are too many.
    public init(joining chunks: [DeviceChunk]) throws(LedgerError) {
        if let only = chunks.first, chunks.count == 1 {
            self = only
            return
        }
        let octets =
            DeviceChunk.headerOctets + chunks.reduce(0) { $0 + $1.bytes.count - DeviceChunk.headerOctets }
        let count = chunks.reduce(0) { $0 + $1.count }
        guard count <= DeviceChunk.maximumCount, octets <= DeviceChunk.maximumOctets else {
            throw LedgerError(
                .malformedChunk, "chunk", "\(count) devices in \(octets) octets are too many for one")
        }
        var bytes: [UInt8] = [1, 0, 0, 0]
        bytes.reserveCapacity(octets)
        withUnsafeBytes(of: UInt32(count).littleEndian) { bytes.append(contentsOf: $0) }
        var offsets: [UInt32] = []
        offsets.reserveCapacity(count)
        for chunk in chunks {
            let shift = UInt32(bytes.count - DeviceChunk.headerOctets)
            offsets.append(contentsOf: chunk.offsets.lazy.map { $0 + shift })
            bytes.append(contentsOf: chunk.bytes[DeviceChunk.headerOctets...])
        }
        self.init(trusted: bytes, offsets: offsets)
    }
}
