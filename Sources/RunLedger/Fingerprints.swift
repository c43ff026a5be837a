/// What must be unique, and how it becomes a fingerprint.
enum Unique: UInt64, CaseIterable, Sendable {
    case certificateSerialNumber = 1
    case publicKey = 2
    case certificate = 3
    /// Within a product, among devices that are not scrapped.
    case serial = 4

    var name: String {
        switch self {
        case .certificateSerialNumber: "certificate serial number"
        case .publicKey: "public key"
        case .certificate: "certificate"
        case .serial: "serial"
        }
    }

    @inline(__always)
    func value(of device: RawDevice) -> UnsafeRawBufferPointer {
        switch self {
        case .certificateSerialNumber: device.certificateSerialNumber
        case .publicKey: device.publicKeyDigest
        case .certificate: device.certificateDigest
        case .serial: device.serial
        }
    }
}

/// Makes the fingerprints of one ledger: a keyed hash of the value, its kind and, for serials, the product.
struct Fingerprinting: Sendable {
    let hash: SipHash
    /// The bits that count; fewer than the table's in tests only, so that fingerprints meet.
    let mask: UInt64

    init(_ hash: SipHash, mask: UInt64 = FingerprintTable.fingerprintMask) {
        self.hash = hash
        self.mask = mask & FingerprintTable.fingerprintMask
    }

    @inline(__always)
    func fingerprint(_ kind: Unique, product: Int64, _ value: UnsafeRawBufferPointer) -> UInt64 {
        let scope = kind == .serial ? UInt64(bitPattern: product) : 0
        return hash.hash(scope &<< 8 | kind.rawValue, value) & mask
    }

    /// Four fingerprints a device, in the order of `Unique`.
    func fingerprints(of devices: RawDevices, product: Int64) -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: 4 * devices.count) { buffer, count in
            for device in devices {
                buffer[count] = fingerprint(
                    .certificateSerialNumber, product: 0, device.certificateSerialNumber)
                buffer[count + 1] = fingerprint(.publicKey, product: 0, device.publicKeyDigest)
                buffer[count + 2] = fingerprint(.certificate, product: 0, device.certificateDigest)
                buffer[count + 3] = fingerprint(.serial, product: product, device.serial)
                count += 4
            }
        }
    }
}

/// A chunk's fingerprints, held against each other.
struct ChunkFingerprints {
    /// Four a device.
    let all: [UInt64]
    /// Each once; what the chunk adds to the table.
    let distinct: [UInt64]

    /// Throws `duplicate` where two devices of the chunk share a value.
    init(_ devices: RawDevices, product: Int64, _ fingerprinting: Fingerprinting) throws(LedgerError) {
        all = fingerprinting.fingerprints(of: devices, product: product)
        var distinct: [UInt64] = []
        distinct.reserveCapacity(all.count)
        // Index + 1 into `all`; at most half full.
        var capacity = 16
        while capacity < 2 * all.count { capacity <<= 1 }
        var table = [UInt32](repeating: 0, count: capacity)
        let shift = UInt64(64 - capacity.trailingZeroBitCount)
        for index in all.indices {
            let fingerprint = all[index]
            var place = Int(truncatingIfNeeded: fingerprint &>> shift)
            var isNew = true
            while table[place] != 0 {
                let other = Int(table[place] - 1)
                if all[other] == fingerprint {
                    isNew = false
                    if index % 4 == other % 4 {
                        let kind = Unique.allCases[index % 4]
                        let device = devices[index / 4]
                        if same(kind.value(of: device), kind.value(of: devices[other / 4])) {
                            throw .duplicate(device.serialText, kind, "twice in one chunk")
                        }
                    }
                }
                place = (place + 1) & (capacity - 1)
            }
            table[place] = UInt32(index + 1)
            if isNew { distinct.append(fingerprint) }
        }
        self.distinct = distinct
    }

    /// Count and sum of the slots that the chunk adds under this number.
    func sum(chunk: Int64) -> FingerprintSum {
        var sum = FingerprintSum()
        for fingerprint in distinct { sum.add(fingerprint | UInt64(bitPattern: chunk)) }
        return sum
    }
}

extension LedgerError {
    static func duplicate(_ serial: String, _ kind: Unique, _ place: String) -> LedgerError {
        LedgerError(
            .duplicate, serial, "its \(kind.name) is \(place)",
            hint: kind == .serial
                ? "Nothing of this chunk was recorded."
                : "Nothing of this chunk was recorded. Stop using the token: it made something twice.")
    }
}
