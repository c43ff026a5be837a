import Synchronization
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a service keeps so that it can prove what it knew when it took a device in.
///
/// An append-only file of lines, each with the SHA-256 of the one before: the checkpoints that the service accepted,
/// each an extension of the last, and its decisions with the answers they rest on. One process keeps it open; it may
/// be used from several threads.
///
/// A chain shows every change except that its end was cut off. So hand `head` to somebody else now and then; the
/// journal that holds this line can no longer lose what stands before it unnoticed.
public final class DecisionJournal: Sendable {
    /// When lines reach the disk. Checkpoints and forks always do at once.
    public enum Flushing: Hashable, Sendable {
        /// Before `record` returns.
        case everyRecord
        /// After as many decisions, at `flush()`, and with the next checkpoint: a crash of the machine, though not of
        /// the process, may lose the last ones.
        case batch(Int)
    }

    private struct State: ~Copyable {
        let file: JournalFile
        var chain: JournalChain
        var kept: KeptCheckpoint?
        var isVerified: Bool
        /// The roots of all checkpoints that were accepted, by their size.
        var accepted: [UInt64: Digest32]
        var unflushed = 0
    }

    public let origin: String
    private let flushing: Flushing
    private let now: @Sendable () -> UInt64
    private let state: Mutex<State>

    /// Opens the journal in the file `path`, or begins one.
    ///
    /// Checks the whole chain. Octets behind the last whole line, as a crash leaves them, are cut off, and a line says
    /// so; any other damage is refused. Throws `journal-pins` where the journal is of another log, and
    /// `journal-locked` where it is open elsewhere.
    public static func open(
        _ path: String, pins: Pins, flushing: Flushing = .everyRecord
    ) throws(JournalError) -> DecisionJournal {
        try DecisionJournal(path, pins: pins, flushing: flushing) { UInt64(max(0, time(nil))) }
    }

    package init(
        _ path: String, pins: Pins, flushing: Flushing, now: @escaping @Sendable () -> UInt64
    ) throws(JournalError) {
        let file = try JournalFile(path)
        let reading: OpenDescriptor
        do throws(AllowlistError) {
            reading = try OpenDescriptor(location: path, path: nil)
        } catch {
            throw JournalError(.file, error.message, hint: error.hint)
        }
        var reader = OpenedJournal(origin: pins.origin)
        let torn = try JournalChain.read(reading) { (line) throws(JournalError) in try reader.take(line) }
        try reader.finish()

        origin = pins.origin
        self.flushing = flushing
        self.now = now
        try file.cut(to: reader.chain.byteCount)
        var state = State(
            file: file, chain: reader.chain, kept: reader.kept, isVerified: reader.isVerified,
            accepted: reader.accepted)
        let begin = JournalLine.Record.begin(
            origin: pins.origin, pins: pins.journalDigest, library: Self.library)
        if reader.begin != begin { try Self.append(begin, at: now(), to: &state) }
        if !torn.isEmpty {
            try Self.append(
                .repaired(byteCount: torn.count, digest: Digest32.sha256(torn)), at: now(), to: &state)
        }
        try file.flush()
        self.state = Mutex(state)
    }

    /// The name and version of this library in `begin` lines.
    static let library = "rootline/1"

    /// SHA-256 of the last line: what to hand out against a journal that is cut short.
    public var head: Digest32 { state.withLock { $0.chain.head } }

    /// The last checkpoint that was accepted.
    public var kept: KeptCheckpoint? { state.withLock { $0.kept } }

    /// Accepts the checkpoint of an open bundle, or throws.
    ///
    /// It must extend the last one: `checkpoint-older` and `checkpoint-fork` are thrown as `AllowlistError`, the latter
    /// after both notes were recorded as evidence. Where the bundle is the one that was accepted last, nothing is
    /// written. Other errors are `JournalError`.
    public func advance(
        to reader: BundleReader, emergency: KeptCheckpoint.EmergencyRotation? = nil
    ) throws {
        try advance(to: reader.head, in: reader.bundle, verified: .opened, emergency: emergency)
    }

    /// Accepts the checkpoint of a bundle that was verified in full.
    public func advance(
        to list: VerifiedList, of bundle: any BundleSource, pins: Pins,
        emergency: KeptCheckpoint.EmergencyRotation? = nil
    ) throws {
        let head = try SignedHead(in: bundle, pins: pins)
        guard head.checkpoint.size == list.treeSize, head.checkpoint.root == list.root else {
            throw AllowlistError.changed(
                SignedHead.notePath, "another list was verified than the one that is there")
        }
        try advance(to: head, in: bundle, verified: .full, emergency: emergency)
    }

    private func advance(
        to head: SignedHead, in bundle: any BundleSource, verified: JournalLine.Verified,
        emergency: KeptCheckpoint.EmergencyRotation?
    ) throws {
        guard head.checkpoint.origin == origin else {
            throw JournalError(.pins, "the journal is of \"\(origin)\", not of \"\(head.checkpoint.origin)\"")
        }
        try state.withLock { state in
            if let kept = state.kept {
                do throws(AllowlistError) {
                    try kept.requireExtended(by: head, in: bundle, emergency: emergency)
                } catch {
                    if error.code == .checkpointFork,
                        case .forked(let fork) = try kept.relation(to: head, in: bundle)
                    {
                        try Self.append(.fork(fork), at: now(), to: &state)
                        try Self.flush(&state)
                    }
                    throw error
                }
                if kept.checkpoint == head.checkpoint, state.isVerified || verified == .opened { return }
            }
            try Self.append(.checkpoint(note: head.note.bytes, verified: verified), at: now(), to: &state)
            try Self.flush(&state)
            state.kept = KeptCheckpoint(head)
            state.isVerified = verified == .full
            state.accepted[head.checkpoint.size] = head.checkpoint.root
        }
    }

    /// Records what the service did on an answer; on the disk when this returns, unless lines are flushed in batches.
    ///
    /// Throws `journal-checkpoint` where the answer rests on a list that was not accepted before, and `journal-file`
    /// where the line could not be written: then the device must not be taken in.
    public func record(_ decision: JournalDecision) throws(JournalError) {
        guard decision.reference.map({ $0.utf8.count <= JournalLine.maximumReference }) ?? true else {
            throw JournalError(
                .malformed, "the reference is longer than \(JournalLine.maximumReference) octets",
                hint: "record a number and keep the text elsewhere")
        }
        try state.withLock { (state) throws(JournalError) in
            guard state.accepted[decision.size] == decision.root else {
                throw JournalError(
                    .checkpoint,
                    "the decision rests on a list of \(decision.size) entries that was not accepted",
                    hint: "advance the journal to the bundle before it is asked")
            }
            try Self.append(.decision(decision), at: now(), to: &state)
            state.unflushed += 1
            switch flushing {
            case .everyRecord: try Self.flush(&state)
            case .batch(let count): if state.unflushed >= count { try Self.flush(&state) }
            }
        }
    }

    /// Waits until every recorded decision is on the disk.
    public func flush() throws(JournalError) {
        try state.withLock { (state) throws(JournalError) in try Self.flush(&state) }
    }

    private static func append(
        _ record: JournalLine.Record, at time: UInt64, to state: inout State
    ) throws(JournalError) {
        let line = JournalLine(time: time, previous: state.chain.head, record: record).bytes
        guard line.count <= JournalLine.maximumLength else {
            throw JournalError(.malformed, "the line is longer than \(JournalLine.maximumLength) octets")
        }
        try state.file.append(line)
        line.withUnsafeBytes { state.chain.append($0) }
    }

    private static func flush(_ state: inout State) throws(JournalError) {
        try state.file.flush()
        state.unflushed = 0
    }
}

extension Pins {
    /// SHA-256 over the origin, a newline and the log key's SubjectPublicKeyInfo: which log a journal is of.
    var journalDigest: Digest32 {
        Digest32.sha256(Array("\(origin)\n".utf8) + logKey.spki)
    }
}

/// What a service needs to know of the lines that are there: every link of the chain, and what was accepted.
private struct OpenedJournal {
    let origin: String
    private(set) var chain = JournalChain()
    private(set) var begin: JournalLine.Record?
    private(set) var kept: KeptCheckpoint?
    private(set) var isVerified = false
    private(set) var accepted: [UInt64: Digest32] = [:]
    private var last: [UInt8] = []

    init(origin: String) {
        self.origin = origin
    }

    mutating func take(_ line: UnsafeRawBufferPointer) throws(JournalError) {
        try chain.take(line)
        last.removeAll(keepingCapacity: true)
        last.append(contentsOf: line)
        // Decisions are nearly all lines, and their links are enough to know that nobody changed them.
        if let kind = JournalChain.member("kind", of: line), kind.elementsEqual("decision".utf8) {
            guard begin != nil else { throw noBeginning }
            return
        }
        do throws(JournalError) {
            try take(try JournalLine(line).record)
        } catch {
            throw error.at(line: chain.lineCount)
        }
    }

    private mutating func take(_ record: JournalLine.Record) throws(JournalError) {
        switch record {
        case .begin(let origin, _, _):
            guard origin == self.origin else {
                throw JournalError(
                    .pins, "the journal is of \"\(origin)\", not of \"\(self.origin)\"",
                    hint: "each log has a journal of its own")
            }
            begin = record
        case .checkpoint(let note, let verified):
            guard begin != nil else { throw noBeginning }
            do throws(AllowlistError) {
                let kept = try KeptCheckpoint(note: note, origin: origin)
                accepted[kept.checkpoint.size] = kept.checkpoint.root
                self.kept = kept
                isVerified = verified == .full
            } catch {
                throw JournalError(.malformed, error.message)
            }
        case .decision, .fork, .repaired:
            guard begin != nil else { throw noBeginning }
        }
    }

    /// The last line has no successor that would vouch for it, so its form is checked at least.
    func finish() throws(JournalError) {
        guard chain.lineCount > 0 else { return }
        do throws(JournalError) {
            _ = try last.withUnsafeBufferPointer { (line) throws(JournalError) in
                try JournalLine(UnsafeRawBufferPointer(line))
            }
        } catch {
            throw error.at(line: chain.lineCount)
        }
    }

    private var noBeginning: JournalError {
        JournalError(.malformed, line: 1, "a journal begins with a `begin` line")
    }
}
