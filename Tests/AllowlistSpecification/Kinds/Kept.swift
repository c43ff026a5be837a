import Allowlist
import Foundation
import TransparencyLog

extension VectorCase {
    /// Lists whose consumer accepted one before.
    static let kept: [VectorCase] = [
        keeping("the-same", "The list that was kept.", nil, kept: everyEvent, presented: everyEvent),
        keeping(
            "extended", "The list that was kept, with entries appended.", nil, kept: firstPublication,
            presented: everyEvent),
        keeping(
            "older", "An older list than the one that was kept.", .checkpointOlder, kept: everyEvent,
            presented: firstPublication),
        keeping(
            "fork-of-one-size", "Another list of the same size, signed by the same key.", .checkpointFork,
            kept: everyEvent, presented: rewritten),
        keeping(
            "fork-rewritten", "A longer list in which an entry of the kept one was changed.", .checkpointFork,
            kept: firstPublication, presented: rewritten),
    ]

    private static func keeping(
        _ name: String, _ what: String, _ code: AllowlistError.Code?,
        kept: @escaping @Sendable () throws -> VectorLog,
        presented: @escaping @Sendable () throws -> VectorLog
    ) -> VectorCase {
        VectorCase(name: "kept-\(name)", what: what, code: code) {
            let log = try presented()
            var made = Made(log: log, files: try log.files())
            made.kept = try kept().files()["checkpoint"]
            return made
        }
    }

    /// The same list, but for a device that the log's owner put in another's place.
    @Sendable
    private static func rewritten() throws -> VectorLog {
        var log = try firstPublication()
        log.entries.removeLast()
        log.entries[1] = try AllowlistEntry.add(VectorLog.device(77)).encoded()
        try log.appendState()
        log.segmentEnds = [log.size - 1]
        let second = try log.append(log.openRun("R-2"))
        let first = log.size
        for number in 20...23 { try log.append(.add(VectorLog.device(number, run: "R-2"))) }
        try log.append(VectorLog.replace(4, first))
        try log.append(VectorLog.revoke(5))
        try log.append(.seal(log.seal("R-2", openIndex: second, released: 4)))
        try log.appendState()
        return log
    }

    /// What brings a receiver from an earlier list to a later one.
    static let deltas: [VectorCase] = [
        delta("good", "A delta from the receiver's list on.", nil),
        delta("whole", "A delta from nothing, for a receiver without a list.", nil, from: 0, base: nil),
        delta("below", "A delta from below the receiver's list on.", nil, from: 5),
        delta(
            "gap", "A delta that begins behind the receiver's list.", .deltaBase, from: 256, base: shortList,
            of: longList),
        delta(
            "gap-from-nothing", "A delta for a receiver without a list that does not begin at 0.", .deltaBase,
            from: 256, base: nil, of: longList),
        delta(
            "entry-altered", "One bit of a new entry was changed.", .rootMismatch,
            change: { files in
                files.flip("tile/entries/000.p/23", (files["tile/entries/000.p/23"]?.count ?? 1) - 60)
            }),
        delta(
            "unknown-file", "A delta with a file that no delta has.", .delta,
            change: { files in
                files["notes.txt"] = [1]
            }),
        delta(
            "authorisation-missing", "A new run's authorisation is not in the delta.", .fileMissing, from: 0,
            base: nil,
            change: { files in
                files[Authorisation.path(of: Digest32.sha256(VectorLog.authorisation))] = nil
            }),
        delta(
            "entries-missing", "The new entries are not in the delta.", .deltaBase,
            change: { files in
                files["tile/entries/000.p/23"] = nil
            }),
        delta(
            "fork", "A delta of another history, which the log signed too.", .checkpointFork, of: rewritten),
        delta(
            "unknown-key", "A delta whose checkpoint is signed by another key.", .checkpointSignature,
            of: {
                var log = try everyEvent()
                log.key = VectorLog.key("another key")
                return log
            }),
    ]

    @Sendable
    private static func shortList() throws -> VectorLog {
        var log = VectorLog()
        try log.append(log.openRun(quantity: 400))
        for number in 1...5 { try log.append(.add(VectorLog.device(number))) }
        try log.appendState()
        return log
    }

    /// The short list with so many devices behind it that they fill a second entry bundle.
    @Sendable
    private static func longList() throws -> VectorLog {
        var log = try shortList()
        log.segmentEnds = [log.size - 1]
        for number in 6...260 { try log.append(.add(VectorLog.device(number))) }
        try log.appendState()
        return log
    }

    private static func delta(
        _ name: String, _ what: String, _ code: AllowlistError.Code?, from start: UInt64 = 14,
        base: (@Sendable () throws -> VectorLog)? = firstPublication,
        of newer: @escaping @Sendable () throws -> VectorLog = everyEvent,
        change: @escaping @Sendable (inout [String: [UInt8]]) throws -> Void = { _ in }
    ) -> VectorCase {
        VectorCase(name: "delta-\(name)", what: what, code: code) {
            let log = try newer()
            let pinned = try base?() ?? everyEvent()
            let pins = try Pins(origin: log.origin, logKeySPKI: log.publicKey)
            let path = FileManager.default.temporaryDirectory
                .appendingPathComponent("delta-\(UUID().uuidString).tar").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let bundle = BundleBytes(try log.files())
            _ = try BundleDelta.write(from: start, of: bundle, pins: pins, to: path)
            let archive = try TarArchive(path)
            // The delta's files are among the bundle's.
            var files: [String: [UInt8]] = [:]
            for file in try log.files().keys {
                if let bytes = try? archive.bytes(of: file, maximum: 1 << 24) { files[file] = bytes }
            }
            try change(&files)
            var made = Made(log: pinned, files: files, question: .init(apply: .init()))
            made.base = try base?().files()
            return made
        }
    }
}
