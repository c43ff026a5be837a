import Allowlist
import Crypto
import Foundation
import TransparencyLog

@testable import AllowlistPublication

/// A bundle in a temporary folder, signed by a software key.
final class TestLog {
    let folder: URL
    let key = P256.Signing.PrivateKey()
    let origin: String
    /// With one the log lists hashed serials.
    let serialKey: SerialKey?
    static let issuer = [UInt8](repeating: 0xa1, count: 20)
    /// When its checkpoints are signed.
    static let signedAt: UInt64 = 1_700_002_000

    var path: String { folder.path }
    var spki: [UInt8] { Array(key.publicKey.derRepresentation) }
    var isRehearsal: Bool { origin.hasPrefix("rehearsal.invalid/") }

    init(origin: String = "hospital.example/allowlist", serialKey: SerialKey? = nil) {
        self.origin = origin
        self.serialKey = serialKey
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("bundle-\(UUID().uuidString)")
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func writer() throws -> BundleWriter {
        try BundleWriter(directory: path, origin: origin, logKeySPKI: spki)
    }

    func pins(allowRehearsal: Bool = false) throws -> Pins {
        try Pins(origin: origin, logKeySPKI: spki, allowRehearsal: allowRehearsal)
    }

    @discardableResult
    func publish(
        _ writer: BundleWriter,
        extraFiles: [ExtraFile] = [
            .authorisation(TestLog.authorisation), ExtraFile(path: "issuers.pem", bytes: [1]),
        ]
    ) throws -> PublicationReport {
        let key = try SoftwareLogKey(key)
        return try writer.publish(
            extraFiles: extraFiles, signNote: { try key.noteSignature(over: $0) },
            signText: { try key.checkpointSignature(over: $0, at: Self.signedAt) })
    }

    @discardableResult
    func verify() throws -> VerifiedList {
        try BundleVerifier.verify(directory: path, pins: pins())
    }

    func reader(checkingIndex: Bool = false) throws -> BundleReader {
        try BundleReader(directory: path, pins: pins(), checkingIndex: checkingIndex)
    }

    func contents(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(path)))
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: folder.appendingPathComponent(path))
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(at: folder.appendingPathComponent(path))
    }

    /// Every file of the bundle, sorted, without the writer's own folder.
    func files() throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: path)
        return names.filter { name in
            var isFolder: ObjCBool = false
            let location = folder.appendingPathComponent(name).path
            return FileManager.default.fileExists(atPath: location, isDirectory: &isFolder)
                && !isFolder.boolValue && !name.hasPrefix(".publication")
        }.sorted()
    }

    static let authorisation = Array("an authorisation".utf8)

    static func digest(_ number: Int, _ tag: UInt8) -> Digest32 {
        Digest32.sha256(Array("\(tag):\(number)".utf8))
    }

    func openRun(
        _ run: String, product: String = "pump", quantity: UInt64 = 1_000_000, spoilage: UInt64 = 100
    ) -> AllowlistEntry {
        .openRun(
            .init(
                run: run, product: product, authorisation: Digest32.sha256(Self.authorisation),
                quantity: quantity, spoilage: spoilage, template: Self.digest(0, 0),
                issuerKeyID: Self.issuer, openedAt: 1_700_000_000, isRehearsal: isRehearsal,
                serials: serialKey == nil ? .plain : .hashed))
    }

    static func device(
        _ number: Int, run: String, product: String = "pump", serial: String? = nil,
        serialKey: SerialKey? = nil
    ) -> AllowlistEntry.Add {
        AllowlistEntry.Add(
            run: run, product: product, serial: ListedSerial(serial ?? "SN-\(number)", key: serialKey),
            key: digest(number, 1),
            certificate: digest(number, 2), certificateSerial: Array(digest(number, 3).bytes.prefix(16)),
            authorityKeyID: issuer, notAfter: 253_402_300_799, rotates: false)
    }

    static func burn(_ serial: [UInt8], run: String) -> AllowlistEntry {
        .revoke(
            .init(
                run: run, reason: .unspecified, effectiveAt: 1_700_000_500,
                subject: .burned(certificateSerial: serial, authorityKeyID: issuer)))
    }

    static func revoke(_ index: UInt64, run: String) -> AllowlistEntry {
        .revoke(
            .init(
                run: run, reason: .keyCompromise, effectiveAt: 1_700_000_600, subject: .device(index: index)))
    }

    func seal(
        _ run: String, openIndex: UInt64, released: UInt64, scrapped: UInt64 = 0, burned: [[UInt8]] = []
    ) -> AllowlistEntry.Seal {
        AllowlistEntry.Seal(
            run: run, openIndex: openIndex, reserved: released + scrapped + UInt64(burned.count),
            released: released, scrapped: scrapped, burned: UInt64(burned.count),
            burnedDigest: AllowlistEntry.Seal.burnedDigest(of: burned), activation: .quorum,
            sealedAt: 1_700_000_900, isRehearsal: isRehearsal)
    }

    /// Several runs over several publications, with every kind of event: `devices` devices in all, and at least
    /// five a run, about whom the events are.
    static func full(
        devices: Int = 3000, origin: String = "hospital.example/allowlist", serialKey: SerialKey? = nil
    ) throws -> TestLog {
        let log = TestLog(origin: origin, serialKey: serialKey)
        let writer = try log.writer()
        var number = 0
        for (run, devices) in [("R-1", devices * 8 / 10), ("R-2", devices / 10), ("R-3", devices / 10)] {
            let share = max(5, devices)
            let open = try writer.append(log.openRun(run))
            let first = writer.size
            for _ in 0..<share {
                try writer.append(.add(device(number, run: run, serialKey: serialKey)))
                number += 1
            }
            try writer.append(.scrap(.init(index: first + 1, reason: "dropped", scrappedAt: 1_700_000_100)))
            try writer.append(revoke(first + 2, run: run))
            let burned = Array(digest(number, 4).bytes.prefix(16))
            try writer.append(burn(burned, run: run))
            try log.publish(writer)
            try writer.append(
                .seal(
                    log.seal(run, openIndex: open, released: UInt64(share - 1), scrapped: 1, burned: [burned])
                ))
            try writer.append(
                .replace(
                    .init(
                        priorIndex: first + 3, newIndex: first + 4, reason: "RMA", replacedAt: 1_700_001_000))
            )
            try log.publish(writer)
        }
        return log
    }
}
