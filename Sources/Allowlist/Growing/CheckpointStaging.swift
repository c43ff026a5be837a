/// Puts the three checkpoint files in place as one, by redo.
///
/// They are written to a folder beside and flushed; renaming that folder is the moment of publication.
/// After a crash a renamed folder is carried on with and any other one is dropped.
package struct CheckpointStaging {
    private static let preparing = ".publication/preparing"
    private static let complete = ".publication/complete"

    /// The order in which files are put in place; the checkpoint comes last.
    private static let names = [SignedHead.cmsPath, SignedHead.textPath, SignedHead.notePath]

    /// Where a publication may be interrupted, for tests that do so.
    package enum Step: CaseIterable {
        case staged, committed, cmsInPlace, textInPlace, checkpointInPlace
    }

    package static func publish(
        note: [UInt8], text: [UInt8], cms: [UInt8], folder: inout DurableFolder,
        reached: (Step) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        try folder.removeFolder(preparing)
        try folder.makeFolder(preparing)
        for (name, bytes) in zip(names, [cms, text, note]) {
            try folder.write(bytes, to: "\(preparing)/\(name)")
        }
        try folder.flush()
        try reached(.staged)
        try folder.rename(preparing, to: complete)
        try folder.syncFolder(".publication")
        try reached(.committed)
        try rollForward(folder: &folder, reached: reached)
    }

    /// Finishes or forgets what an interrupted publication left behind.
    package static func recover(folder: inout DurableFolder) throws(AllowlistError) {
        try folder.removeFolder(preparing)
        try rollForward(folder: &folder) { (_) throws(AllowlistError) in }
    }

    private static func rollForward(
        folder: inout DurableFolder, reached: (Step) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        guard folder.exists(complete) else { return }
        for (name, step) in zip(names, [Step.cmsInPlace, .textInPlace, .checkpointInPlace])
        where folder.exists("\(complete)/\(name)") {
            try folder.rename("\(complete)/\(name)", to: name)
            try reached(step)
        }
        // The names must last before the folder that could bring them back goes.
        try folder.syncFolder("")
        try folder.removeFolder(complete)
        try folder.syncFolder(".publication")
    }
}
