import Crypto
import Foundation
import Testing

@testable import Manifests

@Suite("Production-run manifests")
struct ManifestTests {
    @Test("The repository's manifest loads, and only its quantity has to be replaced for another list")
    func shipped() throws {
        let line = try Line()
        let text = try String(
            contentsOfFile: "\(repository)/Templates/runs/idevid-ec-p256.yaml", encoding: .utf8)
        #expect(text.split(separator: "\n").count { $0.hasPrefix("quantity: ") } == 1)
        let csv = try Data(contentsOf: URL(filePath: "\(repository)/Templates/runs/devices.csv"))
        try line.write("devices.csv", Array(csv))
        try line.write(
            "run.yaml", Array(text.replacingOccurrences(of: "quantity: 10000", with: "quantity: 3").utf8))
        defer { withExtendedLifetime(line) {} }
        let checked = try line.check(["serial", "mac"])
        #expect(try checked.rows().next()?.values == ["EX-00000001", "02:00:00:00:00:01"])
        #expect(checked.manifest.run == "idevid-2026-0001")
    }

    @Test("A manifest's values come out as they were written")
    func values() throws {
        let manifest = try Line().check().manifest
        #expect(manifest.product == "Sensor")
        #expect(manifest.template == "idevid")
        #expect(manifest.issuer == "ca")
        #expect(manifest.keyOrigin == .token)
        #expect(manifest.keyType == .ecP256)
        #expect(manifest.delivery == .wrapped)
        #expect(manifest.quantity == 3)
    }

    @Test(
        "A manifest's fault is named with its code, its place and its field",
        arguments: [
            ("version: 1", "version: 2", "field.value 1:10 version"),
            ("run: run-1", "run: ../x", "field.value 2:6 run"),
            ("run: run-1", "run: 1", "field.type 2:6 run"),
            ("run: run-1\n", "", "field.missing 1:1 run"),
            ("run: run-1", "run: a\nbatch: b", "field.unknown 3:1 batch"),
            ("run: run-1", "run: a\nrun: b", "yaml.duplicate-key 2:1 run"),
            ("product: Sensor", "product: \"\"", "field.value 3:10 product"),
            ("product: Sensor", "product: \" a\"", "field.value 3:10 product"),
            ("product: Sensor", "product: [a]", "field.type 3:10 product"),
            ("keyOrigin: token", "keyOrigin: device", "field.combination 9:11 delivery"),
            ("keyOrigin: token", "keyOrigin: cloud", "field.value 6:12 keyOrigin"),
            ("keyType: ec-p256", "keyType: rsa-2048", "field.value 7:10 keyType"),
            ("quantity: 3", "quantity: 0", "field.value 8:11 quantity"),
            ("quantity: 3", "quantity: \"3\"", "field.type 8:11 quantity"),
            ("quantity: 3", "quantity: 3.0", "field.type 8:11 quantity"),
            ("quantity: 3", "quantity: 03", "field.type 8:11 quantity"),
            ("quantity: 3", "quantity: 99999999999999999999", "field.type 8:11 quantity"),
            ("delivery: wrapped", "delivery: file", "field.value 9:11 delivery"),
            ("station: station.pem", "station: nowhere.pem", "station.unreadable 10:10 station"),
            ("station: station.pem", "station: devices.csv", "station.key 10:10 station"),
            ("csv: devices.csv", "csv: nowhere.csv", "list.unreadable 12:8 devices.csv"),
            ("csv: devices.csv", "xls: devices.csv", "field.unknown 12:3 devices.xls"),
            ("csv: devices.csv", "csv: devices.csv\n  jsonl: devices.jsonl", "field.value 12:3 devices"),
            (
                "csv: devices.csv", "range: { prefix: A, first: 98, count: 3, width: 2, checkDigit: none }",
                "range.width 12:51 devices.range.width"
            ),
            (
                "csv: devices.csv", "range: { prefix: A, first: 1, count: 4, width: 2, checkDigit: none }",
                "list.quantity 8:11 quantity"
            ),
            (
                "csv: devices.csv", "range: { prefix: A, first: 1, count: 3, width: 2, checkDigit: crc }",
                "field.value 12:65 devices.range.checkDigit"
            ),
            ("run: run-1", "run: a\u{7}b", "yaml.control 2:7"),
            ("run: run-1", "run: *a", "yaml.anchor 2:6 run"),
            ("run: run-1", "run: @a", "yaml.syntax 2:6"),
        ])
    func faults(old: String, new: String, expected: String) throws {
        let line = try Line()
        let text = Line.manifest()
        try #require(text.contains(old))
        try line.write("run.yaml", Array(text.replacingOccurrences(of: old, with: new).utf8))
        let error = #expect(throws: ManifestError.self) { try line.check() }
        #expect(error?.code == .invalid)
        #expect(
            error?.faults.map(\.brief).contains(expected) == true, "\(error?.faults.map(\.description) ?? [])"
        )
        #expect(error?.faults.first?.file == "\(line.path)/run.yaml")
    }

    @Test("A missing manifest is unreadable, not invalid")
    func missing() {
        let error = #expect(throws: ManifestError.self) { try ManifestCheck(path: "/nowhere.yaml") }
        #expect(error?.code == .unreadable)
    }

    @Test("A manifest that is not UTF-8 is refused with its place")
    func encoding() throws {
        let line = try Line()
        try line.write("run.yaml", Array("version: 1\nrun: ".utf8) + [0xC3, 0x28])
        let error = #expect(throws: ManifestError.self) { try line.check() }
        #expect(error?.faults.map(\.brief) == ["yaml.encoding 2:6"])
    }

    @Test("A byte order mark and CRLF are accepted")
    func windows() throws {
        let line = try Line()
        let text = Line.manifest().replacingOccurrences(of: "\n", with: "\r\n")
        try line.write("run.yaml", [0xEF, 0xBB, 0xBF] + Array(text.utf8))
        #expect(try line.check().manifest.run == "run-1")
    }

    @Test(
        "A station file with a private key, a small key or something else is refused",
        arguments: [
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not RSA"),
            ("-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n", "one PEM block"),
            ("", "one PEM block"),
            ("-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\n", "one PEM block"),
        ])
    func stations(text: String, words: String) throws {
        let line = try Line()
        try line.write("station.pem", Array(text.utf8))
        let error = #expect(throws: ManifestError.self) { try line.check() }
        #expect(error?.faults.map(\.code) == ["station.key"])
        #expect(error?.faults.first?.message.contains(words) == true)
    }

    @Test("The station's digest is over its subjectPublicKeyInfo")
    func stationDigest() throws {
        let key = try #require(try Line().check().manifest.station)
        #expect(key.digest == Array(SHA256.hash(data: key.subjectPublicKeyInfo)))
        #expect(key.subjectPublicKeyInfo.count == 294)
    }

    @Test("A range writes prefix, padded number, check digits and suffix")
    func ranges() throws {
        func serials(_ text: String, _ quantity: Int) throws -> [String] {
            try Line(devices: "range: { \(text) }", quantity: quantity).rows(["serial"]).map(\.serial)
        }
        #expect(
            try serials("prefix: EX-, first: 9, count: 2, width: 4, checkDigit: none, suffix: -A", 2) == [
                "EX-0009-A", "EX-0010-A",
            ])
        // 7992739871 has the check digit 3 (the example of ISO/IEC 7812-1).
        #expect(
            try serials("prefix: \"\", first: 7992739871, count: 1, width: 10, checkDigit: luhn", 1) == [
                "79927398713"
            ])
        // ISO/IEC 7064 MOD 97-10: the whole number leaves 1 when divided by 97.
        for serial in try serials("prefix: \"\", first: 794, count: 5, width: 6, checkDigit: mod97", 5) {
            #expect(try #require(Int(serial)) % 97 == 1)
            #expect(serial.count == 8)
        }
    }

    @Test("A range cannot serve a template that wants other columns")
    func rangeColumns() throws {
        let line = try Line(devices: "range: { prefix: A, first: 1, count: 3, width: 2, checkDigit: none }")
        #expect(line.refusal(["serial", "mac"])?.faults.map(\.brief) == ["list.column-missing 12:3 devices"])
    }
}
