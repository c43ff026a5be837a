import Foundation
import Glibc
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites

// What commands ask of the person in front of the terminal, outside ceremonies.
extension Terminal {
    /// Asks for a line on the controlling terminal and shows it as it is typed; nil where there is no terminal.
    static func ask(_ prompt: String) throws -> String? {
        let terminal = Glibc.open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        // What was typed ahead was no answer to this.
        tcflush(terminal, TCIFLUSH)
        _ = put(Array(prompt.utf8), to: terminal)
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(terminal, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else {
                if bytes.isEmpty { throw SiteError(.pinUnavailable, "terminal", "it has hung up") }
                break
            }
            if byte == 0x0A { break }
            if bytes.count < 4096 { bytes.append(byte) }
        }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }

    /// Whether the person says yes, in full; nil where there is no terminal to ask on.
    static func confirms(_ question: String) throws -> Bool? {
        while true {
            guard let answer = try ask("\(question) yes or no: ") else { return nil }
            switch answer.lowercased() {
            case "yes": return true
            case "no": return false
            default: say("  Type yes or no, in full.")
            }
        }
    }
}

extension PINOptions {
    /// The PIN of a person's own token: from the source that is named for the person, else from the terminal.
    func pin(of person: String, token label: String, in site: Site, purpose: String) throws -> PIN {
        for text in pinSource {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0] == person else { continue }
            switch try PINSource(String(parts[1])) {
            case .file(let path): return try PIN.read(file: path)
            case .descriptor(let number): return try PIN.read(descriptor: number, name: "fd:\(number)")
            case .site, .known: continue
            }
        }
        return try Terminal.promptForPIN("\(person), the PIN of your token \(label) \(purpose): ")
    }

    /// Whether a source is named for this person: nobody has to be asked then.
    func isNamed(_ person: String) -> Bool {
        pinSource.contains { $0.hasPrefix(person + "=") }
    }

    /// A member's keys on their own token, opened for one thing.
    func credential(of member: Roster.Member, in site: Site, purpose: String) throws -> any Credential {
        let slot = try site.credentialSlot(serial: member.tokenSerial, label: member.tokenLabel)
        let pin = try pin(of: member.name, token: member.tokenLabel, in: site, purpose: purpose)
        let login = try site.login(slot, pin: pin)
        return try TokenCredential(of: member, login: login, rehearsal: site.isRehearsal)
    }

    /// The PIN of a token that its share holders open together: those with a named source first, then who is asked for.
    func pin(from collection: ShareCollection, _ site: Site) throws -> PIN {
        var shares = collection
        let purpose = "to open token \(shares.token)"
        let roster = try site.rosters().last
        Terminal.say(
            "Token \(shares.token) opens by \(shares.set.needed) of "
                + "\(shares.set.holders.count) shares: \(shares.set.holders.map(\.name).joined(separator: ", "))."
        )
        var named = shares.wanted.filter(isNamed)
        while !shares.isComplete {
            let holder: String
            if named.isEmpty {
                holder = try Self.askForHolder(shares)
            } else {
                holder = named.removeFirst()
                guard shares.wanted.contains(holder) else { continue }
            }
            do {
                if shares.set.onScreen {
                    try shares.present(try Terminal.promptForShare(of: holder), by: holder)
                } else if let member = roster?.member(holder) {
                    let credential = try credential(of: member, in: site, purpose: purpose)
                    try shares.present(by: holder, with: credential)
                } else {
                    throw RosterError(.credentialAbsent, holder, "is not on the roster in force")
                }
                Terminal.say("\(holder) has presented a share: \(shares.count) of \(shares.set.needed).")
            } catch let error as RosterError where error.code == .shareRefused {
                // Another holder may still make the quorum whole.
                Terminal.say(error.description)
                guard !named.isEmpty || Terminal.isInteractive else { throw error }
            } catch let error as PKCS11Error where error.isWrongPIN && Terminal.isInteractive {
                // The shares that were presented are not lost with it.
                Terminal.say(error.description)
            }
        }
        return try shares.pin()
    }

    private static func askForHolder(_ shares: ShareCollection) throws -> String {
        let wanted = shares.wanted
        for (index, name) in wanted.enumerated() { Terminal.say("  \(index + 1)  \(name)") }
        let prompt = "Who presents a share? 1 to \(wanted.count), Enter to give up: "
        guard let answer = try Terminal.ask(prompt), !answer.isEmpty else {
            throw RosterError(
                .shareRefused, "token \(shares.token)",
                "\(shares.count) of \(shares.set.needed) shares were presented",
                hint: "Its holders open it together: \(wanted.joined(separator: ", ")).")
        }
        if let number = Int(answer), (1...max(1, wanted.count)).contains(number) { return wanted[number - 1] }
        return answer
    }
}

extension Terminal {
    /// A share's words, typed without being shown.
    static func promptForShare(of holder: String) throws -> SecretBytes {
        var words = try promptSilently("\(holder), type your share, all its words (not shown): ", most: 1024)
        return SecretBytes(consuming: &words)
    }
}
