import TransparencyLog

extension DecisionJournal {
    /// What a journal holds.
    public struct Summary: Hashable, Sendable {
        public var origin = ""
        public var lineCount = 0
        /// SHA-256 of the last line.
        public var head = Digest32()
        /// The times of the first and the last line, UTC seconds since 1970.
        public var times: ClosedRange<UInt64>?
        /// Checkpoints that were accepted.
        public var checkpointCount = 0
        public var lastCheckpoint: Checkpoint?
        public var decisionCount = 0
        /// Decisions by which a device was taken in.
        public var acceptedCount = 0
        public var forkCount = 0
        public var repairCount = 0
        /// Octets behind the last whole line: a crash, or a service that is writing.
        public var tornBytes = 0
        /// Matters that do not break the journal, for a person to read.
        public var warnings: [String] = []
    }

    /// Checks a journal as an auditor does, without changing it, and hands every line to `visit`.
    ///
    /// Every line is read strictly and must follow the one before it; the checkpoints grow, are of one log, and with
    /// `pins` the last one is signed by the pinned key; each decision rests on an accepted checkpoint. `keptHead` is the
    /// digest of a line that was handed out earlier and must occur, else `journal-cut` is thrown: without one, nobody can
    /// tell that the journal's end was cut off. Whether the checkpoints extend one another was checked by the service
    /// and can be checked again with `KeptCheckpoint` and any later bundle.
    public static func check(
        _ path: String, pins: Pins? = nil, keptHead: Digest32? = nil,
        visit: (Int, JournalLine) -> Void = { _, _ in }
    ) throws(JournalError) -> Summary {
        let file: OpenDescriptor
        do throws(AllowlistError) {
            file = try OpenDescriptor(location: path, path: nil)
        } catch {
            throw JournalError(.file, error.message, hint: "check the journal's path and permissions")
        }
        var audit = JournalAudit(pins: pins)
        var isHeadThere = keptHead == nil || keptHead == Digest32()
        let torn = try JournalChain.read(file) { (bytes) throws(JournalError) in
            let line = try audit.take(bytes)
            if audit.chain.head == keptHead { isHeadThere = true }
            visit(audit.chain.lineCount, line)
        }
        audit.summary.tornBytes = torn.count
        try audit.finish()
        guard isHeadThere else {
            throw JournalError(
                .cut, "no line has the digest that was kept",
                hint:
                    "the journal's end was cut off after that digest was handed out, or this is another journal"
            )
        }
        return audit.summary
    }
}

/// Reads the lines in order and holds each to those before it.
private struct JournalAudit {
    let pins: Pins?
    var summary = DecisionJournal.Summary()
    private(set) var chain = JournalChain()
    private var accepted: [UInt64: Digest32] = [:]
    private var lastNote: KeptCheckpoint?

    init(pins: Pins?) {
        self.pins = pins
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(JournalError) -> JournalLine {
        try chain.take(bytes)
        do throws(JournalError) {
            let line = try JournalLine(bytes)
            try take(line)
            return line
        } catch {
            throw error.at(line: chain.lineCount)
        }
    }

    private mutating func take(_ line: JournalLine) throws(JournalError) {
        if let times = summary.times {
            if line.time < times.upperBound {
                summary.warnings.append("line \(chain.lineCount): the service's clock was set back")
            }
            summary.times = times.lowerBound...max(times.upperBound, line.time, times.lowerBound)
        } else {
            summary.times = line.time...line.time
        }
        guard chain.lineCount > 1 || line.record.kind == "begin" else {
            throw JournalError(.malformed, "a journal begins with a `begin` line")
        }
        switch line.record {
        case .begin(let origin, _, _):
            guard chain.lineCount == 1 || origin == summary.origin, pins.map({ $0.origin == origin }) ?? true
            else { throw JournalError(.pins, "the journal is of \"\(origin)\", another log") }
            summary.origin = origin
        case .checkpoint(let note, _):
            try take(checkpoint: note)
        case .decision(let decision):
            guard accepted[decision.size] == decision.root else {
                throw JournalError(
                    .checkpoint,
                    "the decision rests on a list of \(decision.size) entries that was not accepted")
            }
            summary.decisionCount += 1
            if decision.isAccepted { summary.acceptedCount += 1 }
        case .fork:
            summary.forkCount += 1
            summary.warnings.append(
                "line \(chain.lineCount): the log signed two histories; both notes are there")
        case .repaired(let byteCount, _):
            summary.repairCount += 1
            summary.warnings.append(
                "line \(chain.lineCount): \(byteCount) octets of an unfinished line were cut off after a crash"
            )
        }
    }

    private mutating func take(checkpoint bytes: [UInt8]) throws(JournalError) {
        let kept: KeptCheckpoint
        do throws(AllowlistError) {
            kept = try KeptCheckpoint(note: bytes, origin: summary.origin)
        } catch {
            throw JournalError(.malformed, error.message)
        }
        if let last = lastNote?.checkpoint {
            guard kept.checkpoint.size > last.size || kept.checkpoint == last else {
                // Only an emergency rotation of the log key takes a checkpoint back.
                summary.warnings.append(
                    "line \(chain.lineCount): the list of \(last.size) entries was given up for one of "
                        + "\(kept.checkpoint.size)")
                return accept(kept)
            }
        }
        accept(kept)
    }

    private mutating func accept(_ kept: KeptCheckpoint) {
        accepted[kept.checkpoint.size] = kept.checkpoint.root
        lastNote = kept
        summary.checkpointCount += 1
        summary.lastCheckpoint = kept.checkpoint
    }

    mutating func finish() throws(JournalError) {
        summary.lineCount = chain.lineCount
        summary.head = chain.head
        guard chain.lineCount > 0 else {
            throw JournalError(.malformed, "the journal is empty", hint: "it begins when a service opens it")
        }
        guard let pins, let lastNote else { return }
        do throws(TransparencyLogError) {
            try lastNote.note.check(signedBy: pins.logKey)
        } catch {
            throw JournalError(
                .pins, "the last checkpoint is not signed by the pinned key: \(error.message)",
                hint: "pin the key under which the journal's service accepted it")
        }
    }
}
