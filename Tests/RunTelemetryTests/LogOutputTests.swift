import Foundation
import Logging
import Testing

@testable import RunTelemetry

@Suite struct LogOutputTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func logger(_ output: LogOutput) -> Logger {
        Logger(label: "rootline.test") { output.handler(label: $0) }
    }

    private func objects(_ name: String) throws -> [[String: Any]] {
        try scratch.text(name).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("Each line of the file is one JSON object with time, level, label, message and metadata")
    func form() throws {
        let output = LogOutput(level: nil, form: .text)
        var logger = logger(output)
        logger[metadataKey: "run"] = "batch"
        try output.open(file: scratch.path + "/log")
        logger.info("line 1\nline 2 \"quoted\" \u{7}", metadata: ["row": "7", "list": ["a", ["k": "v"]]])
        logger.debug("not asked for")
        let lines = try objects("log")
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(Set(line.keys) == ["time", "level", "label", "message", "metadata"])
        #expect(line["level"] as? String == "info" && line["label"] as? String == "rootline.test")
        #expect(line["message"] as? String == "line 1\nline 2 \"quoted\" \u{7}")
        let metadata = try #require(line["metadata"] as? [String: Any])
        #expect(metadata["run"] as? String == "batch" && metadata["row"] as? String == "7")
        #expect((metadata["list"] as? [Any])?.count == 2)
        let time = try #require(line["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
    }

    @Test("The file is its owner's alone, and a later run appends to it")
    func appending() throws {
        for _ in 0..<2 {
            let output = LogOutput(level: nil, form: .text)
            try output.open(file: scratch.path + "/log")
            logger(output).warning("here")
        }
        #expect(try objects("log").count == 2)
        #expect(try scratch.mode("log") == 0o600)
    }

    @Test("The level that was asked for holds, whenever the logger was made")
    func levels() throws {
        let output = LogOutput(level: .debug, form: .json)
        let logger = logger(output)
        try output.open(file: scratch.path + "/log")
        logger.trace("too fine")
        logger.debug("asked for")
        #expect(try objects("log").map { $0["message"] as? String } == ["asked for"])
    }

    @Test("A line as text cannot begin another line")
    func text() {
        let line = LogLine(
            time: Date(timeIntervalSince1970: 0.5), level: .error, label: "l", message: "a\nb\u{1B}[2J",
            metadata: ["k": "v\r\n"])
        #expect(
            String(decoding: line.text, as: UTF8.self) == "1970-01-01T00:00:00.500Z error l: a b [2J k=v  \n")
    }

    @Test("A file in a folder that is not there is refused with what to do")
    func refused() throws {
        let output = LogOutput(level: nil, form: .text)
        #expect {
            try output.open(file: scratch.path + "/nowhere/log")
        } throws: { error in
            (error as? TelemetryError)?.code == .cannotCreate && (error as? TelemetryError)?.hint != nil
        }
    }
}
