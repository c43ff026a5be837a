import TransparencyLog

extension EntryFiles {
    /// How the log names its devices, as its first `open-run` says, proven to the root; nil where no run was opened.
    ///
    /// Runs come before devices and every run of a log says the same, so this reads the log's first entry in nearly
    /// every case.
    package mutating func provenSerialForm(root: Digest32) throws(AllowlistError) -> SerialForm? {
        for index in 0..<treeSize {
            if case .openRun(let run) = try provenEntry(at: index, root: root) { return run.serials }
        }
        return nil
    }
}
