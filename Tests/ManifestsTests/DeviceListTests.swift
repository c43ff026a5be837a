import Crypto
import Foundation
import Testing

@testable import Manifests

@Suite("Device lists")
struct DeviceListTests {
    @Test(
        "A list's fault is named with its code, its place and its column",
        arguments: [
            ("", "list.empty 1:1"),
            ("serial,mac\n", "list.empty 1:1"),
            ("mac\n1\n2\n3\n", "list.column-missing 1:1 serial"),
            ("serial,serial\nA,A\nB,B\nC,C\n", "list.column-repeated 1:8 serial"),
            ("serial,Mac,MAC\nA,1,1\nB,2,2\nC,3,3\n", "list.column-repeated 1:12 MAC"),
            ("serial,1st\nA,1\nB,2\nC,3\n", "list.column-name 1:8 1st"),
            ("serial,\nA,1\nB,2\nC,3\n", "list.column-name 1:8"),
            ("serial,é\nA,1\nB,2\nC,3\n", "list.column-name 1:8 é"),
            ("serial,mac\nA,1\nB\nC,3\n", "list.ragged 3:1"),
            ("serial,mac\nA,1\nB,2,3\nC,3\n", "list.ragged 3:1"),
            ("serial,mac\nA,1\n\nC,3\n", "list.blank-line 3:1"),
            ("serial,mac\nA,1\nB,2\nC,3\n\n", "list.blank-line 5:1"),
            ("serial,mac\nA,1\n,2\nC,3\n", "list.serial-empty 3:1 serial"),
            ("serial,mac\nA,1\nB,2\n\"\",3\n", "list.serial-empty 4:1 serial"),
            ("serial,mac\nA,1\n B,2\nC,3\n", "list.blank 3:1 serial"),
            ("serial,mac\nA,1\nB,2 \nC,3\n", "list.blank 3:3 mac"),
            ("serial,mac\nA,1\nB,\u{A0}2\nC,3\n", "list.blank 3:3 mac"),
            ("serial,mac\nA,1\nB,\"2 \"\nC,3\n", "list.blank 3:3 mac"),
            ("serial,mac\nA,1\nB,a\tb\nC,3\n", "list.control 3:4"),
            ("serial,mac\nA,1\nB,a\u{85}b\nC,3\n", "list.control 3:4"),
            ("serial,mac\nA,1\nB,a\u{0}\nC,3\n", "list.control 3:4"),
            ("serial,mac\nA,1\rB,2\nC,3\n", "list.control 2:4"),
            ("serial,mac\nA,1\nB,\"2\nC,3\n", "list.quote 3:3 mac"),
            ("serial,mac\nA,1\nB,\"2\"x\nC,3\n", "list.quote 3:6 mac"),
            ("serial,mac\nA,1\nB,2\"\nC,3\n", "list.quote 3:4 mac"),
            ("serial,mac\nA,1\nB,2\nA,3\n", "list.serial-repeated 4:1 serial"),
            ("mac,serial\nä,A\n2,B\néé,A\n", "list.serial-repeated 4:4 serial"),
            ("serial,mac\nA,1\nB,2\n\"A\",3\n", "list.serial-repeated 4:1 serial"),
            ("serial,mac\nA,1\nB,2\n", "list.quantity 8:11 quantity"),
            ("serial,mac\nA,1\nB,2\nC,3\nD,4\n", "list.quantity 8:11 quantity"),
        ])
    func csvFaults(list: String, expected: String) throws {
        let error = try Line(list: Array(list.utf8)).refusal()
        #expect(
            error?.faults.map(\.brief).contains(expected) == true, "\(error?.faults.map(\.description) ?? [])"
        )
        #expect(error?.code == .invalid)
    }

    @Test(
        "JSON lines are checked as strictly",
        arguments: [
            (
                "{\"serial\":\"A\"}\n{\"serial\":\"B\"}\n{\"serial\":\"A\"}\n",
                "list.serial-repeated 3:12 serial"
            ),
            (
                "{\"serial\":\"A\"}\n{\"serial\":\"B\"}\n{\"serial\":\"\\u0041\"}\n",
                "list.serial-repeated 3:11 serial"
            ),
            (
                "{\"serial\":\"A\"}\n{\"serial\":\"B\",\"x\":\"1\"}\n{\"serial\":\"C\"}\n",
                "list.ragged 2:16 x"
            ),
            (
                "{\"serial\":\"A\",\"x\":\"1\"}\n{\"serial\":\"B\"}\n{\"serial\":\"C\",\"x\":\"1\"}\n",
                "list.ragged 2:1 x"
            ),
            ("{\"serial\":\"A\"}\n{\"serial\":1}\n{\"serial\":\"C\"}\n", "list.json 2:11"),
            (
                "{\"serial\":\"A\"}\n{\"serial\":\"B\",\"serial\":\"C\"}\n{\"serial\":\"D\"}\n",
                "list.json 2:16"
            ),
            ("{\"serial\":\"A\"}\n{\"serial\":\"B\"} x\n{\"serial\":\"C\"}\n", "list.json 2:16"),
            ("{\"serial\":\"A\"}\n[]\n{\"serial\":\"C\"}\n", "list.json 2:1"),
            ("{\"serial\":\"A\"}\n{\"serial\":\"\\n\"}\n{\"serial\":\"C\"}\n", "list.control 2:11 serial"),
            ("{\"serial\":\"A\"}\n{\"serial\":\"\\t\"}\n{\"serial\":\"C\"}\n", "list.json 2:12"),
            ("{\"serial\":\"A\"}\n{\"serial\":\"\\ud800\"}\n{\"serial\":\"C\"}\n", "list.json 2:18"),
            ("{\"serial\":\"A\"}\n{\"serial\":\" B\"}\n{\"serial\":\"C\"}\n", "list.blank 2:12 serial"),
            ("{\"serial\":\"A\"}\n{\"serial\":\"\"}\n{\"serial\":\"C\"}\n", "list.serial-empty 2:12 serial"),
            ("{\"mac\":\"A\"}\n{\"mac\":\"B\"}\n{\"mac\":\"C\"}\n", "list.column-missing 1:1 serial"),
            ("", "list.empty 1:1"),
        ])
    func jsonFaults(list: String, expected: String) throws {
        let error = try Line(devices: "jsonl: devices.jsonl", list: Array(list.utf8)).refusal()
        #expect(
            error?.faults.map(\.brief).contains(expected) == true, "\(error?.faults.map(\.description) ?? [])"
        )
    }

    @Test("A repeated serial names both lines")
    func repeatedNamesBoth() throws {
        let error = try Line(list: Array("serial\nA\nB\nA\n".utf8)).refusal()
        #expect(error?.faults.count == 1)
        #expect(error?.faults.first?.message.contains("line 2") == true)
        #expect(error?.faults.first?.line == 4)
    }

    @Test("Octets that are not UTF-8 are refused with their place")
    func encoding() throws {
        let list = Array("serial,mac\nA,1\nä,".utf8) + [0xC3, 0x28] + Array("\nC,3\n".utf8)
        #expect(try Line(list: list).refusal()?.faults.map(\.brief) == ["list.encoding 3:3"])
    }

    @Test("A value of 200 000 characters is refused at its place", arguments: [200_000, 4097])
    func longValue(count: Int) throws {
        let list = "serial,mac\nA,1\nB,\(String(repeating: "x", count: count))\nC,3\n"
        #expect(
            try Line(list: Array(list.utf8)).refusal()?.faults.map(\.brief) == ["list.value-too-long 3:3 mac"]
        )
        let fits = "serial,mac\nA,1\nB,\(String(repeating: "x", count: 4096))\nC,3\n"
        #expect(try Line(list: Array(fits.utf8)).check().rowCount == 3)
    }

    @Test("A line of megabytes is passed over, and the lines after it are still checked")
    func longLine() throws {
        let list = "serial,mac\nA,1\n\(String(repeating: "x", count: 5_000_000))\n,3\n"
        #expect(
            try Line(list: Array(list.utf8)).refusal()?.faults.map(\.brief) == [
                "list.value-too-long 3:1", "list.serial-empty 4:1 serial",
            ])
        let header = String(repeating: "x", count: 5_000_000)
        #expect(
            try Line(list: Array(header.utf8)).refusal()?.faults.first?.brief == "list.value-too-long 1:1")
    }

    @Test("Fifty faults are kept, and all are counted, in the order of their lines")
    func cap() throws {
        let list = "serial\n" + String(repeating: " x\n", count: 1234)
        let error = try Line(quantity: 1234, list: Array(list.utf8)).refusal()
        #expect(error?.faults.count == 50)
        #expect(error?.faultCount == 1234)
        #expect(error?.faults.map(\.line) == Array(2...51))
        #expect(error?.description.contains("1184 more") == true)
    }

    @Test("The caller's check of a row is reported at the column it blames")
    func rowCheck() throws {
        let line = try Line()
        let error = #expect(throws: ManifestError.self) {
            try line.open().checkRows(
                requiredColumns: ["serial", "mac"],
                rowCheck: { $0[1] == "2" ? [RowValueFault(column: 1, message: "two")] : [] })
        }
        #expect(error?.faults.map(\.brief) == ["list.value 3:3 mac"])
    }

    @Test("A column that the template wants has to be there and filled")
    func requiredColumns() throws {
        let line = try Line(list: Array("serial,mac\nA,1\nB,\nC,3\n".utf8))
        #expect(line.refusal(["serial", "mac"])?.faults.map(\.brief) == ["list.value-empty 3:3 mac"])
        #expect(line.refusal(["serial", "batch"])?.faults.map(\.brief) == ["list.column-missing 1:1 batch"])
        #expect(try line.check(["serial"]).rowCount == 3)
    }

    @Test(
        "Quotes, CRLF, a byte order mark and a missing last newline are read as RFC 4180 means them",
        arguments: [
            "serial,mac\nA,1\nB,2\nC,3", "serial,mac\r\nA,1\r\nB,2\r\nC,3\r\n",
            "\u{FEFF}serial,mac\nA,1\nB,2\nC,3\n",
            "\"serial\",\"mac\"\n\"A\",\"1\"\nB,2\nC,3\n",
        ])
    func accepted(list: String) throws {
        let rows = try Line(list: Array(list.utf8)).rows()
        #expect(rows.map(\.values) == [["A", "1"], ["B", "2"], ["C", "3"]])
        #expect(rows.map(\.index) == [0, 1, 2])
        #expect(rows.map(\.line) == [2, 3, 4])
        #expect(rows.map(\.serial) == ["A", "B", "C"])
    }

    @Test("Commas and quotes inside quotes belong to the value")
    func quoted() throws {
        let list = "mac,serial\n\"a,\"\"b\"\"\",A\n\"\"\"\",B\n\",\",C\n"
        let rows = try Line(list: Array(list.utf8)).rows()
        #expect(rows.map(\.values) == [["A", "a,\"b\""], ["B", "\""], ["C", ","]])
    }

    @Test("JSON lines give the wanted columns in order, escapes resolved")
    func jsonValues() throws {
        let list =
            "{\"mac\":\"1\",\"serial\":\"A\"}\r\n{ \"serial\" : \"B\\/\\u00e4\\ud83d\\ude00\" , \"mac\":\"\\\"\" }\n"
            + "{\"serial\":\"C\",\"mac\":\"3\"}"
        let rows = try Line(devices: "jsonl: devices.jsonl", list: Array(list.utf8)).rows()
        #expect(rows.map(\.values) == [["A", "1"], ["B/ä😀", "\""], ["C", "3"]])
        #expect(rows.map(\.line) == [1, 2, 3])
    }

    private static func long(_ count: Int) -> [UInt8] {
        Array(("serial,mac\n" + (0..<count).map { "S\($0),\($0 % 7)\n" }.joined()).utf8)
    }

    @Test("Rows can be read from anywhere, and are the same as from the beginning")
    func resume() throws {
        let count = 60_000
        let line = try Line(quantity: count, list: Self.long(count))
        defer { withExtendedLifetime(line) {} }
        let manifest = try line.check()
        let segments = try #require(manifest.list).segments
        #expect(segments.count > 3)
        let all = try manifest.rows().next(count + 1)
        #expect(all.count == count)
        #expect(all.map(\.index) == Array(0..<count))
        var starts = [0, 1, 17, count / 2, count - 1, count]
        starts += segments.flatMap { [$0.firstRow - 1, $0.firstRow, $0.firstRow + 1] }.filter {
            $0 >= 0
        }
        for start in starts {
            #expect(try manifest.rows(from: start).next(5) == Array(all[start...].prefix(5)))
        }
        for bad in [-1, count + 1] {
            let error = #expect(throws: ManifestError.self) { try manifest.rows(from: bad) }
            #expect(error?.code == .rowOutOfRange)
        }
    }

    @Test("No row of a list that was edited after the check is handed out")
    func edited() throws {
        let count = 60_000
        let line = try Line(quantity: count, list: Self.long(count))
        let checked = try line.check()
        let last = try #require(checked.list?.segments.last)
        var list = Self.long(count)
        // The same size, one digit in the last segment.
        let place = try #require(list.lastIndex(of: UInt8(ascii: "S"))) + 1
        list[place] ^= 1
        try line.write("devices.csv", list)
        let rows = try checked.rows()
        #expect(try rows.next(last.firstRow).count == last.firstRow)
        let error = #expect(throws: ManifestError.self) { try rows.next() }
        #expect(error?.code == .changed)
        for other in [list.dropLast(), list + Array("S,1\n".utf8)] {
            try line.write("devices.csv", Array(other))
            let error = #expect(throws: ManifestError.self) { try checked.rows() }
            #expect(error?.code == .changed)
        }
        try FileManager.default.removeItem(atPath: "\(line.path)/devices.csv")
        let gone = #expect(throws: ManifestError.self) { try checked.rows() }
        #expect(gone?.code == .unreadable)
    }

    @Test("The digest covers manifest, list and station key, and anybody can compute it")
    func digest() throws {
        let line = try Line()
        let digest = try line.check().digest
        func hex(_ bytes: some Sequence<UInt8>) -> String {
            bytes.map { String(format: "%02x", $0) }.joined()
        }
        let text =
            "rootline/manifest/v1\nmanifest \(hex(SHA256.hash(data: Array(Line.manifest().utf8))))\n"
            + "devices \(hex(SHA256.hash(data: Array("serial,mac\nA,1\nB,2\nC,3\n".utf8))))\n"
            + "station \(hex(SHA256.hash(data: Array(stationPEM.utf8))))\n"
        #expect(digest == Array(SHA256.hash(data: Array(text.utf8))))
        try line.write("devices.csv", Array("serial,mac\nA,1\nB,2\nC,4\n".utf8))
        #expect(try line.check().digest != digest)
        try line.write("devices.csv", Array("serial,mac\nA,1\nB,2\nC,3\n".utf8))
        #expect(try line.check().digest == digest)
        try line.write("station.pem", Array((stationPEM + "\n").utf8))
        #expect(try line.check().digest != digest)
    }

    @Test("Repeats far apart are found among many rows, each with its first line")
    func manyRepeats() throws {
        let count = 50_000
        let list = "serial\n" + (0..<count).map { "S\($0 % 49_990)\n" }.joined()
        let error = try Line(quantity: count, list: Array(list.utf8)).refusal()
        #expect(error?.faultCount == 10)
        #expect(error?.faults.map(\.line) == Array(49_992...50_001))
        #expect(error?.faults.first?.message.contains("line 2 ") == true)
    }

    @Test("Random octets are refused and never crash")
    func random() throws {
        for _ in 0..<40 {
            let alphabet: [UInt8] = [0x22, 0x2C, 0x0A, 0x0D, 0x41, 0x7B, 0x7D, 0x3A, 0x5C, 0xC3, 0x75]
            let octets = (0..<Int.random(in: 0..<300)).map { _ in alphabet[Int.random(in: 0..<alphabet.count)]
            }
            for devices in ["csv: devices.csv", "jsonl: devices.jsonl"] {
                #expect(throws: ManifestError.self) {
                    try Line(devices: devices, quantity: 77, list: Array("serial\n".utf8) + octets).check([
                        "serial"
                    ])
                }
            }
        }
    }
}
