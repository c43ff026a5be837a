import Allowlist
import AllowlistPublication
import Crypto
import Foundation
import TransparencyLog

/// A published list of made-up devices, written by the real log code; it stays below `.build` for the next time.
///
/// A run has 100 000 devices and is published with its seal; in each, some devices are scrapped, revoked and
/// replaced and some certificates burned, so that the list has everything that a real one has.
struct SyntheticLog {
    let path: String
    let devices: Int
    let key: P256.Signing.PrivateKey
    /// What it took to make it, where this run made it.
    private(set) var built: Built?

    struct Built {
        var seconds: Double
        /// Seconds of the slowest publication.
        var longestPublication: Double
        /// Index records that publications wrote anew out of merged segments.
        var recordsMerged: UInt64
    }

    static let origin = "bench.example/allowlist"
    static let root = ".build/bench-allowlist"
    static let devicesPerRun = 100_000
    private static let authorisation = Array("an authorisation of the bench".utf8)
    private static let issuer = Array(device(0).key.bytes.prefix(20))

    /// Opens the list of so many devices, and makes it where it is not there yet.
    init(devices: Int, say: (String) -> Void = { _ in }) throws {
        self.devices = devices
        key = try Self.signingKey()
        path = "\(Self.root)/v\(AllowlistEntry.version)-\(devices)"
        let complete = path + ".complete"
        guard !FileManager.default.fileExists(atPath: complete) else { return }
        say("allowlist: making a list of \(devices) devices")
        try? FileManager.default.removeItem(atPath: path)
        let clock = ContinuousClock()
        let begun = clock.now
        var made = Built(seconds: 0, longestPublication: 0, recordsMerged: 0)
        let writer = try writer()
        for first in stride(from: 0, to: devices, by: Self.devicesPerRun) {
            try Self.appendRun(first..<min(devices, first + Self.devicesPerRun), to: writer)
            let publishing = clock.now
            let report = try publish(writer)
            made.longestPublication = max(
                made.longestPublication, publishing.duration(to: clock.now) / .seconds(1))
            made.recordsMerged += report.indexRecordsMerged
        }
        made.seconds = begun.duration(to: clock.now) / .seconds(1)
        built = made
        try Data().write(to: URL(fileURLWithPath: complete))
    }

    /// A copy of this list in another folder.
    func at(_ folder: String) -> SyntheticLog { SyntheticLog(path: folder, devices: devices, key: key) }

    private init(path: String, devices: Int, key: P256.Signing.PrivateKey) {
        (self.path, self.devices, self.key) = (path, devices, key)
    }

    func writer() throws -> BundleWriter {
        try BundleWriter(
            directory: path, origin: Self.origin, logKeySPKI: Array(key.publicKey.derRepresentation))
    }

    func pins() throws -> Pins {
        try Pins(origin: Self.origin, logKeySPKI: Array(key.publicKey.derRepresentation))
    }

    @discardableResult
    func publish(_ writer: BundleWriter) throws -> PublicationReport {
        try writer.publish(
            extraFiles: [.authorisation(Self.authorisation)],
            signNote: { Array(try key.signature(for: $0).derRepresentation) },
            signText: { _ in Array("no signature: the bench does not judge it".utf8) })
    }

    /// Appends a run of these devices with its events and its seal.
    static func appendRun(_ numbers: Range<Int>, to writer: BundleWriter) throws {
        let run = "BENCH-\(numbers.lowerBound)"
        let open = try writer.append(
            .openRun(
                .init(
                    run: run, product: "infusion-pump", authorisation: Digest32.sha256(authorisation),
                    quantity: UInt64(numbers.count), spoilage: 100, template: Digest32.sha256(authorisation),
                    issuerKeyID: issuer, openedAt: 1_800_000_000, isRehearsal: false)))
        try appendDevices(numbers, run: run, to: writer)
        let events = min(20, numbers.count / 8)
        for number in 0..<events {
            let device = open + 1 + UInt64(number * 4)
            try writer.append(.scrap(.init(index: device, reason: "dropped", scrappedAt: 1_800_000_100)))
            try writer.append(
                .revoke(
                    .init(
                        run: run, reason: .keyCompromise, effectiveAt: 1_800_000_200,
                        subject: .device(index: device + 1))))
            try writer.append(
                .replace(
                    .init(
                        priorIndex: device + 2, newIndex: device + 3, reason: "RMA",
                        replacedAt: 1_800_000_300)))
        }
        let burned = (0..<events).map { number in
            Array(Digest32.sha256(Array("burned \(run) \(number)".utf8)).bytes.prefix(16))
        }
        for serial in burned {
            try writer.append(
                .revoke(
                    .init(
                        run: run, reason: .unspecified, effectiveAt: 1_800_000_400,
                        subject: .burned(certificateSerial: serial, authorityKeyID: issuer))))
        }
        try writer.append(
            .seal(
                .init(
                    run: run, openIndex: open, reserved: UInt64(numbers.count + events),
                    released: UInt64(numbers.count - events), scrapped: UInt64(events),
                    burned: UInt64(events), burnedDigest: AllowlistEntry.Seal.burnedDigest(of: burned),
                    activation: .quorum, sealedAt: 1_800_000_500, isRehearsal: false)))
    }

    private static func appendDevices(_ numbers: Range<Int>, run: String, to writer: BundleWriter) throws {
        let pattern = AllowlistEntry.Add(
            run: run, product: "infusion-pump", serial: .plain("S"), key: Digest32(), certificate: Digest32(),
            certificateSerial: [1], authorityKeyID: issuer, notAfter: 253_402_300_799, rotates: false)
        let adds = try PreparedAdds(like: pattern)
        for number in numbers {
            let device = device(number)
            try device.serial.withUnsafeBytes { serial in
                try device.certificateSerial.withUnsafeBytes { certificateSerial in
                    _ = try writer.append(
                        PreparedAdds.Device(
                            serial: serial, key: device.key, certificate: device.certificate,
                            certificateSerial: certificateSerial), adds)
                }
            }
        }
    }

    /// The values of the device with this number.
    static func device(
        _ number: Int
    ) -> (serial: [UInt8], key: Digest32, certificate: Digest32, certificateSerial: [UInt8]) {
        let digits = String(number)
        let serial = "SYN-" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
        func digest(_ tag: String) -> Digest32 { Digest32.sha256(Array("\(tag) \(digits)".utf8)) }
        // 159 random bits, positive (RFC 5280 §4.1.2.2).
        var certificateSerial = Array(digest("serial").bytes.prefix(20))
        certificateSerial[0] = certificateSerial[0] & 0x7F | 0x40
        return (Array(serial.utf8), digest("key"), digest("certificate"), certificateSerial)
    }

    /// Octets of all files, without the writer's own folder.
    func octets() -> Int {
        files().reduce(0) { sum, name in
            let values = try? URL(fileURLWithPath: "\(path)/\(name)").resourceValues(forKeys: [.fileSizeKey])
            return sum + (values?.fileSize ?? 0)
        }
    }

    /// The paths of all files, without the writer's own folder, sorted.
    func files() -> [String] {
        let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return all.filter { name in
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
            return exists && !isFolder.boolValue && !name.hasPrefix(".publication")
        }.sorted()
    }

    /// All files one behind the other in one file beside the list.
    func concatenated() throws -> String {
        let target = path + ".files"
        guard !FileManager.default.fileExists(atPath: target) else { return target }
        try Data().write(to: URL(fileURLWithPath: target))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: target))
        defer { try? handle.close() }
        for name in files() {
            try handle.write(contentsOf: try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
        }
        return target
    }

    /// The key of every list here: one of the bench, worth nothing.
    private static func signingKey() throws -> P256.Signing.PrivateKey {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let file = URL(fileURLWithPath: root + "/key")
        if let raw = try? Data(contentsOf: file) {
            return try P256.Signing.PrivateKey(rawRepresentation: raw)
        }
        let key = P256.Signing.PrivateKey()
        try key.rawRepresentation.write(to: file, options: .atomic)
        return key
    }
}
