import Allowlist
import AllowlistPublication
import Testing

@Suite("Texts are octets")
struct SpellingTests {
    // One letter in two spellings that Unicode calls equivalent, and Swift equal.
    private let composed = "pomp\u{e9}"
    private let decomposed = "pompe\u{301}"

    @Test("A device of an equivalent spelling of the run's product is of another product")
    func product() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R-1", product: composed))
        try writer.append(.add(TestLog.device(1, run: "R-1", product: decomposed)))
        try log.publish(writer)
        let error = #expect(throws: AllowlistError.self) { try log.verify() }
        #expect(error?.code == .run && error?.index == 1)
    }

    @Test("Runs and products of two spellings are two, and a lookup finds the one that was asked for")
    func two() throws {
        let log = TestLog()
        let writer = try log.writer()
        for (number, text) in [composed, decomposed].enumerated() {
            try writer.append(log.openRun(text, product: text))
            try writer.append(.add(TestLog.device(number, run: text, product: text, serial: "SN")))
        }
        try log.publish(writer)
        #expect(try log.verify().runs.count == 2)
        let reader = try log.reader()
        for (number, text) in [composed, decomposed].enumerated() {
            #expect(try reader.lookup(serial: "SN", product: text).entryIndex == UInt64(2 * number + 1))
        }
        let error = #expect(throws: AllowlistError.self) { try reader.lookup(serial: "SN") }
        #expect(error?.code == .ambiguousSerial)
    }

    @Test("A list of an equivalent spelling of the pinned origin is another list")
    func origin() throws {
        let log = TestLog(origin: "\(composed).example/list")
        let writer = try log.writer()
        try log.publish(writer)
        let pins = try Pins(origin: "\(decomposed).example/list", logKeySPKI: log.spki)
        let error = #expect(throws: AllowlistError.self) {
            try BundleVerifier.verify(directory: log.path, pins: pins)
        }
        #expect(error?.code == .checkpointOrigin)
    }
}
