import Allowlist
import TransparencyLog

extension VectorCase {
    /// Entries, tiles and other files that are not what was signed.
    static let damagedTrees: [VectorCase] = [
        .damaged("entry-altered", "One bit of an entry was changed.", .entryMismatch) { _, files in
            try files.changeEntries("tile/entries/000.p/9", count: 9) { $0[3][40] ^= 1 }
        },
        .damaged("entries-swapped", "Two entries of a bundle were exchanged.", .entryMismatch) {
            _, files in
            try files.changeEntries("tile/entries/000.p/9", count: 9) { $0.swapAt(3, 5) }
        },
        .damaged("entry-deleted-from-file", "An entry bundle has one entry less.", .entriesMalformed) {
            _, files in
            let bytes = files["tile/entries/000.p/9"] ?? []
            let last = try EntryFraming.entries(in: bytes, count: 9)[8]
            files["tile/entries/000.p/9"] = Array(bytes.prefix(last.lowerBound - 2))
        },
        .damaged("entry-added-to-file", "An entry bundle has one entry more.", .entriesMalformed) {
            _, files in
            let entry = try AllowlistEntry.add(VectorLog.device(99)).encoded()
            var bytes = files["tile/entries/000.p/9"] ?? []
            try EntryFraming.append(entry, to: &bytes)
            files["tile/entries/000.p/9"] = bytes
        },
        .refused(
            "entry-deleted",
            "An entry was left out and all tiles and the index were rebuilt, under the old checkpoint; no other rule is broken.",
            .rootMismatch
        ) {
            var log = VectorLog()
            try log.append(log.openRun())
            for number in 1...7 { try log.append(.add(VectorLog.device(number))) }
            try log.appendState()
            var files = try log.files()
            try rebuild(log, &files) { $0.remove(at: 4) }
            return Made(log: log, files: files)
        },
        .damaged(
            "entry-added",
            "An entry was put in and another left out, tiles rebuilt, under the old checkpoint.",
            .rootMismatch
        ) { log, files in
            let entry = try AllowlistEntry.add(VectorLog.device(99)).encoded()
            try rebuild(log, &files) { $0[2] = entry }
        },
        .damaged(
            "entry-and-leaf-altered", "An entry was changed and its leaf hash with it.", .rootMismatch
        ) { _, files in
            var leaf = Digest32()
            try files.changeEntries("tile/entries/000.p/9", count: 9) {
                $0[3][40] ^= 1
                leaf = MerkleTree.leafHash($0[3])
            }
            files["tile/0/000.p/9"]?.replaceSubrange(96..<128, with: leaf.bytes)
        },
        .damaged("leaf-hash-altered", "One bit of a level-0 tile was changed.", .tileMismatch) { _, files in
            files.flip("tile/0/000.p/9", 5 * 32 + 7)
        },
        .damaged("upper-tile-altered", "One bit of a level-1 tile was changed.", .tileMismatch, devices: 300)
        {
            _, files in
            files.flip("tile/1/000.p/1", 3)
        },
        .damaged("tile-of-another-log", "A hash tile of another log with as many entries.", .tileMismatch) {
            _, files in
            files["tile/0/000.p/9"] = try otherLog().files()["tile/0/000.p/9"]
        },
        .damaged(
            "tree-of-another-log", "Tiles, entries and index of another log under this log's checkpoint.",
            .rootMismatch
        ) { log, files in
            let own = files
            files = try otherLog().files()
            for path in ["checkpoint", "checkpoint.txt", "checkpoint.p7s"] { files[path] = own[path] }
        },
        .damaged("tile-missing", "A hash tile is not there.", .fileMissing) { _, files in
            files["tile/0/000.p/9"] = nil
        },
        .damaged("tile-short", "A hash tile is a byte short.", .fileSize) { _, files in
            files["tile/0/000.p/9"]?.removeLast()
        },
        .damaged("tile-long", "A hash tile has a hash too many.", .fileSize) { _, files in
            files["tile/0/000.p/9"]? += [UInt8](repeating: 0, count: 32)
        },
        .damaged(
            "tile-under-wrong-width", "The partial tile stands under another width's name.", .fileMissing
        ) { _, files in
            files["tile/0/000.p/8"] = files.removeValue(forKey: "tile/0/000.p/9")
        },
        .damaged("entries-missing", "An entry bundle is not there.", .fileMissing) { _, files in
            files["tile/entries/000.p/9"] = nil
        },
        .damaged("entry-length-beyond-file", "An entry's length runs beyond its bundle.", .entriesMalformed) {
            _, files in
            files["tile/entries/000.p/9"]?[0] = 0xff
        },
        .damaged("authorisation-missing", "A cited authorisation is not there.", .fileMissing) { _, files in
            files[Authorisation.path(of: Digest32.sha256(VectorLog.authorisation))] = nil
        },
        .damaged("authorisation-altered", "A cited authorisation has another digest.", .authorisation) {
            _, files in
            files.flip(Authorisation.path(of: Digest32.sha256(VectorLog.authorisation)), 0)
        },
    ]

    /// Another customer's log, signed by the same key, with as many entries.
    private static func otherLog() throws -> VectorLog {
        var log = VectorLog()
        try log.append(log.openRun("R-7", product: "Monitor"))
        for number in 41...46 {
            try log.append(.add(VectorLog.device(number, run: "R-7", product: "Monitor")))
        }
        try log.append(.seal(log.seal("R-7", released: 6)))
        try log.appendState()
        return log
    }

    /// Puts tiles of changed entries in place; the tree keeps its size by an entry at its end.
    private static func rebuild(
        _ log: VectorLog, _ files: inout [String: [UInt8]], _ change: (inout [[UInt8]]) -> Void
    ) throws {
        var changed = log
        let size = changed.size
        changed.entries.removeLast()
        change(&changed.entries)
        while changed.size < size - 1 { try changed.append(VectorLog.revoke(1)) }
        try changed.appendState()
        files.merge(try changed.tiles()) { $1 }
        files.merge(changed.segments) { $1 }
    }
}
