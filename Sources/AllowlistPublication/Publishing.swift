import Allowlist
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
    /// `authorisations/<64 hex digits>.p7s`, `issuers.pem`, `signers.pem` or `rosters/<n>.json`.
    public let path: String
    public let bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
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
            extraFiles: extraFiles, signer: pins.logKey, rotation: nil,
            signNote: { text in [try self.signature(over: text, by: self.pins.logKey, signNote)] },
            signText: signText)
    }

    /// Publishes in the middle of something; `signNote` answers every signature line of the checkpoint, `signer` is the
    /// key that `signText` signs with.
    func publish(
        extraFiles: [ExtraFile], signer: NoteKey, rotation: CheckpointStaging.Rotation?,
        signNote: ([UInt8]) throws -> [SignedNote.Signature],
        signText: ([UInt8]) throws -> [UInt8]
    ) throws -> PublicationReport {
        for file in extraFiles { try write(file) }
        for digest in cited where !bundle.folder.exists(Authorisation.path(of: digest)) {
            throw AllowlistError(
                .authorisation, file: Authorisation.path(of: digest),
                "a cited authorisation is not in the bundle", hint: "publish it as an extra file")
        }
        let (segments, merged) = try bundle.writeSegments()
        let written = segments.filter { !bundle.state.segments.contains($0) }
        let newState = AllowlistEntry.State(segments: segments)
        try appendState(newState)
        try bundle.flush()

        let checkpoint = Checkpoint(origin: origin, size: bundle.size, root: bundle.tree.root)
        let text = checkpoint.text
        let note = SignedNote(text: text, signatures: try signNote(text))
        let cms = try signText(text)
        _ = try CheckpointSignature(cms, over: text, by: signer.spki)
        try bundle.commit(
            checkpoint, newState, note: note.bytes, text: text, cms: cms, rotation: rotation)
        cited = []
        end()
        return PublicationReport(
            checkpoint: checkpoint, note: note.bytes,
            indexRecordsWritten: written.reduce(0) { $0 + $1.recordCount }, indexRecordsMerged: merged,
            segments: segments)
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

    private func isRoster(_ path: String) -> Bool {
        guard let version = Int(path.dropFirst("rosters/".count).dropLast(".json".count)), version > 0 else {
            return false
        }
        return path == BundleRosters.path(of: version)
    }

    private func write(_ file: ExtraFile) throws(AllowlistError) {
        let isKnown =
            ["issuers.pem", "signers.pem"].contains(file.path) || isRoster(file.path)
            || file.path == Authorisation.path(of: Digest32.sha256(file.bytes))
        guard isKnown else {
            throw AllowlistError(
                .authorisation, file: file.path,
                "no file of a bundle has this name, or an authorisation has another digest than its name")
        }
        let present = try? BundleFolder(bundle.folder.root).bytes(
            of: file.path, maximum: file.bytes.count)
        if present != file.bytes { try bundle.folder.writeDurably(file.bytes, to: file.path) }
    }
}
