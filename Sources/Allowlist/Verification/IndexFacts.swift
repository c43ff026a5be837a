import TransparencyLog

/// What entries give for the index, by live segment: how many records, and their fingerprint.
struct IndexFacts: Sendable {
    /// One segment of the state, and the records for it so far.
    struct Part: Sendable {
        let segment: Segment
        fileprivate(set) var fingerprint = RecordFingerprint()
        fileprivate(set) var count: UInt64 = 0
    }

    /// Those of one kind, and the place of the one that took the last record.
    private struct Parts: Sendable {
        var parts: [Part]
        var current = 0

        @inline(__always)
        mutating func insert(_ hash: Digest32, _ index: UInt64, _ secret: RecordFingerprint.Secret) {
            if current >= parts.count || index < parts[current].segment.start
                || index >= parts[current].segment.end
            {
                guard
                    let place = parts.lastIndex(where: { $0.segment.start <= index && index < $0.segment.end }
                    )
                else { return }
                current = place
            }
            parts[current].fingerprint.insert(IndexRecord(hash: hash, index: index), secret)
            parts[current].count += 1
        }
    }

    let secret: RecordFingerprint.Secret
    private var keys: Parts
    private var serials: Parts

    /// No records yet, for the segments of a state.
    init(_ state: AllowlistEntry.State, _ secret: RecordFingerprint.Secret) {
        self.secret = secret
        func parts(_ kind: Segment.Kind) -> Parts {
            Parts(parts: state.segments.filter { $0.kind == kind }.map { Part(segment: $0) })
        }
        keys = parts(.key)
        serials = parts(.serial)
    }

    /// All parts, in the order of the state.
    var parts: [Part] { keys.parts + serials.parts }

    /// Takes the records of an `add`.
    @inline(__always)
    mutating func insert(key: Digest32, serial: Digest32, at index: UInt64) {
        keys.insert(key, index, secret)
        serials.insert(serial, index, secret)
    }

    /// Takes the records of an entry about `devices`: one a kind and hash.
    mutating func insert(_ devices: [AllowlistEntry.Add], at index: UInt64) {
        var previous: AllowlistEntry.Add?
        for device in devices {
            if device.key != previous?.key { keys.insert(device.key, index, secret) }
            if device.serial != previous?.serial { serials.insert(device.serial.indexHash, index, secret) }
            previous = device
        }
    }

    /// Takes in all that others under the same secret, for the same state, have taken in.
    mutating func formUnion(_ other: IndexFacts) {
        for place in keys.parts.indices { Self.join(&keys.parts[place], other.keys.parts[place]) }
        for place in serials.parts.indices { Self.join(&serials.parts[place], other.serials.parts[place]) }
    }

    private static func join(_ part: inout Part, _ other: Part) {
        part.fingerprint.formUnion(other.fingerprint)
        part.count += other.count
    }
}
