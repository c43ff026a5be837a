import Foundation
import Testing

@testable import Manifests

@Suite("Registration ids in manifests")
struct RegistrationTests {
    /// The suite's line with a registration, which stands in the manifest's line 11.
    private func line(
        _ registration: String, list: String = "serial,mac\nA,1\nB,2\nC,3\n", product: String = "Sensor"
    ) throws -> Line {
        let line = try Line(list: Array(list.utf8))
        let text = Line.manifest().replacingOccurrences(
            of: "devices:", with: "registration: \(registration)\ndevices:"
        )
        .replacingOccurrences(of: "product: Sensor", with: "product: \(product)")
        try line.write("run.yaml", Array(text.utf8))
        return line
    }

    @Test("An id is made of the row, its letters written small, and the rows carry the columns that it uses")
    func made() throws {
        let line = try line(
            "{ group: g-1, id: \"{product}:{serial}.{column.mac}\" }", list: "serial,mac\nA,1\nB,2\nEX-C,f3\n"
        )
        defer { withExtendedLifetime(line) {} }
        let checked = try line.check(["serial"])
        #expect(checked.columns == ["serial", "mac"])
        let registration = try #require(checked.manifest.registration)
        #expect(registration.group == "g-1")
        let ids = try #require(
            RegistrationIDs(registration.id, columns: checked.columns, product: checked.manifest.product))
        #expect(
            try checked.rows().next(.max).map { ids.id($0.values) } == [
                "sensor:a.1", "sensor:b.2", "sensor:ex-c.f3",
            ])
    }

    @Test(
        "What is wrong with a registration is named at its place",
        arguments: [
            ("{ group: g, id: \"{serial\" }", "registration.id 11:31 registration.id"),
            ("{ group: g, id: \"fixed\" }", "registration.id 11:31 registration.id"),
            ("{ group: g, id: \"{run}{serial}\" }", "registration.id 11:31 registration.id"),
            ("{ group: g, id: \"EX-{serial}\" }", "registration.id 11:31 registration.id"),
            ("{ group: g, id: \"a/{serial}\" }", "registration.id 11:31 registration.id"),
            ("{ group: \"../g\", id: \"{serial}\" }", "field.value 11:24 registration.group"),
            ("{ id: \"{serial}\" }", "field.missing 11:15 registration.group"),
            ("{ group: g, id: \"{serial}\", key: k }", "field.unknown 11:43 registration.key"),
            ("none", "field.type 11:15 registration"),
            ("{ group: g, id: \"{column.imei}\" }", "list.column-missing 1:1 imei"),
        ])
    func faults(text: String, expected: String) throws {
        let faults = try line(text).refusal()?.faults.map(\.brief) ?? []
        #expect(faults.contains(expected), "\(faults)")
    }

    @Test(
        "Every row's id is checked: characters, ends and length",
        arguments: [
            ("A B", "U+20 is no character"), ("é1", "U+E9 is no character"), ("_1", "begins and ends"),
            ("1:", "begins and ends"), (String(repeating: "9", count: 129), "has 129 characters"),
        ])
    func rows(serial: String, words: String) throws {
        let line = try line("{ group: g, id: \"{serial}\" }", list: "serial,mac\nA,1\n\(serial),2\nC,3\n")
        let faults = line.refusal()?.faults ?? []
        #expect(faults.map(\.brief) == ["list.value 3:1 serial"])
        #expect(faults.first?.message.contains(words) == true, "\(faults)")
    }

    @Test("128 characters and every allowed character are accepted")
    func accepted() throws {
        let long = String(repeating: "9", count: 128)
        _ = try line("{ group: g, id: \"{serial}\" }", list: "serial,mac\n0a-._:z9,1\n\(long),2\nC,3\n")
            .check()
    }

    @Test("Two serials that differ in case alone would be one registration id, and both lines are named")
    func repeated() throws {
        let line = try line("{ group: g, id: \"{serial}\" }", list: "serial,mac\nax,1\nB,2\nAX,3\n")
        let faults = line.refusal()?.faults ?? []
        #expect(faults.map(\.brief) == ["registration.id-repeated 4:1 serial"])
        #expect(faults.first?.message == "the registration id ax is in line 2 already")
    }

    @Test("An id that forgets the serial repeats where the column does")
    func repeatedColumn() throws {
        let line = try line("{ group: g, id: \"x{column.mac}\" }", list: "serial,mac\na,1\nb,2\nc,1\n")
        #expect(line.refusal()?.faults.map(\.brief) == ["registration.id-repeated 4:1 serial"])
    }

    @Test("A range's ids are checked as well")
    func ranges() throws {
        let line = try line("{ group: g, id: \"{serial}\" }")
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: line.path + "/run.yaml")), as: UTF8.self
        )
        .replacingOccurrences(
            of: "csv: devices.csv",
            with: "range: { prefix: \"A/\", first: 1, count: 3, width: 2, checkDigit: none }")
        try line.write("run.yaml", Array(text.utf8))
        #expect(line.refusal()?.faultCount == 3)
    }
}
