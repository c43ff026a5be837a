import Allowlist
import AllowlistPublication
import Crypto
import Foundation
import TransparencyLog

/// A published list in a temporary folder, signed by a software key: devices SN-0 to SN-5, of which SN-1 was
/// revoked, SN-2 scrapped and SN-3 replaced by SN-4; SN-7 belongs to two products.
final class PublishedList {
    static let origin = "hospital.example/allowlist"
    let folder: URL
    let path: String
    private let key = P256.Signing.PrivateKey()
    private static let issuer = [UInt8](repeating: 0xa1, count: 20)
    private static let authorisation = Array("an authorisation".utf8)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "consumer-\(UUID().uuidString)")
        path = folder.appending(path: "list").path
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(key.publicKey.pemRepresentation.utf8).write(to: folder.appending(path: "log-key.pem"))
        try Data(key.publicKey.derRepresentation).write(to: folder.appending(path: "log-key.der"))
        try publish()
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// The log's public key.
    var pemFile: String { folder.appending(path: "log-key.pem").path }
    var derFile: String { folder.appending(path: "log-key.der").path }

    /// What a device's key is made of here; its digest is listed.
    static func publicKey(_ number: Int) -> [UInt8] { Array("the key of \(number)".utf8) }
    static func keyDigest(_ number: Int) -> Digest32 { Digest32.sha256(publicKey(number)) }
    static func certificateDigest(_ number: Int) -> Digest32 {
        Digest32.sha256(Array("certificate \(number)".utf8))
    }

    /// Changes one octet of a file of the list.
    func damage(_ file: String, at offset: Int) throws {
        let url = URL(filePath: path).appending(path: file)
        var bytes = Array(try Data(contentsOf: url))
        bytes[offset] ^= 1
        try Data(bytes).write(to: url)
    }

    /// The list as a .tar made by the system's tar.
    func packed() throws -> String {
        let archive = folder.appending(path: "list.tar").path
        let names = try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                && !isFolder.boolValue && !name.hasPrefix(".publication")
        }
        let made = try Program("tar").run(["--format=ustar", "-cf", archive, "-C", path] + names.sorted())
        guard made.code == 0 else { throw ProgramFailure("tar: \(made.output)") }
        return archive
    }

    private func publish() throws {
        let spki = Array(key.publicKey.derRepresentation)
        let software = try SoftwareLogKey(key)
        let writer = try BundleWriter(directory: path, origin: Self.origin, logKeySPKI: spki)
        try writer.append(Self.openRun("R-1", product: "pump"))
        for number in 0...5 { try writer.append(.add(Self.device(number, run: "R-1", product: "pump"))) }
        try writer.append(.add(Self.device(7, run: "R-1", product: "pump")))
        try writer.append(
            .revoke(
                .init(
                    run: "R-1", reason: .keyCompromise, effectiveAt: 1_700_000_600,
                    subject: .device(index: 2))))
        try writer.append(.scrap(.init(index: 3, reason: "fell down", scrappedAt: 1_700_000_700)))
        try writer.append(
            .replace(.init(priorIndex: 4, newIndex: 5, reason: "RMA 17", replacedAt: 1_700_000_800)))
        try writer.append(Self.openRun("R-2", product: "monitor"))
        var namesake = Self.device(8, run: "R-2", product: "monitor")
        namesake.serial = Self.device(7, run: "R-1", product: "pump").serial
        try writer.append(.add(namesake))
        try writer.publish(
            extraFiles: [.authorisation(Self.authorisation)],
            signNote: software.noteSignature,
            signText: { try software.checkpointSignature(over: $0, at: 1_700_000_900) })
    }

    private static func openRun(_ run: String, product: String) -> AllowlistEntry {
        .openRun(
            .init(
                run: run, product: product, authorisation: Digest32.sha256(authorisation), quantity: 100,
                spoilage: 2, template: Digest32(), issuerKeyID: issuer, openedAt: 1_700_000_000,
                isRehearsal: false))
    }

    private static func device(_ number: Int, run: String, product: String) -> AllowlistEntry.Add {
        AllowlistEntry.Add(
            run: run, product: product, serial: .plain("SN-\(number)"), key: keyDigest(number),
            certificate: certificateDigest(number), certificateSerial: [1, UInt8(number)],
            authorityKeyID: issuer, notAfter: 253_402_300_799, rotates: number == 5)
    }
}
