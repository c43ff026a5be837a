import Foundation
import Glibc
import KeyCeremony
import PKCS11
import SecretSharing

/// The people of a ceremony at one terminal: one step at a time, and nothing goes on before somebody has answered.
///
/// Everything is said and asked on the controlling terminal, so that a redirected output hides nothing.
final class TerminalRoom: CeremonyRoom {
    private let terminal: Int32
    private var stepBegan = Date()
    private let isRehearsal: Bool

    init(isRehearsal: Bool) throws {
        self.isRehearsal = isRehearsal
        terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else {
            throw CeremonyError(
                .personRefused, "terminal", "there is no terminal to perform a ceremony at",
                hint: "Run it in a terminal, with the people in front of it.")
        }
        // A terminal that hangs up is met at the next question, where the ceremony can stop in order.
        signal(SIGHUP, SIG_IGN)
        signal(SIGINT, SIG_IGN)
        signal(SIGTSTP, SIG_IGN)
    }

    deinit { close(terminal) }

    // MARK: Showing

    private func put(_ text: String) { _ = Terminal.put(Array(text.utf8), to: terminal) }
    private func line(_ text: String = "") { put(text + "\n") }

    private var columns: Int {
        var size = winsize()
        guard ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private func bold(_ text: String) -> String { Terminal.hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    /// Text in lines of the terminal's width, indented.
    private func wrapped(_ text: String, indent: String = "  ") -> String {
        let width = max(40, min(columns, 100)) - indent.count
        var lines: [String] = []
        for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            for word in paragraph.split(separator: " ") {
                if !line.isEmpty && line.count + 1 + word.count > width {
                    lines.append(indent + line)
                    line = ""
                }
                line += (line.isEmpty ? "" : " ") + word
            }
            lines.append(indent + line)
        }
        while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
        return lines.joined(separator: "\n")
    }

    func tell(_ event: CeremonyEvent) {
        switch event.phase {
        case .began:
            stepBegan = Date()
            line()
            line(String(repeating: "─", count: max(40, min(columns, 100))))
            let mark = isRehearsal ? "  REHEARSAL" : ""
            line(bold("Step \(event.number) of \(event.count): \(event.step)") + mark)
            line("  acts       \(event.people.joined(separator: ", ")) (\(event.actor))")
            if !event.witnesses.isEmpty { line("  witnesses  \(event.witnesses.joined(separator: ", "))") }
            line(
                "  time       \(event.minutes) min expected; "
                    + "\(event.minutesElapsed) min elapsed where \(event.minutesExpected) were expected")
            if event.isIrreversible { line(bold("  This step cannot be undone.")) }
            line()
            line(wrapped(event.text))
            line()
        case .shown: line(wrapped(event.text, indent: "  · "))
        case .digest: show(digest: event.text)
        case .ended:
            let seconds = Int(Date().timeIntervalSince(stepBegan))
            line("  done in \(seconds / 60) min \(seconds % 60) s")
        }
    }

    /// A digest in large groups, four a line, with the words of the PGP list beside the digits.
    private func show(digest: String) {
        let groups = stride(from: 0, to: digest.count, by: 4).map {
            String(digest.dropFirst($0).prefix(4))
        }
        let words = PGPWords.words(of: hexadecimalOctets(digest))
        line()
        for row in stride(from: 0, to: groups.count, by: 4) {
            let digits = groups[row..<min(row + 4, groups.count)].joined(separator: "  ")
            line("    " + bold(digits))
            let start = row * 2
            if words.count >= start + 8 { line("      " + words[start..<start + 8].joined(separator: " ")) }
        }
        line()
    }

    // MARK: Asking

    /// One line from the terminal; nil where it has hung up.
    private func read() -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = Glibc.read(terminal, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if byte == 0x0A { return String(decoding: bytes, as: UTF8.self) }
            if bytes.count < 4096 { bytes.append(byte) }
        }
    }

    private func prompt(_ text: String) throws(CeremonyError) -> String {
        put(text)
        guard let answer = read() else {
            throw CeremonyError(.interrupted, "terminal", "the terminal has hung up")
        }
        return answer.trimmingCharacters(in: .whitespaces)
    }

    func ask(_ question: CeremonyQuestion) throws(CeremonyError) -> CeremonyReply {
        while true {
            let answer = try prompt(promptText(question))
            switch answer.lowercased() {
            case "?", "help": help()
            case "exception":
                line("  An exception is recorded, and everybody of the step signs it.")
                let happened = try prompt("  What happened? ")
                let decision = try prompt("  What was decided? ")
                guard !happened.isEmpty, !decision.isEmpty else { continue }
                return .exception(happened: happened, decision: decision)
            case "break":
                let reason = try prompt("  What for? ")
                return .pause(reason: reason.isEmpty ? "a break" : reason)
            case "stop":
                let sure = try prompt("  Stop here, to resume later? Type Yes: ")
                if sure == "Yes" { return .stop(reason: "the people stopped it") }
            default:
                if let reply = reply(answer, question) { return reply }
            }
        }
    }

    private func promptText(_ question: CeremonyQuestion) -> String {
        switch question.kind {
        case .done: "  \(question.person), Enter when done (? for help): "
        case .yesNo: "  \(question.person), yes or no (? for help): "
        case .irreversible: bold("  \(question.person), type Yes to go on") + " (? for help): "
        case .text: "  \(question.person), the text (? for help): "
        case .choice(let options, _):
            options.enumerated().map { "    \($0.offset + 1)  \($0.element)\n" }.joined()
                + "  \(question.person), 1 to \(options.count) (? for help): "
        case .digest: "  \(question.person), from paper, digits or words (? for help):\n  "
        }
    }

    /// The answer, or nil and a word why it is none.
    private func reply(_ answer: String, _ question: CeremonyQuestion) -> CeremonyReply? {
        switch question.kind {
        case .done: return answer.isEmpty ? .answer("") : refuse("Press Enter alone, or type ? for help.")
        case .yesNo:
            let word = answer.lowercased()
            return word == "yes" || word == "no" ? .answer(word) : refuse("Type yes or no, in full.")
        case .irreversible:
            return answer == "Yes"
                ? .answer(answer) : refuse("Type Yes, with a capital Y; or stop, exception, break.")
        case .text:
            guard (1...256).contains(answer.count) else { return refuse("1 to 256 characters.") }
            return .answer(answer)
        case .choice(let options, _):
            guard let number = Int(answer), (1...options.count).contains(number) else {
                return refuse("A number from 1 to \(options.count).")
            }
            return .answer(options[number - 1])
        case .digest(let expected):
            let digits = answer.filter { !$0.isWhitespace }.lowercased()
            if digits.count == expected.count, digits.allSatisfy(\.isHexDigit) { return .answer(digits) }
            do {
                return .answer(try PGPWords.octets(of: answer).hex)
            } catch {
                return refuse(
                    "\(error.message); \(expected.count) digits or \(expected.count / 2) words are wanted.")
            }
        }
    }

    private func refuse(_ why: String) -> CeremonyReply? {
        line("  " + why)
        return nil
    }

    private func help() {
        line(
            """
              exception   something differs from the script: it is recorded and co-signed before anything goes on
              break       tokens are closed until the break is over
              stop        the ceremony stops here; `rootline ceremony resume` goes on with it
            """)
    }

    func waitForEndOfBreak(reason: String) throws(CeremonyError) {
        line("  A break: \(reason). Every token is closed.")
        _ = try prompt("  Enter when everybody is back: ")
    }

    // MARK: Secrets

    func pin(_ request: PINRequest, refusal: String?) throws(CeremonyError) -> PIN {
        if let refusal { line("  " + refusal) }
        let text: String
        switch request {
        case .credential(let name, let label, let purpose):
            text = "  \(name), the PIN of your token \(label) \(purpose): "
        case .initial(let token, let user):
            let whose = user == .user ? "the initial PIN" : "the security officer's PIN"
            text = "  \(whose) of token \(token): "
        case .token(let token): text = "  the PIN of token \(token): "
        }
        var copy = try silently(text).withBytes { Array($0) }
        guard !copy.isEmpty, copy.count <= 255 else {
            throw CeremonyError(.interrupted, "PIN", "none was typed, or more than 255 characters")
        }
        return PIN(consuming: &copy)
    }

    /// Reads a line without showing it.
    private func silently(_ text: String) throws(CeremonyError) -> SecretBytes {
        var settings = termios()
        guard tcgetattr(terminal, &settings) == 0 else {
            throw CeremonyError(.interrupted, "terminal", "the terminal has hung up")
        }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        // What was typed ahead was typed in the clear, and is no PIN.
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer {
            tcsetattr(terminal, TCSADRAIN, &settings)
            put("\n")
        }
        put(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        var byte: UInt8 = 0
        while true {
            let count = Glibc.read(terminal, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else {
                throw CeremonyError(.interrupted, "terminal", "the terminal has hung up")
            }
            if byte == 0x0A { break }
            if bytes.count < 511 { bytes.append(byte) }
        }
        return SecretBytes(consuming: &bytes)
    }

    private static let clear = "\u{1B}[2J\u{1B}[3J\u{1B}[H"

    func show(share: SecretBytes, to holder: String) throws(CeremonyError) {
        line("  \(holder) alone comes to the screen; everybody else turns away.")
        _ = try prompt("  \(holder), Enter when you are alone: ")
        put(Self.clear + "  \(holder), write down these words, in this order:\n\n")
        share.withBytes { bytes in
            var number = 1
            var word: [UInt8] = []
            for byte in bytes + [0x20] {
                if byte != 0x20 {
                    word.append(byte)
                    continue
                }
                put(String(format: "    %2d  ", number))
                _ = Terminal.put(word + [0x0A], to: terminal)
                word.withUnsafeMutableBytes {
                    if let start = $0.baseAddress { explicit_bzero(start, $0.count) }
                }
                word.removeAll(keepingCapacity: true)
                number += 1
            }
        }
        _ = try? prompt("\n  Enter when they are written: the screen is cleared. ")
        put(Self.clear)
    }

    func share(of holder: String, refusal: String?) throws(CeremonyError) -> SecretBytes {
        if let refusal { line("  \(holder): \(refusal)") }
        return try silently("  \(holder), type your share, all its words (not shown): ")
    }
}
