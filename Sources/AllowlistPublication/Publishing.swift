import Allowlist
import Dispatch
import TransparencyLog

/// What one publication did.
public struct PublicationReport: Hashable, Sendable {
    public let checkpoint: Checkpoint
    /// The bytes of `checkpoint`, to be handed to those who keep one.
    public let note: [UInt8]
    /// Index records that were written.
    public let indexRecordsWritten: UInt64
    /// Those of them that came out of merged older segments.
    public let indexRecordsMerged: UInt64
    /// The live segments after it.
    public let segments: [Segment]
}

/// A file that travels in the bundle beside the log.
public struct ExtraFile: Hashable, Sendable {
    /// `authorisations/<64 hex digits>.p7s`, `rosters/<version>.json`, `issuers.pem` or `signers.pem`.
    public let path: String
    public let bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// Whether it is named as a version of the roster.
    var isRoster: Bool {
        guard let version = Int(path.dropFirst("rosters/".count).dropLast(".json".count)) else {
            return false
        }
        return version > 0 && path == "rosters/\(version).json"
    }

    /// An authorisation under the name by which entries cite it.
    public static func authorisation(_ bytes: [UInt8]) -> ExtraFile {
        ExtraFile(path: Authorisation.path(of: Digest32.sha256(bytes)), bytes: bytes)
    }
}

extension BundleWriter {
    /// Appends the `state` entry and publishes everything appended so far under a new checkpoint.
    ///
    /// `signNote` is given the note's text and returns a DER ECDSA signature over it by the log's key;
    /// `signText` is given the same text and returns a detached CMS SignedData in DER. Whatever these
    /// throw is thrown on, and the published bundle stays as it was.
    @discardableResult
    public func publish(
        extraFiles: [ExtraFile] = [],
        signNote: ([UInt8]) throws -> [UInt8],
        signText: ([UInt8]) throws -> [UInt8]
    ) throws -> PublicationReport {
        try begin()
        return try publish(
            extraFiles: extraFiles, rotation: nil,
            signNote: { text in [try self.signature(over: text, by: self.pins.logKey, signNote)] },
            signText: signText)
    }

    /// Publishes in the middle of something; `signNote` answers every signature line of the checkpoint.
    func publish(
        extraFiles: [ExtraFile], rotation: CheckpointStaging.Rotation?,
        signNote: ([UInt8]) throws -> [SignedNote.Signature],
        signText: ([UInt8]) throws -> [UInt8]
    ) throws -> PublicationReport {
        for file in extraFiles { try write(file) }
        for digest in cited where !folder.exists(Authorisation.path(of: digest)) {
            throw AllowlistError(
                .authorisation, file: Authorisation.path(of: digest),
                "a cited authorisation is not in the bundle", hint: "publish it as an extra file")
        }
        let covered = tree.size
        let (segments, merged) = try writeSegments(to: covered)
        let newState = AllowlistEntry.State(segments: segments)
        try appendState(newState)
        try writePartialTiles()
        try folder.flush()

        let checkpoint = Checkpoint(origin: origin, size: tree.size, root: tree.root)
        let text = checkpoint.text
        let note = SignedNote(text: text, signatures: try signNote(text))
        let cms = try signText(text)
        guard !cms.isEmpty else {
            throw AllowlistError(.checkpointSignature, file: SignedHead.cmsPath, "the CMS signature is empty")
        }
        try CheckpointStaging.publish(
            note: note.bytes, text: text, cms: cms, rotation: rotation, folder: &folder, reached: reached)

        let old = published?.size ?? 0
        let written = segments.filter { !state.segments.contains($0) }.reduce(0) { $0 + $1.recordCount }
        try setPublished(checkpoint, newState)
        try removeDeadSegments()
        try removePartialTiles(of: old)
        end()
        return PublicationReport(
            checkpoint: checkpoint, note: note.bytes, indexRecordsWritten: written,
            indexRecordsMerged: merged, segments: segments)
    }

    /// The signature line that `sign` makes, proven before anybody sees it.
    func signature(
        over text: [UInt8], by key: NoteKey, _ sign: ([UInt8]) throws -> [UInt8]
    ) throws -> SignedNote.Signature {
        let signature = try sign(text)
        guard key.isValid(signature: signature, over: text) else {
            throw AllowlistError(
                .checkpointSignature, file: SignedHead.notePath,
                "the signature just made does not verify under the log's key",
                hint: "check that the token holds the key whose public part was given")
        }
        return key.signature(signature)
    }

    /// Writes a new segment a kind up to `end` and returns all live ones, with the records merged.
    ///
    /// Every kind on a core of its own: hashing a segment is most of what a seal costs.
    private func writeSegments(to end: UInt64) throws(AllowlistError) -> ([Segment], UInt64) {
        guard end > 0 else { return ([], 0) }
        try folder.makeFolder("index")
        let live = collectors.map { collector in state.segments.filter { $0.kind == collector.kind } }
        let plans = zip(collectors, live).map { SegmentMerging(live: $1, newRecords: $0.recordCount) }
        var written = [Result<Segment, AllowlistError>?](repeating: nil, count: plans.count)
        let folder = folder
        collectors.withUnsafeMutableBufferPointer { collectors in
            written.withUnsafeMutableBufferPointer { written in
                // Unsafe to the compiler alone: each iteration touches its own place, and the call waits for all.
                nonisolated(unsafe) let (collectors, written) = (collectors, written)
                DispatchQueue.concurrentPerform(iterations: plans.count) { position in
                    let start = live[position].last?.end ?? 0
                    written[position] = Result { () throws(AllowlistError) in
                        try plans[position].write(
                            &collectors[position], from: start, to: end, folder: folder)
                    }
                }
            }
        }
        var segments: [Segment] = []
        var merged: UInt64 = 0
        for (plan, result) in zip(plans, written) {
            guard let new = try result?.get() else { continue }
            try self.folder.note(new.path)
            segments += plan.kept + [new]
            merged += plan.merged.reduce(0) { $0 + $1.recordCount }
        }
        return (segments, merged)
    }

    private func write(_ file: ExtraFile) throws(AllowlistError) {
        let isKnown =
            ["issuers.pem", "signers.pem"].contains(file.path) || file.isRoster
            || file.path == Authorisation.path(of: Digest32.sha256(file.bytes))
        guard isKnown else {
            throw AllowlistError(
                .authorisation, file: file.path,
                "no file of a bundle has this name, or an authorisation has another digest than its name")
        }
        let present = try? BundleFolder(folder.root).bytes(of: file.path, maximum: file.bytes.count)
        if present != file.bytes { try folder.writeDurably(file.bytes, to: file.path) }
    }

    /// Removes partial tiles of an older size that the present tree does not consist of.
    private func removePartialTiles(of old: UInt64) throws(AllowlistError) {
        var contents: [Tile.Content] = [.entries]
        contents += (0..<8).map { .hashes(level: $0) }
        for content in contents {
            let level: UInt64 = if case .hashes(let level) = content { UInt64(level) } else { 0 }
            let index = (old >> (8 * level)) / UInt64(Tile.fullWidth)
            guard let tile = Tile(content, index: index, treeSize: old), !tile.isFull,
                Tile(content, index: index, treeSize: tree.size) != tile
            else { continue }
            try folder.remove(tile.path)
            if Tile(content, index: index, treeSize: tree.size)?.isFull ?? false {
                try folder.removeFolder(DurableFolder.parent(of: tile.path))
            }
        }
    }
}
