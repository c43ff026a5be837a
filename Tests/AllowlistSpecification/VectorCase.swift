import Allowlist
import Foundation
import TransparencyLog

/// How one vector is made, and what must come of it.
struct VectorCase: Sendable {
    /// What a case is made of before it is written.
    struct Made {
        /// Whose origin and key are pinned.
        var log: VectorLog
        var files: [String: [UInt8]]
        /// The name of a bundle that several vectors ask about.
        var shared: String?
        var question = Vector.Question(verify: true)
        var maxAge: UInt64?
        var now: UInt64?
        var allowRehearsal = false
        /// Instead of a bundle.
        var receipt: [UInt8]?
        var absence: [UInt8]?
        var witnesses: Vector.PinnedWitnesses?
        var roster: String?
        /// The receiver's bundle, where a delta is applied.
        var base: [String: [UInt8]]?
        /// The note that the consumer kept.
        var kept: [UInt8]?
        /// The archive, where it is not the plain one of the files.
        var archive: [UInt8]?
    }

    let name: String
    let what: String
    /// The refusal, or nil where the answer is `ok`.
    let code: AllowlistError.Code?
    let make: @Sendable () throws -> Made

    static func accepted(
        _ name: String, _ what: String, _ make: @escaping @Sendable () throws -> Made
    ) -> VectorCase {
        VectorCase(name: name, what: what, code: nil, make: make)
    }

    static func refused(
        _ name: String, _ what: String, _ code: AllowlistError.Code,
        _ make: @escaping @Sendable () throws -> Made
    ) -> VectorCase {
        VectorCase(name: name, what: what, code: code, make: make)
    }

    /// Files of a good bundle that are changed after they were signed.
    static func damaged(
        _ name: String, _ what: String, _ code: AllowlistError.Code, devices: Int = 6,
        _ change: @escaping @Sendable (_ log: VectorLog, _ files: inout [String: [UInt8]]) throws -> Void
    ) -> VectorCase {
        refused(name, what, code) {
            let log = try VectorLog.published(devices: devices)
            var files = try log.files()
            try change(log, &files)
            return Made(log: log, files: files)
        }
    }

    /// A list that breaks a rule and is signed. It begins with an open run of ten and two (entry 0) and
    /// devices 1 to 4 under their own indexes.
    static func rule(
        _ name: String, _ what: String, _ code: AllowlistError.Code?,
        _ change: @escaping @Sendable (_ log: inout VectorLog) throws -> Void
    ) -> VectorCase {
        VectorCase(name: name, what: what, code: code) {
            var log = VectorLog()
            try log.append(log.openRun())
            for number in 1...4 { try log.append(.add(VectorLog.device(number))) }
            try change(&log)
            try log.appendState()
            return Made(log: log, files: try log.files())
        }
    }

    static let all: [VectorCase] =
        goodBundles + damagedTrees + badCheckpoints + brokenRuns + brokenReferences + repeats + brokenIndexes
        + lookups + receipts + approvals + absences + witnesses + kept + deltas + carrying
}

extension VectorCase {
    /// Makes the vector and its files; throws where the library does not answer what the case says.
    func record() throws {
        let made = try make()
        var vector = Vector(
            name: name, what: what,
            pins: .init(
                origin: made.log.origin, logKey: Data(made.log.publicKey).base64EncodedString(),
                maxAge: made.maxAge, roster: made.roster, witnesses: made.witnesses),
            allowRehearsal: made.allowRehearsal, now: made.now, question: made.question,
            expected: .init(outcome: "ok"))
        if let receipt = made.receipt {
            vector.question.receipt?.file = "\(name).tlog-proof"
            try write(receipt, ".tlog-proof")
        } else if let absence = made.absence {
            vector.question.absence?.file = "\(name).absence"
            try write(absence, ".absence")
        } else if let shared = made.shared {
            vector.bundle = "\(shared).tar"
            let file = Vector.folder.appendingPathComponent("\(shared).tar")
            // The folder was emptied before, so what is there is of this recording.
            if !FileManager.default.fileExists(atPath: file.path) {
                try Data(try VectorCase.archive(made.files)).write(to: file)
            }
        } else {
            vector.bundle = "\(name).tar"
            try write(try made.archive ?? VectorCase.archive(made.files), ".tar")
        }
        if let base = made.base {
            vector.question.apply?.base = "\(name).base.tar"
            try write(try VectorCase.archive(base), ".base.tar")
        }
        vector.kept = made.kept.map { Data($0).base64EncodedString() }
        vector.expected = try vector.answer()
        guard vector.expected.code == code?.rawValue else {
            throw Unexpected(
                description: "\(name): \(vector.expected.code ?? "ok"), not \(code?.rawValue ?? "ok")")
        }
        try Vector.encoded(vector).write(to: Vector.folder.appendingPathComponent("\(name).json"))
    }

    private func write(_ bytes: [UInt8], _ ending: String) throws {
        try Data(bytes).write(to: Vector.folder.appendingPathComponent(name + ending))
    }

    struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    static func archive(_ files: [String: [UInt8]]) throws -> [UInt8] {
        let source = BundleBytes(files)
        nonisolated(unsafe) var bytes: [UInt8] = []
        let writer = TarWriter { (part) throws(AllowlistError) in bytes += part }
        for path in files.keys.sorted() { try writer.append(try source.open(path)) }
        try writer.finish()
        return bytes
    }
}

/// Changes to files that hold entries.
extension [String: [UInt8]] {
    /// Changes the entries of one bundle file and frames them anew.
    mutating func changeEntries(
        _ path: String, count: Int, _ change: (inout [[UInt8]]) -> Void
    ) throws {
        let bytes = self[path] ?? []
        var entries = try EntryFraming.entries(in: bytes, count: count).map { Array(bytes[$0]) }
        change(&entries)
        var framed: [UInt8] = []
        for entry in entries { try EntryFraming.append(entry, to: &framed) }
        self[path] = framed
    }

    mutating func flip(_ path: String, _ offset: Int, _ bits: UInt8 = 1) {
        self[path]?[offset] ^= bits
    }
}
