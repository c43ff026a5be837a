import TransparencyLog

extension AbsenceProof {
    /// Checks that the pinned log does not list the subject, from the pins and this proof alone.
    ///
    /// Throws the codes of a checkpoint, `absence-proof` where anything does not lead to its root or leaves room
    /// for the subject, and `receipt-device` where the subject is not the presented device.
    public func verify(
        pins: Pins, device: PresentedDevice? = nil
    ) throws(AllowlistError) -> AbsenceAnswer {
        let head = try SignedHead(note: checkpoint, pins: pins)
        if let device { try compare(with: device) }
        let segments = try provenState(in: head.checkpoint).segments.filter { $0.kind == subject.kind }
        guard segments.count == gaps.count else {
            throw Self.refusal(
                "\(gaps.count) segments are shown, the log's state has \(segments.count) of this kind")
        }
        for (segment, gap) in zip(segments, gaps) { try check(gap, in: segment) }
        return AbsenceAnswer(
            checkpoint: head.checkpoint, subject: subject, deviceChecked: device != nil,
            cosigned: head.cosigned)
    }

    /// The `state` at the end of the tree, which must cover every entry before it.
    private func provenState(in checkpoint: Checkpoint) throws(AllowlistError) -> AllowlistEntry.State {
        guard checkpoint.size > 0 else { throw Self.refusal("a published list is never empty") }
        let index = checkpoint.size - 1
        do throws(TransparencyLogError) {
            try Proofs.checkInclusion(
                leaf: MerkleTree.leafHash(state.entry), index: index, treeSize: checkpoint.size,
                root: checkpoint.root, proof: state.path)
        } catch {
            throw Self.refusal("the state is not the last entry of the signed tree: \(error.message)")
        }
        let entry: AllowlistEntry
        do {
            entry = try AllowlistEntry(decoding: state.entry)
        } catch {
            throw error.at(index: index)
        }
        guard case .state(let state) = entry else {
            throw Self.refusal("the last entry of the tree is a `\(entry.kind.name)` and no `state`")
        }
        try state.check(covers: index)
        return state
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

    private func compare(with device: PresentedDevice) throws(AllowlistError) {
        switch subject {
        case .key(let key):
            guard key != device.key else { return }
        case .serial(let serial):
            if let presented = device.serial, presented.utf8.elementsEqual(serial.utf8) { return }
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
