import Crypto
import Foundation
import Testing

@testable import Manifests

@Suite("Requests of devices that made their keys")
struct RequestListTests {
    /// Judges texts: `bad…` is refused, `key N` has the key N.
    private static var checks: RequestChecks {
        RequestChecks(
            verdict: { row in
                let text = String(decoding: row.request, as: UTF8.self)
                return text.hasPrefix("bad")
                    ? .fault(code: "request.unreadable", message: text)
                    : .sound(key: row.request, otherName: text.hasPrefix("other") ? text : nil)
            },
            key: { $0 })
    }

    private static func manifest(_ devices: String, quantity: Int = 3) -> String {
        Line.manifest(devices: devices, quantity: quantity)
            .replacingOccurrences(of: "keyOrigin: token", with: "keyOrigin: device")
            .replacingOccurrences(of: "delivery: wrapped", with: "delivery: certificate")
            .replacingOccurrences(of: "station: station.pem\n", with: "")
    }

    private static func line(_ devices: String, _ list: String = "", quantity: Int = 3) throws -> Line {
        let line = try Line(list: Array(list.utf8))
        try line.write("run.yaml", Array(manifest(devices, quantity: quantity).utf8))
        return line
    }

    private static func folder(_ files: [(String, String)], quantity: Int? = nil) throws -> Line {
        let line = try Self.line("requests: requests/", quantity: quantity ?? files.count)
        try FileManager.default.createDirectory(
            atPath: line.path + "/requests", withIntermediateDirectories: true)
        for (name, text) in files { try line.write("requests/" + name, Array(text.utf8)) }
        return line
    }

    private func check(_ line: Line, _ columns: [String] = ["serial"]) throws -> CheckedManifest {
        try line.open().checkRows(requiredColumns: columns, requests: Self.checks)
    }

    private func faults(_ line: Line, _ columns: [String] = ["serial"]) -> [String] {
        let error = #expect(throws: ManifestError.self) { try check(line, columns) }
        return (error?.faults ?? []).map { fault in
            let name = fault.file.split(separator: "/").last ?? ""
            return "\(name) \(fault.brief)"
        }
    }

    @Test("The repository's manifest for devices that make their keys loads")
    func shipped() throws {
        let line = try Line()
        let templates = URL(filePath: "\(repository)/Templates/runs")
        for (name, copy) in [
            ("devices-with-requests.csv", "devices-with-requests.csv"),
            ("idevid-ec-p256-device.yaml", "run.yaml"),
        ] {
            try line.write(copy, Array(try Data(contentsOf: templates.appendingPathComponent(name))))
        }
        let checked = try check(line, ["serial", "mac"])
        #expect(checked.manifest.station == nil && checked.manifest.delivery == .certificate)
        #expect(try checked.rows().next()?.request?.starts(with: Array("MI".utf8)) == true)
        withExtendedLifetime(line) {}
    }

    @Test(
        "What does not go with the key's origin is named at its place",
        arguments: [
            (
                "keyOrigin: token", "keyOrigin: device",
                [
                    "field.combination 9:11 delivery", "field.combination 10:10 station",
                    "list.column-missing 1:1 csr",
                ]
            ),
            ("delivery: wrapped", "delivery: certificate", ["field.combination 9:11 delivery"]),
            ("station: station.pem\n", "", ["field.missing 1:1 station"]),
            (
                "csv: devices.csv", "requests: station.pem",
                ["field.combination 12:3 devices", "list.unreadable 12:3 devices"]
            ),
            (
                "keyOrigin: token\nkeyType: ec-p256\nquantity: 3\ndelivery: wrapped\nstation: station.pem\ndevices:\n  csv: devices.csv",
                "keyOrigin: device\nkeyType: ec-p256\nquantity: 3\ndelivery: certificate\ndevices:\n  range: { prefix: A, first: 1, count: 3, width: 2, checkDigit: none }",
                ["field.combination 11:3 devices"]
            ),
        ])
    func combinations(old: String, new: String, expected: [String]) throws {
        let line = try Line()
        let text = Line.manifest().replacingOccurrences(of: old, with: new)
        try #require(text != Line.manifest())
        try line.write("run.yaml", Array(text.utf8))
        #expect(line.refusal()?.faults.map(\.brief) == expected)
    }

    @Test("Rows come with their requests: of a CSV column, and of JSON with line breaks")
    func rows() throws {
        let csv = try Self.line("csv: devices.csv", "csr,serial\nkey 1,A\nkey 2,B\nkey 3,C\n")
        #expect(
            try check(csv).rows().next(9).map(\.request)
                == ["key 1", "key 2", "key 3"].map { Array($0.utf8) })
        let json = try Self.line(
            "jsonl: devices.jsonl",
            "{\"serial\":\"A\",\"csr\":\"k\\n1\\r\\n\"}\n{\"serial\":\"B\",\"csr\":\"k2\"}\n{\"serial\":\"C\",\"csr\":\"k3\"}\n"
        )
        #expect(try check(json).rows().next()?.request == Array("k\n1\r\n".utf8))
        let other = try Self.line(
            "jsonl: devices.jsonl",
            "{\"serial\":\"A\\n\",\"csr\":\"1\"}\n{\"serial\":\"B\",\"csr\":\"2\"}\n{\"serial\":\"C\",\"csr\":\"3\"}\n"
        )
        #expect(faults(other) == ["devices.jsonl list.control 1:11 serial"], "only in the request")
    }

    @Test("Every bad request is named with its line, every missing one, and every key that stands twice")
    func requestFaults() throws {
        let list = "serial,csr\nA,key 1\nB,bad 1\nC,\nD,key 1\nE,bad 2\nF,key 2\nG,key 1\n"
        let line = try Self.line("csv: devices.csv", list, quantity: 7)
        #expect(
            faults(line) == [
                "devices.csv request.unreadable 3:3 csr", "devices.csv list.value-empty 4:3 csr",
                "devices.csv request.key-repeated 5:3 csr", "devices.csv request.unreadable 6:3 csr",
                "devices.csv request.key-repeated 8:3 csr",
            ])
        let error = #expect(throws: ManifestError.self) { try check(line) }
        #expect(error?.faults.last?.message.contains("line 2;") == true, "the line that had the key first")
    }

    @Test("One bad request among many is found, whichever batch and core it falls to")
    func many() throws {
        for bad in [0, 127, 128, 1999, 2999] {
            let rows = (0..<3000).map { "S\($0),\($0 == bad ? "bad" : "key \($0)")" }
            let list = "serial,csr\n" + rows.joined(separator: "\n") + "\n"
            let line = try Self.line("csv: devices.csv", list, quantity: 3000)
            let column = "S\(bad),".count + 1
            #expect(faults(line) == ["devices.csv request.unreadable \(bad + 2):\(column) csr"])
        }
    }

    @Test("Requests with another name are counted, and the first is told")
    func otherNames() throws {
        let line = try Self.line("csv: devices.csv", "serial,csr\nA,k\nB,other 1\nC,other 2\n")
        let names = try check(line).otherNames
        #expect(names.count == 2)
        #expect(names.first?.hasSuffix("devices.csv:3: other 1") == true)
    }

    @Test("A folder's files are rows in the order of their names' octets, and hidden files are none")
    func folder() throws {
        let line = try Self.folder(
            [("b.der", "2"), ("a.pem", "1"), ("B.csr", "0"), (".hidden", "x")], quantity: 3)
        let checked = try check(line)
        let rows = try checked.rows().next(9)
        #expect(rows.map(\.serial) == ["B", "a", "b"])
        #expect(rows.map(\.values) == [["B"], ["a"], ["b"]])
        #expect(rows.map(\.request) == [[0x30], [0x31], [0x32]])
        #expect(try checked.rows(from: 2).next(9).map(\.index) == [2])
    }

    @Test("A folder's digest is that of what sha256sum prints, and the manifest's digest has it")
    func folderDigest() throws {
        let line = try Self.folder([("b.der", "2"), ("a.pem", "1"), ("B.csr", "0")])
        let checked = try check(line)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c",
            """
            cd '\(line.path)/requests' && export LC_ALL=C
            { echo rootline/manifest/v1; echo manifest $(sha256sum < ../run.yaml | cut -c1-64)
            echo devices $(sha256sum -- * | sha256sum | cut -c1-64); echo station -; } | sha256sum | cut -c1-64
            """,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == checked.digest.map { String(format: "%02x", $0) }.joined() + "\n")
    }

    @Test("Changing, adding, removing or renaming a file of the folder gives another digest")
    func folderChanges() throws {
        let line = try Self.folder([("a.pem", "1"), ("b.pem", "2")])
        let before = try check(line).digest
        let manager = FileManager.default
        try line.write("requests/b.pem", [0x33])
        #expect(try check(line).digest != before)
        try line.write("requests/b.pem", [0x32])
        #expect(try check(line).digest == before)
        try manager.moveItem(atPath: line.path + "/requests/b.pem", toPath: line.path + "/requests/c.pem")
        #expect(try check(line).digest != before)
        #expect(throws: ManifestError.self) {
            try line.write("requests/b.pem", [0x32])
            _ = try check(line)
        }
    }

    @Test("A file that changed or went after the check is never handed out")
    func folderChangedLater() throws {
        let files = (0..<600).map { (String(format: "%03d.pem", $0), "key \($0)") }
        let line = try Self.folder(files)
        let checked = try check(line)
        try line.write("requests/300.pem", [1])
        let rows = try checked.rows()
        #expect(try rows.next(256).count == 256)
        #expect(throws: ManifestError.self) { try rows.next() }
        try FileManager.default.removeItem(atPath: line.path + "/requests/001.pem")
        #expect(throws: ManifestError.self) { try checked.rows().next() }
        #expect(try checked.rows(from: 512).next(999).count == 88)
    }

    @Test(
        "What is no request's file is named: another ending, no serial, a folder, too large, twice a serial or key"
    )
    func folderFaults() throws {
        let line = try Self.folder([
            ("a.der", "1"), ("a.pem", "2"), ("b.pem", "bad"),
            ("c.pem", String(repeating: "x", count: 20_000)),
            ("d.txt", ""), ("f.pem", "7"), ("g.pem", "7"), (" h.pem", "8"),
        ])
        try FileManager.default.createDirectory(
            atPath: line.path + "/requests/e.pem", withIntermediateDirectories: true)
        #expect(
            faults(line) == [
                "run.yaml list.quantity 8:11 quantity", " h.pem requests.name 1:1",
                "a.pem list.serial-repeated 1:1", "b.pem request.unreadable 1:1",
                "c.pem requests.unreadable 1:1", "d.txt requests.name 1:1", "e.pem requests.unreadable 1:1",
                "g.pem request.key-repeated 1:1",
            ], "in the order of the names, whenever each was found")
        let columns = try Self.folder([("a.der", "1")])
        #expect(faults(columns, ["serial", "mac"]) == ["run.yaml list.column-missing 11:3 devices"])
        #expect(faults(try Self.folder([], quantity: 1)).contains("run.yaml list.empty 11:3 devices"))
    }
}
