import Foundation
import Manifests
import Sites
import TokenKeys

/// `runs/<id>/`: what a run leaves beside ledger and log.
///
/// - `authorisation.p7s`: what the run authority signed
/// - `manifest.yaml`, `manifest.path`: the manifest as it was, and where it and its list stand
/// - `transport-keys/`: the AES keys that wrap the devices', each wrapped to the station with RSA-OAEP; not there
///   where devices made their keys
/// - `delivery.json`: what the station must know to open the packages
/// - `issuers.pem`: the certificates above the devices'
/// - `packages/`: certificates, and wrapped keys where the token made them
/// - `package-index.jsonl`: the package files and their digests, once the run is sealed
/// - `checkpoint`: the log's signed state with this run's seal, to be handed out
struct RunFolder {
    let path: String
    var packages: String { path + "/packages" }
    private var transportKeys: String { path + "/transport-keys" }

    init(_ path: String, creating: Bool) throws(RunError) {
        self.path = path
        let manager = FileManager.default
        if creating {
            // The folder may hold the authorisation, and empty packages where a start ended before its first step.
            let contents = try? manager.contentsOfDirectory(atPath: path + "/packages")
            if let contents, !contents.isEmpty {
                throw RunError(
                    .cannotCreate, path + "/packages", "is there already",
                    hint: "Nothing is overwritten: move the folder away, or name the run otherwise.")
            }
            do {
                try manager.createDirectory(
                    atPath: path + "/packages", withIntermediateDirectories: true)
            } catch {
                throw RunError(
                    .cannotCreate, path + "/packages", error.systemReason,
                    hint: "Make the site's folder writable, and see that nothing stands in the way.")
            }
        } else if !manager.fileExists(atPath: path + "/packages") {
            throw RunError(.io, path, "the run's folder is gone", hint: "Restore it from the backup.")
        }
    }

    /// Keeps the manifest as evidence, and where it stands, for `resume`.
    func keep(_ manifest: RunManifest) throws(RunError) {
        let absolute = URL(fileURLWithPath: manifest.file).standardizedFileURL.path
        try DurableFile.write(manifest.source, to: path + "/manifest.yaml")
        try DurableFile.write(Array((absolute + "\n").utf8), to: path + "/manifest.path")
        try DurableFile.flushFolder(path)
    }

    func manifestPath() throws(RunError) -> String {
        guard let data = FileManager.default.contents(atPath: path + "/manifest.path") else {
            throw RunError(
                .io, path + "/manifest.path", "cannot be read", hint: "Name the manifest with --manifest.")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
    }

    private struct Delivery: Encodable {
        var version = 1
        var run: String
        var product: String
        var rehearsal: Bool
        var keyOrigin: String
        var delivery: String
        // What is about secrets, where there are any.
        var station: String?
        var transportKeys: String?
        var transportKeyWrapping: String?
        var keyWrapping: String?
        var keyTrailer: String?
        var pkcs12: String?
        /// Whether device keys were readable in this host's memory.
        var keysPassedThroughHost: Bool
        var registration: Registration?
        var packages = "packages"
        var packageIndex = PackageIndex.name
        var issuers = "issuers.pem"
    }

    private struct Registration: Encodable {
        var group: String
        var secret = "HMAC-SHA256 of the registration id (UTF-8) under the group's key, 32 octets"
        var secretWrapping = "AES-256 key wrap with padding (RFC 5649)"
        var groupKeyCheckValue: String
        var groupKeyMadeInToken: Bool
    }

    /// Tells the station what it must know, before the first package; a second call changes nothing.
    ///
    /// `wrapping` is nil where devices made their keys.
    func describe(_ plan: RunPlan, wrapping: KeyWrapping?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let form = plan.manifest.delivery
        var delivery = Delivery(
            run: plan.manifest.run, product: plan.manifest.product, rehearsal: plan.site.isRehearsal,
            keyOrigin: plan.manifest.keyOrigin.rawValue, delivery: form.rawValue,
            keysPassedThroughHost: form == .pkcs12)
        if let wrapping {
            delivery.station = plan.station?.digest.hexText
            delivery.transportKeys = "transport-keys"
            delivery.transportKeyWrapping = "RSA-OAEP, SHA-1, MGF1-SHA-1"
            if form == .wrapped {
                delivery.keyWrapping = "AES-256 key wrap with padding (RFC 5649) of PKCS#8 (RFC 5208)"
                delivery.keyTrailer =
                    wrapping.form == .exact
                    ? "none" : "up to 7 zero octets may stand behind the unwrapped PKCS#8"
            } else {
                delivery.pkcs12 =
                    "AES-256-CBC, PBKDF2-HMAC-SHA256, MAC HMAC-SHA256, \(PKCS12.iterations) iterations"
            }
            delivery.registration = plan.registration.map {
                Registration(
                    group: $0.record.group, groupKeyCheckValue: $0.record.checkValue,
                    groupKeyMadeInToken: $0.record.local)
            }
            do {
                try FileManager.default.createDirectory(
                    atPath: transportKeys, withIntermediateDirectories: true)
            } catch {
                throw RunError(.cannotCreate, transportKeys, error.systemReason)
            }
        }
        try DurableFile.write(Array(try encoder.encode(delivery)) + [0x0A], to: path + "/delivery.json")
        try DurableFile.write(try Issuers.pem(in: plan.site.certificates), to: path + "/issuers.pem")
        try DurableFile.flushFolder(path)
    }

    /// Keeps a wrapped transport key under its name, durably, before any package that cites it.
    func keep(transportKey wrapped: [UInt8]) throws(RunError) {
        let file = transportKeys + "/\(TransportKey.name(of: wrapped)).bin"
        if FileManager.default.fileExists(atPath: file) { return }
        try DurableFile.write(wrapped, to: file + ".new")
        guard rename(file + ".new", file) == 0 else { throw DurableFile.failure(file) }
        try DurableFile.flushFolder(transportKeys)
    }

    /// Keeps the checkpoint with the run's seal; it should be handed to somebody outside this site.
    func keepCheckpoint(of log: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: log + "/checkpoint") else {
            throw RunError(.io, log + "/checkpoint", "cannot be read")
        }
        try DurableFile.write(Array(data), to: path + "/checkpoint")
        try DurableFile.flushFolder(path)
        return path + "/checkpoint"
    }
}

/// The certificates above the devices', nearest first.
enum Issuers {
    static func pem(in certificates: String) throws(RunError) -> [UInt8] {
        var text: [UInt8] = []
        for role in [KeyRole.issuingCA, .rootCA] {
            let path = certificates + "/\(role.rawValue).pem"
            guard let data = FileManager.default.contents(atPath: path) else {
                throw RunError(.siteNotReady, path, "cannot be read")
            }
            text += data
        }
        return text
    }
}

extension [UInt8] {
    var hexText: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
