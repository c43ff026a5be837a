import TransparencyLog

/// Finds serials and keys that occur twice, from the sorted index alone.
struct DeviceUniqueness {
    let folder: any BundleSource
    let state: AllowlistEntry.State
    /// The new device's `add` by the replaced one's.
    let replacements: [UInt64: UInt64]
    var files: EntryFiles

    /// A serial of one product, or a key, may occur again only where each occurrence replaces the last.
    mutating func check() throws(AllowlistError) {
        for kind in Segment.Kind.allCases {
            var sources: [RecordMerge.Source] = []
            for segment in state.segments where segment.kind == kind {
                sources.append(
                    .file(try RecordStream(folder, segment.path, recordCount: segment.recordCount)))
            }
            var merge = try RecordMerge(sources)
            var hash: Digest32?
            var indexes: [UInt64] = []
            while let record = try merge.next() {
                if record.hash != hash {
                    try check(indexes, kind)
                    indexes.removeAll(keepingCapacity: true)
                    hash = record.hash
                }
                indexes.append(record.index)
            }
            try check(indexes, kind)
        }
    }

    private mutating func check(_ indexes: [UInt64], _ kind: Segment.Kind) throws(AllowlistError) {
        guard indexes.count > 1 else { return }
        var latest: [String: UInt64] = [:]
        for index in indexes {
            guard case .add(let device) = try files.entry(at: index) else { continue }
            // Serials are unique within a product, keys everywhere.
            let scope = kind == .serial ? device.product : ""
            if let earlier = latest[scope], replacements[earlier] != index {
                let what = kind == .serial ? "the serial \(device.serial) of \(device.product)" : "the key"
                throw AllowlistError(
                    .duplicate, file: files.bundlePath(of: index), index: index,
                    "\(what) is listed before at entry \(earlier)",
                    hint: "one of the two devices is a clone or a mistake of the line; ask the publisher")
            }
            latest[scope] = index
        }
    }
}

/// Finds certificates that occur twice, by fingerprints first and exactly where these meet.
struct CertificateUniqueness {
    /// 64-bit fingerprints, 16 bytes an entry; equal ones are only a suspicion.
    private var digests: [UInt64] = []
    private var serials: [UInt64] = []

    mutating func insert(_ entry: AllowlistEntry) {
        if let digest = Self.digestFingerprint(entry) { digests.append(digest) }
        if let serial = Self.serialFingerprint(entry) { serials.append(serial) }
    }

    /// Calls `rescan` only where fingerprints meet, with a visitor for every entry of the log.
    mutating func check(
        rescan: ((AllowlistEntry, UInt64) throws(AllowlistError) -> Void) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        let suspectDigests = Self.repeated(&digests)
        let suspectSerials = Self.repeated(&serials)
        guard !suspectDigests.isEmpty || !suspectSerials.isEmpty else { return }
        var seenDigests: [Digest32: UInt64] = [:]
        var seenSerials: [[UInt8]: UInt64] = [:]
        try rescan { (entry, index) throws(AllowlistError) in
            if let fingerprint = Self.digestFingerprint(entry), suspectDigests.contains(fingerprint),
                case .add(let device) = entry
            {
                if let earlier = seenDigests.updateValue(index, forKey: device.certificate) {
                    throw Self.duplicate("the certificate", earlier)
                }
            }
            if let fingerprint = Self.serialFingerprint(entry), suspectSerials.contains(fingerprint),
                let name = Self.certificateName(entry)
            {
                let key = [UInt8(name.issuer.count)] + name.issuer + name.serial
                if let earlier = seenSerials.updateValue(index, forKey: key) {
                    throw Self.duplicate("the certificate serial number", earlier)
                }
            }
        }
    }

    private static func duplicate(_ what: String, _ earlier: UInt64) -> AllowlistError {
        AllowlistError(
            .duplicate, "\(what) is listed before at entry \(earlier)",
            hint: "a certificate was issued twice or listed twice; ask the publisher")
    }

    private static func repeated(_ values: inout [UInt64]) -> Set<UInt64> {
        values.sort()
        var repeated: Set<UInt64> = []
        for (value, next) in zip(values, values.dropFirst()) where value == next { repeated.insert(value) }
        values = []
        return repeated
    }

    private static func digestFingerprint(_ entry: AllowlistEntry) -> UInt64? {
        guard case .add(let device) = entry else { return nil }
        return device.certificate.bigEndianWords.0
    }

    private static func serialFingerprint(_ entry: AllowlistEntry) -> UInt64? {
        guard let name = certificateName(entry) else { return nil }
        var hasher = Hasher()
        hasher.combine(name.issuer)
        hasher.combine(name.serial)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private static func certificateName(_ entry: AllowlistEntry) -> (issuer: [UInt8], serial: [UInt8])? {
        switch entry {
        case .add(let device):
            return (device.authorityKeyID, device.certificateSerial)
        case .revoke(let revoke):
            guard case .burned(let serial, let issuer) = revoke.subject else { return nil }
            return (issuer, serial)
        case .openRun, .scrap, .replace, .seal, .state, .rotateSigner:
            return nil
        }
    }
}
