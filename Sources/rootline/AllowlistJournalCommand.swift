import Allowlist
import ArgumentParser
import TransparencyLog

struct AllowlistJournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal", abstract: "Check and show what a service recorded when it took devices in.",
        subcommands: [AllowlistJournalCheckCommand.self, AllowlistJournalShowCommand.self])
}

struct AllowlistJournalCheckCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check that no line of a journal was altered, taken out or put in.",
        discussion: """
            A chain cannot show by itself that its end was cut off: for that, give a digest that was handed out \
            earlier with --head. With --log-key and --origin the last checkpoint's signature is checked, too.
            """)

    @Argument(help: "The journal's file.") var journal: String
    @Option(name: .long, help: "The digest of a line that was handed out, 64 hexadecimal digits.")
    var head: String?
    @Option(name: .long, help: "The pinned public key of the log, or its certificate, in PEM.")
    var logKey: String?
    @Option(name: .long, help: "The pinned origin of the log.")
    var origin: String?
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Checkpoint: Encodable {
            var treeSize: UInt64
            var root: String
        }
        var version = 1
        var origin: String
        var lines: Int
        var head: String
        var headChecked: Bool
        var checkpoints: Int
        var lastCheckpoint: Checkpoint?
        var decisions: Int
        var accepted: Int
        var forks: Int
        var repairs: Int
        var unfinishedBytes: Int
        var warnings: [String]

        init(_ summary: DecisionJournal.Summary, headChecked: Bool) {
            origin = summary.origin
            lines = summary.lineCount
            head = summary.head.hex
            self.headChecked = headChecked
            checkpoints = summary.checkpointCount
            lastCheckpoint = summary.lastCheckpoint.map { Checkpoint(treeSize: $0.size, root: $0.root.hex) }
            decisions = summary.decisionCount
            accepted = summary.acceptedCount
            forks = summary.forkCount
            repairs = summary.repairCount
            unfinishedBytes = summary.tornBytes
            warnings = summary.warnings
        }
    }

    func run() throws {
        let keptHead = try head.map { text in
            guard let digest = Digest32(hex: text) else {
                throw ValidationError("--head is 64 hexadecimal digits.")
            }
            return digest
        }
        guard (logKey == nil) == (origin == nil) else {
            throw ValidationError("--log-key and --origin go together: both are pinned.")
        }
        let pins: Pins? =
            if let logKey, let origin {
                try Pins(
                    origin: origin, logKeySPKI: BundleOptions.publicKey(inPEMFile: logKey),
                    allowRehearsal: true)
            } else { nil }
        let summary = try DecisionJournal.check(journal, pins: pins, keptHead: keptHead)
        let document = Document(summary, headChecked: keptHead != nil)
        if output.format == .json { return try printJSON(document) }
        print("whole  \(document.origin)")
        print("  \(document.lines.grouped) lines, head \(document.head)")
        print(
            "  \(document.checkpoints.grouped) checkpoints, \(document.decisions.grouped) decisions, \(document.accepted.grouped) devices accepted"
        )
        if let last = document.lastCheckpoint {
            print("  last list: \(Int(last.treeSize).grouped) entries, root \(last.root)")
        }
        for warning in document.warnings { Terminal.say("warning: \(warning)") }
        if document.unfinishedBytes > 0 {
            Terminal.say("warning: \(document.unfinishedBytes) octets of an unfinished line stand at the end")
        }
        if keptHead == nil {
            Terminal.say(
                "That nothing was cut off the end is known only with a digest that was kept: --head.")
        }
    }
}

struct AllowlistJournalShowCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Check a journal and print its lines in words.")

    @Argument(help: "The journal's file.") var journal: String
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        struct Line: Encodable {
            var line: Int
            var time: String
            var kind: String
            var serial: String?
            var status: String?
            var accepted: Bool?
            var entryIndex: UInt64?
            var treeSize: UInt64?
            var verified: String?
            var reference: String?
        }
        var version = 1
        var lines: [Line] = []
    }

    func run() throws {
        var document = Document()
        // Nothing is shown of a journal that is not whole.
        _ = try DecisionJournal.check(journal) { document.lines.append(Document.Line($1, number: $0)) }
        if output.format == .json { return try printJSON(document) }
        for line in document.lines {
            var text = "\(line.time)  \(line.kind)"
            if let serial = line.serial { text += "  \(serial)" }
            if let status = line.status { text += "  \(status)" }
            if let accepted = line.accepted { text += accepted ? ", accepted" : ", refused" }
            if let size = line.treeSize { text += "  at \(Int(size).grouped) entries" }
            if let verified = line.verified { text += ", \(verified == "full" ? "verified" : "opened")" }
            if let reference = line.reference { text += "  (\(reference))" }
            print(text)
        }
    }
}

extension AllowlistJournalShowCommand.Document.Line {
    init(_ line: JournalLine, number: Int) {
        self.init(
            line: number, time: timeText(Int64(clamping: line.time)), kind: line.record.kind)
        switch line.record {
        case .begin, .repaired:
            break
        case .checkpoint(let note, let verified):
            treeSize = (try? SignedNote(parsing: note)).flatMap { try? Checkpoint(text: $0.text) }?.size
            self.verified = verified.rawValue
        case .decision(let decision):
            serial = decision.serial?.description
            status = decision.status.rawValue
            accepted = decision.isAccepted
            entryIndex = decision.entryIndex
            treeSize = decision.size
            reference = decision.reference
        case .fork(let fork):
            treeSize =
                (try? SignedNote(parsing: fork.presented)).flatMap { try? Checkpoint(text: $0.text) }?.size
        }
    }
}
