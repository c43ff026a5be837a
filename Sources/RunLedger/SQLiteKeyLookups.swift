import GRDB

// Devices by their public key: for keys that somebody else made, before anything is signed for them.
extension SQLiteLedger {
    public func certified(publicKeyDigests digests: [[UInt8]]) throws(LedgerError) -> [[UInt8]: String] {
        try read { database in
            let fingerprints = digests.map { digest in
                digest.withUnsafeBytes { fingerprinting.fingerprint(.publicKey, product: 0, $0) }
            }
            var wanted: [Int64: Set<[UInt8]>] = [:]
            for (digest, chunks) in zip(digests, try candidates(fingerprints, database)) {
                for chunk in chunks { wanted[chunk, default: []].insert(digest) }
            }
            var found: [[UInt8]: String] = [:]
            for (number, digests) in wanted {
                let stored = try StoredChunk(number, database)
                let here = stored.devices.withDevices { devices in
                    devices.map { Array($0.publicKeyDigest) }.filter(digests.contains)
                }
                guard !here.isEmpty else { continue }
                let run = try SQLiteLedger.runName(stored.run, database)
                for digest in here { found[digest] = run }
            }
            return found
        }
    }
}
