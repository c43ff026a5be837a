import Foundation
import Glibc
import RunLedger

extension RunFolder {
    private struct Closing: Encodable {
        var version = 1
        var run: String
        var reason: String?
        var quantity: Int
        var reserved: Int
        var released: Int
        var scrapped: Int
        var burned: Int
    }

    /// Keeps why a run was closed before its seal, and how far it was then; a second call replaces the first.
    func keepClosing(_ record: RunRecord, reason: String?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let closing = Closing(
            run: record.run.id, reason: reason, quantity: record.run.quantity, reserved: record.reserved,
            released: record.released, scrapped: record.scrapped, burned: record.burned)
        let file = path + "/closing.json"
        try DurableFile.write(Array(try encoder.encode(closing)) + [0x0A], to: file + ".new")
        guard rename(file + ".new", file) == 0 else { throw DurableFile.failure(file) }
        try DurableFile.flushFolder(path)
    }
}
