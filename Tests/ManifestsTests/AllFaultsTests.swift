import Foundation
import Testing

@testable import Manifests

@Suite("All faults at once")
struct AllFaultsTests {
    /// A line whose manifest was changed in one place.
    private static func line(_ old: String, _ new: String, list: String) throws -> Line {
        let line = try Line(list: Array(list.utf8))
        let text = Line.manifest()
        try #require(text.contains(old))
        try line.write("run.yaml", Array(text.replacingOccurrences(of: old, with: new).utf8))
        return line
    }

    @Test(
        "A manifest's fault, a ragged row and a repeated serial are reported together, the manifest's first")
    func together() throws {
        let line = try Self.line(
            "run: run-1", "run: run-1\nbatch: 7", list: "serial,mac\nA,1\nB\nA,3\n")
        let error = line.refusal()
        #expect(
            error?.faults.map(\.brief) == [
                "field.unknown 3:1 batch", "list.ragged 3:1", "list.serial-repeated 4:1 serial",
            ])
        #expect(error?.faultCount == 3)
        #expect(
            error?.faults.map(\.file) == [
                "\(line.path)/run.yaml", "\(line.path)/devices.csv", "\(line.path)/devices.csv",
            ])
        #expect(error?.description.contains("the manifest has 3 faults") == true)
    }

    @Test(
        "Whatever else of the manifest is at fault, its device list is read",
        arguments: [
            ("run: run-1\n", ""), ("product: Sensor", "product: [a]"), ("template: idevid", "template: *t"),
            ("issuer: ca", "issuer: \"\""), ("keyType: ec-p256", "keyType: rsa"),
            ("quantity: 3", "quantity: x"),
            ("quantity: 3", "quantity: 0"), ("delivery: wrapped", "delivery: file"),
            ("station: station.pem", "station: nowhere.pem"), ("run: run-1", "run: a\nrun: b"),
            ("version: 1", "version: 2"), ("product: Sensor", "product: &p Sensor"),
        ])
    func listIsRead(old: String, new: String) throws {
        let error = try Self.line(old, new, list: "serial,mac\nA,1\n B,2\nC,3\n").refusal()
        #expect(error?.faultCount == 2, "\(error?.faults.map(\.description) ?? [])")
        #expect(error?.faults.last?.brief == "list.blank 3:1 serial")
    }

    @Test("A list that cannot be opened does not hide the manifest's faults")
    func unreadableList() throws {
        let line = try Self.line("run: run-1", "run: 1", list: "")
        try FileManager.default.removeItem(atPath: "\(line.path)/devices.csv")
        try FileManager.default.createDirectory(
            atPath: "\(line.path)/devices.csv", withIntermediateDirectories: false)
        #expect(line.refusal()?.faults.map(\.code) == ["field.type", "list.unreadable"])
    }

    @Test("Where the YAML does not read, its fault stands alone")
    func noYAML() throws {
        let error = try Self.line("run: run-1", "run: @a", list: "serial\n A\n").refusal()
        #expect(error?.faults.map(\.brief) == ["yaml.syntax 2:6"])
    }

    @Test("What the caller adds stands in the same list: manifest, list, then other files")
    func added() throws {
        let line = try Line(list: Array("serial,mac\nA,1\n\nC,3\n".utf8))
        var check = try line.open()
        check.add(
            ManifestFault(file: "t.yaml", line: 2, column: 1, field: "kind", code: "x.template", message: ""))
        check.add("template", code: "template.missing", message: "there is no such template")
        check.add("issuer", code: "issuer.unknown", message: "there is no such issuer")
        let error = #expect(throws: ManifestError.self) { try check.checkRows() }
        #expect(
            error?.faults.map(\.brief) == [
                "template.missing 4:11 template", "issuer.unknown 5:9 issuer", "list.blank-line 3:1",
                "x.template 2:1 kind",
            ])
    }

    @Test("Without the template's columns the rows are checked for everything else")
    func withoutColumns() throws {
        let line = try Line(list: Array("serial,mac\nA,\nB,2,3\nA,3\n".utf8))
        #expect(
            line.refusal([])?.faults.map(\.brief) == ["list.ragged 3:1", "list.serial-repeated 4:1 serial"])
    }

    @Test("A column that is missing or badly named does not keep the rows from being checked")
    func badHeader() throws {
        let line = try Line(list: Array("serial,1st\nA,1\nB\nA,3\n".utf8))
        #expect(
            line.refusal(["serial", "mac"])?.faults.map(\.brief) == [
                "list.column-missing 1:1 mac", "list.column-name 1:8 1st", "list.ragged 3:1",
                "list.serial-repeated 4:1 serial",
            ])
    }

    @Test("A row's values are not checked by a template one of whose columns is missing")
    func noHalfRows() throws {
        let line = try Line(list: Array("serial\nA\nB\nC\n".utf8))
        let error = #expect(throws: ManifestError.self) {
            try line.open().checkRows(
                requiredColumns: ["serial", "mac"],
                rowCheck: { _ in [RowValueFault(column: 1, message: "never called")] })
        }
        #expect(error?.faults.map(\.code) == ["list.column-missing"])
    }

    @Test("A serial that an earlier run released is one more fault of its row")
    func released() throws {
        let line = try Line(list: Array("mac,serial\n1,A\n2,\n3,C\n".utf8))
        let error = #expect(throws: ManifestError.self) {
            try line.open().checkRows(
                requiredColumns: ["serial"],
                releasedBy: { serials in
                    Dictionary(uniqueKeysWithValues: serials.filter { $0 != "A" }.map { ($0, "run-0") })
                })
        }
        #expect(
            error?.faults.map(\.brief) == ["list.serial-empty 3:3 serial", "serial.known 4:3 serial"])
        #expect(error?.faults.last?.message.contains("run-0") == true)
    }

    @Test("Every serial is looked up once, some hundred at a time", arguments: [1, 499, 500, 501, 1234])
    func lookUps(count: Int) throws {
        for devices in [
            "csv: devices.csv",
            "range: { prefix: \"\", first: 0, count: \(count), width: 6, checkDigit: none }",
        ] {
            let serials = (0..<count).map { String(String(1_000_000 + $0).dropFirst()) }
            let list = "serial\n" + serials.joined(separator: "\n")
            let line = try Line(devices: devices, quantity: count, list: Array(list.utf8))
            var seen: [[String]] = []
            let checked = try line.open().checkRows(
                requiredColumns: ["serial"],
                releasedBy: { batch in
                    seen.append(batch)
                    return [:]
                })
            #expect(checked.rowCount == count)
            #expect(Array(seen.joined()) == serials)
            #expect(seen.allSatisfy { (1...500).contains($0.count) })
        }
    }

    @Test("A range's serials of an earlier run are counted and the first fifty named")
    func releasedRange() throws {
        let devices = "range: { prefix: A, first: 0, count: 1000, width: 4, checkDigit: none }"
        let line = try Line(devices: devices, quantity: 1000)
        let error = #expect(throws: ManifestError.self) {
            try line.open().checkRows(
                requiredColumns: ["serial"],
                releasedBy: { Dictionary(uniqueKeysWithValues: $0.map { ($0, "run-0") }) })
        }
        #expect(error?.faultCount == 1000)
        #expect(error?.faults.count == 50)
        #expect(error?.faults.first?.brief == "serial.known 12:3 devices")
        #expect(error?.faults.first?.message.hasPrefix("A0000 ") == true)
        #expect(error?.faults.last?.message.hasPrefix("A0049 ") == true)
    }

    @Test("The fifty that are kept are the first in their files, whenever they were found")
    func firstFifty() throws {
        // Repeats are found in the second pass: the one in line 4 goes before all the faults of the first.
        let rows = ["A", "B", "A"] + Array(repeating: " x", count: 100)
        let line = try Self.line(
            "quantity: 3", "quantity: 9", list: "serial\n" + rows.joined(separator: "\n") + "\n")
        let error = line.refusal()
        #expect(error?.faultCount == 102)
        #expect(error?.faults.count == 50)
        #expect(
            error?.faults.prefix(3).map(\.brief) == [
                "list.quantity 8:11 quantity", "list.serial-repeated 4:1 serial", "list.blank 5:1 serial",
            ])
        #expect(error?.faults.last?.line == 52)
        #expect(error?.description.contains("and 52 more faults") == true)
    }
}
