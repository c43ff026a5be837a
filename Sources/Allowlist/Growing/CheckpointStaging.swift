/// Puts the three checkpoint files in place as one, by redo.
///
/// They are written to a folder beside and flushed; renaming that folder is the moment of publication.
/// After a crash a renamed folder is carried on with and any other one is dropped.
package struct CheckpointStaging {
    /// The writer's own folder in a bundle.
    package static let privateFolder = ".publication"
    private static let preparing = "\(privateFolder)/preparing"
    private static let complete = "\(privateFolder)/complete"

    /// The order in which files are put in place; the checkpoint comes last.
    private static let names = [SignedHead.cmsPath, SignedHead.textPath, SignedHead.notePath]
    /// The message of a rotation is put in place with the checkpoint that first covers its entry, before it.
    private static let rotationPrefix = "rotation-"

    /// The message of a rotation of the log's key that a checkpoint publishes.
    package struct Rotation {
        /// From 1.
        let number: Int
        let message: [UInt8]

        package init(number: Int, message: [UInt8]) {
            self.number = number
            self.message = message
        }
    }

    /// Where a publication may be interrupted, for tests that do so.
    package enum Step: CaseIterable {
        case staged, committed, cmsInPlace, textInPlace, checkpointInPlace
    }

    package static func publish(
        note: [UInt8], text: [UInt8], cms: [UInt8], rotation: Rotation? = nil, folder: inout DurableFolder,
        reached: (Step) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        try folder.removeFolder(preparing)
        try folder.makeFolder(preparing)
        if let rotation {
            try folder.write(rotation.message, to: "\(preparing)/\(rotationPrefix)\(rotation.number)")
        }
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

    /// Whether a publication was interrupted after it was decided.
    package static func isUnfinished(in folder: DurableFolder) -> Bool { folder.exists(complete) }

    private static func rollForward(
        folder: inout DurableFolder, reached: (Step) throws(AllowlistError) -> Void
    ) throws(AllowlistError) {
        guard folder.exists(complete) else { return }
        for name in folder.names(in: complete) where name.hasPrefix(rotationPrefix) {
            guard let number = Int(name.dropFirst(rotationPrefix.count)) else { continue }
            let path = RotationMessage.path(number)
            try folder.makeFolder(DurableFolder.parent(of: path))
            try folder.rename("\(complete)/\(name)", to: path)
            try folder.syncFolder(DurableFolder.parent(of: path))
        }
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
