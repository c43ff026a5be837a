import TransparencyLog

extension AbsenceProof {
    /// Checks that the pinned log does not list the subject, from the pins and this proof alone.
    ///
    /// Throws the codes of a checkpoint, `absence-proof` where anything does not lead to its root or leaves room
    /// for the subject, and `receipt-device` where the subject is not the presented device's, or a hashed serial
    /// that cannot be compared without the log's `serialKey`.
    public func verify(
        pins: Pins, device: PresentedDevice? = nil, serialKey: SerialKey? = nil
    ) throws(AllowlistError) -> AbsenceAnswer {
        let head = try SignedHead(note: checkpoint, pins: pins)
        if let device { try compare(with: device, serialKey) }
        let segments = try provenState(in: head.checkpoint).segments.filter { $0.kind == subject.kind }
        guard segments.count == gaps.count else {
            throw Self.refusal(
                "\(gaps.count) segments are shown, the log's state has \(segments.count) of this kind")
        }
        for (segment, gap) in zip(segments, gaps) { try check(gap, in: segment) }
        if case .serial(let serial) = subject {
            let isEmpty = segments.allSatisfy { $0.recordCount == 0 }
            try checkForm(of: serial, in: head.checkpoint, isEmpty: isEmpty)
        }
        return AbsenceAnswer(
            checkpoint: head.checkpoint, subject: subject, deviceChecked: device != nil,
            cosigned: head.cosigned)
    }

    /// The `state` at the end of the tree, which must cover every entry before it.
    private func provenState(in checkpoint: Checkpoint) throws(AllowlistError) -> AllowlistEntry.State {
        guard checkpoint.size > 0 else { throw Self.refusal("a published list is never empty") }
        let index = checkpoint.size - 1
        let entry = try read(state, at: index, in: checkpoint)
        guard case .state(let state) = entry else {
            throw Self.refusal("the last entry of the tree is a `\(entry.kind.name)` and no `state`")
        }
        try state.check(covers: index)
        return state
    }

    /// The serial must be in the form of the log's runs, which all have the same.
    private func checkForm(
        of serial: ListedSerial, in checkpoint: Checkpoint, isEmpty: Bool
    ) throws(AllowlistError) {
        guard let run else {
            guard isEmpty else {
                throw Self.refusal("no run shows in which form the log lists serials")
            }
            return
        }
        guard case .openRun(let opened) = try read(run.run, at: run.index, in: checkpoint) else {
            throw Self.refusal("entry \(run.index) opens no run")
        }
        guard opened.serials == serial.form else {
            throw Self.refusal(
                "the log lists \(opened.serials.name) serials, the proof is about a \(serial.form.name) one")
        }
    }

    /// Reads an entry after it was proven to be at `index` of the signed tree.
    private func read(
        _ proven: ProvenEntry, at index: UInt64, in checkpoint: Checkpoint
    ) throws(AllowlistError) -> AllowlistEntry {
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: MerkleTree.leafHash(proven.entry), index: index, treeSize: checkpoint.size,
                root: checkpoint.root, proof: proven.path)
        } catch {
            throw Self.refusal("entry \(index) is not in the signed tree: \(error.message)")
        }
        do {
            return try AllowlistEntry(decoding: proven.entry)
        } catch {
            throw error.at(index: index)
        }
    }

    private func check(_ gap: Gap, in segment: Segment) throws(AllowlistError) {
        guard gap.position <= segment.recordCount else {
            throw Self.refusal("\(segment.path) has no position \(gap.position)")
        }
        // Which neighbours there must be follows from the position, so that none can be left out.
        guard (gap.before != nil) == (gap.position > 0),
            (gap.after != nil) == (gap.position < segment.recordCount)
        else { throw Self.refusal("\(segment.path): a neighbour is left out or made up") }
        if segment.recordCount == 0, segment.root != MerkleTree.emptyRoot {
            throw Self.refusal("\(segment.path) has no records and another root than an empty tree")
        }
        if let before = gap.before {
            try check(before, at: gap.position - 1, of: segment)
            guard before.record.hash < subject.hash else {
                throw Self.refusal("\(segment.path): the record before is not before the subject")
            }
        }
        if let after = gap.after {
            try check(after, at: gap.position, of: segment)
            guard subject.hash < after.record.hash else {
                throw Self.refusal("\(segment.path): the record after is not after the subject")
            }
        }
    }

    private func check(
        _ proven: ProvenRecord, at position: UInt64, of segment: Segment
    ) throws(AllowlistError) {
        var bytes: [UInt8] = []
        proven.record.append(to: &bytes)
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: MerkleTree.leafHash(bytes), index: position, treeSize: segment.recordCount,
                root: segment.root, proof: proven.path)
        } catch {
            throw Self.refusal("\(segment.path), record \(position): \(error.message)")
        }
    }

    private func compare(with device: PresentedDevice, _ serialKey: SerialKey?) throws(AllowlistError) {
        switch subject {
        case .key(let key):
            guard key != device.key else { return }
        case .serial(let serial):
            guard serial.form == .plain || serialKey != nil else {
                throw AllowlistError(
                    .receiptDevice,
                    "the proof is about a hashed serial, which needs the serial key to compare",
                    hint: "give the log's serial key, or ask for the absence of the device's key")
            }
            if let presented = device.serial, !serial.isOther(than: presented, serialKey) { return }
        }
        throw AllowlistError(
            .receiptDevice, "the proof is about another \(subject.kind.name) than the device's",
            hint: "ask for the absence of this device's \(subject.kind.name)")
    }

    static func refusal(_ reason: String) -> AllowlistError {
        AllowlistError(
            .absenceProof, "absence is not proven: \(reason)",
            hint: "look the device up in the list itself, or ask for another proof")
    }
}
