import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Adds signature lines to a published checkpoint.
public enum CosignedCheckpoint {
    /// Adds a line to `checkpoint` in a bundle's folder, in the place of an earlier line by the same key.
    ///
    /// The file is replaced as one and its text stays as it is. Writers are kept out meanwhile: throws
    /// `publication` where one is at work or was interrupted, and `checkpoint-text` where the checkpoint is not
    /// the one that was signed any more.
    public static func add(
        _ line: SignedNote.Signature, over text: [UInt8], toBundleIn directory: String
    ) throws(AllowlistError) {
        var folder = try DurableFolder(directory)
        let privateFolder = CheckpointStaging.privateFolder
        try folder.makeFolder(privateFolder)
        let lock = try folder.create("\(privateFolder)/lock")
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw AllowlistError(
                .publication, "a writer has this bundle open",
                hint: "wait until the run has ended, then cosign its new checkpoint")
        }
        guard !CheckpointStaging.isUnfinished(in: folder) else {
            throw AllowlistError(
                .publication, "a publication was interrupted in this bundle",
                hint: "open the log with its writer once, for instance by `rootline run status`")
        }
        let bytes = try BundleFolder(directory).bytes(
            of: SignedHead.notePath, maximum: SignedNote.maximumLength)
        guard let note = try? SignedNote(parsing: bytes), note.text == text else {
            throw AllowlistError(
                .checkpointText, file: SignedHead.notePath, "the checkpoint is not the one that was cosigned",
                hint: "a newer one was published meanwhile: cosign that")
        }
        let cosigned = note.adding(line).bytes
        guard cosigned.count <= SignedNote.maximumLength else {
            throw AllowlistError(
                .checkpointMalformed, file: SignedHead.notePath, "the checkpoint has no room for more lines")
        }
        try folder.writeDurably(cosigned, to: SignedHead.notePath)
    }
}
