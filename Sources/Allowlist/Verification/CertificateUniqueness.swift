import TransparencyLog

/// Finds certificates that occur twice, by fingerprints first and exactly where these meet.
struct CertificateUniqueness: Sendable {
    /// The secret numbers of one verification: nobody prepares certificates whose fingerprints meet.
    struct Secret: Sendable {
        fileprivate let digest = UInt64.random(in: .min ... .max) | 1
        fileprivate let serial = (
            PrimeField.random(), PrimeField.random(), PrimeField.random(), PrimeField.random()
        )
        fileprivate let issuer = PrimeField.random()
    }

    /// Fingerprints by their upper bits: a part fits into the processor's cache.
    private struct Fingerprints: Sendable {
        var parts: [[UInt64]]

        @inline(__always)
        mutating func insert(_ value: UInt64) {
            // The lowest bit is given up so that no value is zero.
            parts[Int(value >> 56)].append(value | 1)
        }
    }

    private let secret: Secret
    private var digests: Fingerprints
    private var serials: Fingerprints
    /// The issuer of the last certificate, whose fingerprint stands beside it.
    private var issuer: (name: [UInt8], fingerprint: UInt64)

    /// Nothing yet; `expected` certificates find their place without growing.
    init(_ secret: Secret, expected: Int = 0) {
        self.secret = secret
        // A little more than the mean: fingerprints are spread evenly. What stays empty takes no memory.
        let room = expected / 256 + expected / 2560
        let parts = (0..<256).map { _ in
            var part: [UInt64] = []
            part.reserveCapacity(room)
            return part
        }
        digests = Fingerprints(parts: parts)
        serials = Fingerprints(parts: parts)
        issuer = ([], Self.fingerprint(issuer: [], secret))
    }

    /// Takes a certificate that an `add` lists.
    @inline(__always)
    mutating func insert(digest: Digest32, serial: UnsafeRawBufferPointer, issuer name: [UInt8]) {
        digests.insert(Self.fingerprint(digest: digest, secret))
        insert(serial: serial, issuer: name)
    }

    /// Takes a certificate that was burned.
    @inline(__always)
    mutating func insert(serial: UnsafeRawBufferPointer, issuer name: [UInt8]) {
        if issuer.name != name { issuer = (name, Self.fingerprint(issuer: name, secret)) }
        serials.insert(Self.fingerprint(serial: serial, issuer: issuer.fingerprint, secret))
    }

    /// Takes the certificate that an entry is about, if it is about one.
    mutating func insert(_ entry: AllowlistEntry) {
        guard let name = Self.certificateName(entry) else { return }
        name.serial.withUnsafeBytes { serial in
            if case .add(let device) = entry {
                insert(digest: device.certificate, serial: serial, issuer: name.issuer)
            } else {
                insert(serial: serial, issuer: name.issuer)
            }
        }
    }

    /// Checks what all of `gathered` hold together.
    ///
    /// Calls `rescan` only where fingerprints meet, with a visitor for every entry of the log.
    static func check(
        _ gathered: [CertificateUniqueness], _ passes: ParallelPasses,
        rescan: ((AllowlistEntry, UInt64) throws(AllowlistError) -> Void) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        guard let secret = gathered.first?.secret else { return }
        let suspectDigests = repeated(gathered.map(\.digests), passes)
        let suspectSerials = repeated(gathered.map(\.serials), passes)
        guard !suspectDigests.isEmpty || !suspectSerials.isEmpty else { return }
        var seenDigests: [Digest32: UInt64] = [:]
        var seenSerials: [[UInt8]: UInt64] = [:]
        try rescan { (entry, index) throws(AllowlistError) in
            if case .add(let device) = entry,
                suspectDigests.contains(fingerprint(digest: device.certificate, secret) | 1)
            {
                if let earlier = seenDigests.updateValue(index, forKey: device.certificate) {
                    throw duplicate("the certificate", earlier)
                }
            }
            guard let name = certificateName(entry) else { return }
            let value = name.serial.withUnsafeBytes {
                fingerprint(serial: $0, issuer: fingerprint(issuer: name.issuer, secret), secret) | 1
            }
            guard suspectSerials.contains(value) else { return }
            let key = [UInt8(name.issuer.count)] + name.issuer + name.serial
            if let earlier = seenSerials.updateValue(index, forKey: key) {
                throw duplicate("the certificate serial number", earlier)
            }
        }
    }

    private static func duplicate(_ what: String, _ earlier: UInt64) -> AllowlistError {
        AllowlistError(
            .duplicate, "\(what) is listed before at entry \(earlier)",
            hint: "a certificate was issued twice or listed twice; ask the publisher")
    }

    /// The values that occur more than once in all of these together.
    private static func repeated(_ gathered: [Fingerprints], _ passes: ParallelPasses) -> Set<UInt64> {
        let found = passes.run(pieces: 256, from: Set<UInt64>()) { number, repeated in
            let count = gathered.reduce(0) { $0 + $1.parts[number].count }
            guard count > 1 else { return true }
            // A table of twice as many places: a value is looked for from its own place on until a free one.
            let bits = UInt64.bitWidth - (2 * count - 1).leadingZeroBitCount
            let mask = (1 << bits) - 1
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: mask + 1) { table in
                table.initialize(repeating: 0)
                for fingerprints in gathered {
                    for value in fingerprints.parts[number] {
                        // The upper bits are the part's; those above the lowest are as good as any.
                        var place = Int(truncatingIfNeeded: value >> 8) & mask
                        while table[place] != 0, table[place] != value { place = (place + 1) & mask }
                        if table[place] == value { repeated.insert(value) }
                        table[place] = value
                    }
                }
            }
            return true
        }
        return found.reduce(into: []) { $0.formUnion($1) }
    }

    @inline(__always)
    private static func fingerprint(digest: Digest32, _ secret: Secret) -> UInt64 {
        digest.bigEndianWords.0 &* secret.digest
    }

    /// A linear form with secret coefficients over 21 octets: the serial number's length and its octets.
    @inline(__always)
    private static func fingerprint(
        serial: UnsafeRawBufferPointer, issuer: UInt64, _ secret: Secret
    ) -> UInt64 {
        var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: serial.prefix(20)) }
        var sum = UInt128(secret.serial.0) &* UInt128(words.0 >> 4)
        sum &+= UInt128(secret.serial.1) &* UInt128(words.1 >> 4)
        sum &+= UInt128(secret.serial.2) &* UInt128(words.2 << 8 | UInt64(serial.count))
        sum &+= UInt128(secret.serial.3) &* UInt128(words.0 & 15 | (words.1 & 15) << 4)
        let form = PrimeField.reduce(sum) &+ issuer
        // 61 bits moved up, so that parts are chosen by the uppermost.
        return (form >= PrimeField.modulus ? form &- PrimeField.modulus : form) << 3
    }

    /// A polynomial in a secret number with the octets as coefficients.
    private static func fingerprint(issuer: [UInt8], _ secret: Secret) -> UInt64 {
        issuer.reduce(1) { PrimeField.multiply($0, secret.issuer) &+ UInt64($1) } % PrimeField.modulus
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
