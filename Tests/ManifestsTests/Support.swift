import Foundation
import Testing

@testable import Manifests

let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// An RSA public key of 2048 bits; nobody has its private half.
let stationPEM: String = {
    // SubjectPublicKeyInfo of an odd number with its highest bit set: form is all that is looked at.
    let modulus = [UInt8(0)] + [0xC1] + [UInt8](repeating: 0x5A, count: 254) + [0x01]
    let key: [UInt8] = [0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01] + modulus + [0x02, 0x03, 1, 0, 1]
    let algorithm: [UInt8] = [0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0]
    let der = [0x30, 0x82, 0x01, 0x22] + algorithm + [0x03, 0x82, 0x01, 0x0F, 0x00] + key
    return "-----BEGIN PUBLIC KEY-----\n"
        + Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        + "\n-----END PUBLIC KEY-----\n"
}()

/// A folder with a manifest, a station key and a device list; removed with its owner.
final class Line {
    let path: String

    init(
        devices: String = "csv: devices.csv", quantity: Int = 3,
        list: [UInt8] = Array("serial,mac\nA,1\nB,2\nC,3\n".utf8)
    ) throws {
        path = NSTemporaryDirectory() + "manifests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try write("station.pem", Array(stationPEM.utf8))
        try write("devices.csv", list)
        try write("devices.jsonl", list)
        try write("run.yaml", Array(Self.manifest(devices: devices, quantity: quantity).utf8))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func manifest(devices: String = "csv: devices.csv", quantity: Int = 3) -> String {
        """
        version: 1
        run: run-1
        product: Sensor
        template: idevid
        issuer: ca
        keyOrigin: token
        keyType: ec-p256
        quantity: \(quantity)
        delivery: wrapped
        station: station.pem
        devices:
          \(devices)

        """
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
    }

    func open() throws -> ManifestCheck { try ManifestCheck(path: "\(path)/run.yaml") }

    func check(_ columns: [String] = ["serial", "mac"]) throws -> CheckedManifest {
        try open().checkRows(requiredColumns: columns)
    }

    /// Every row; the folder stays until they are read.
    func rows(_ columns: [String] = ["serial", "mac"]) throws -> [ManifestRow] {
        try check(columns).rows().next(.max)
    }

    /// The error that checking has to end with.
    func refusal(_ columns: [String] = ["serial"]) -> ManifestError? {
        #expect(throws: ManifestError.self) { try check(columns) }
    }
}

extension ManifestFault {
    /// Code, line, column and field in one text, to compare with.
    var brief: String { "\(code) \(line):\(column)" + (field.isEmpty ? "" : " \(field)") }
}
