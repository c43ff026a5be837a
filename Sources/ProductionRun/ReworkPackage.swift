import Foundation
import Glibc

/// What the programming station gets of a device that was made anew: `packages/rework-<number>-<row>.jsonl`, in the
/// form of every package.
///
/// The numbers count what a run made anew, from 1: a row that is made anew twice has two files, and none is replaced.
struct ReworkPackage {
    let folder: String
    let number: Int
    let row: Int

    init(folder: String, number: Int, row: Int) {
        self.folder = folder
        self.number = number
        self.row = row
    }

    init?(folder: String, name: String) {
        guard name.hasPrefix("rework-"), name.hasSuffix(".jsonl") else { return nil }
        let parts = name.dropLast(".jsonl".count).split(separator: "-")
        guard parts.count == 3, let number = Int(parts[1]), let row = Int(parts[2]) else { return nil }
        self.init(folder: folder, number: number, row: row)
    }

    private static func digits(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    var name: String { "rework-\(Self.digits(number, 4))-\(Self.digits(row, 8)).jsonl" }
    var path: String { folder + "/" + name }
    private var hidden: String { folder + "/." + name }

    /// Writes and flushes it under its hidden name; an earlier one of a lost attempt is replaced.
    func prepare(_ lines: [UInt8]) throws(RunError) {
        try DurableFile.write(lines, to: hidden)
        try DurableFile.flushFolder(folder)
    }

    /// Makes it visible, durably; one that is there already is never replaced.
    func publish() throws(RunError) {
        guard access(path, F_OK) != 0 else { throw ReworkPackage.unrecorded(path) }
        guard rename(hidden, path) == 0 else { throw DurableFile.failure(path) }
        try DurableFile.flushFolder(folder)
    }

    private static func unrecorded(_ path: String) -> RunError {
        RunError(
            .inconsistent, path, "this package was shown, and the ledger does not know its device",
            hint: "The ledger was restored from an older copy. Restore the newest, and find out why.")
    }

    /// After an interruption: shows hidden packages whose devices are recorded, and removes the others.
    ///
    /// `recorded` is how many devices the run has made anew.
    static func reconcile(folder: String, recorded: Int) throws(RunError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names {
            if name.hasPrefix("."),
                let package = ReworkPackage(folder: folder, name: String(name.dropFirst()))
            {
                if package.number <= recorded, !FileManager.default.fileExists(atPath: package.path) {
                    try package.publish()
                } else {
                    unlink(package.hidden)
                }
            } else if let package = ReworkPackage(folder: folder, name: name), package.number > recorded {
                throw unrecorded(package.path)
            }
        }
        try DurableFile.flushFolder(folder)
    }
}
