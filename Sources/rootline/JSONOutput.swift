import Foundation
import Glibc
import ProductionRun

/// Prints one JSON document with sorted keys; `version` is of the documents' form, 1 until a key changes meaning.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let document = try encoder.encode(value) + Data("\n".utf8)
    guard Terminal.put(Array(document), to: 1) else {
        throw RunError(.io, "standard output", String(cString: strerror(errno)))
    }
}

/// Prints one JSON document on a line of its own, for a stream of them.
func printJSONLine(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = try encoder.encode(value) + Data("\n".utf8)
    guard Terminal.put(Array(line), to: 1) else {
        throw RunError(.io, "standard output", String(cString: strerror(errno)))
    }
}

/// Seconds UTC in the form of RFC 3339.
func timeText(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
}
