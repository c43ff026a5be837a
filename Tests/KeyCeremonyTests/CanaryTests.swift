import Crypto
import Foundation
import Glibc
import KeyCeremony
import PKCS11
import Rosters
import SecretSharing
import SignedStatements
import Sites
import TestTokens
import Testing

/// Texts that must be nowhere but where they belong, and where to look for them.
private struct Canaries {
    private var needles: [(what: String, bytes: [UInt8])] = []

    mutating func add(_ what: String, _ text: String) { add(what, Array(text.utf8)) }

    mutating func add(_ what: String, _ bytes: [UInt8]) { needles.append((what, bytes)) }

    /// A secret in the forms in which one might be written down.
    mutating func add(_ what: String, secret bytes: [UInt8]) {
        add(what, bytes)
        add("\(what), hexadecimal", bytes.map { String(format: "%02x", $0) }.joined())
        add("\(what), base64", Data(bytes).base64EncodedString())
    }

    /// Any three words one after the other, whatever stands between them.
    mutating func add(_ what: String, words: [String]) {
        add("\(what), base64", Data(words.joined(separator: " ").utf8).base64EncodedString())
        for index in 0..<(words.count - 2) {
            for separator in [" ", "\n", "\r\n", ",", "\",\""] {
                add(what, words[index..<(index + 3)].joined(separator: separator))
            }
        }
    }

    func found(in bytes: [UInt8]) -> [String] {
        let data = Data(bytes)
        return needles.filter { data.range(of: Data($0.bytes)) != nil }.map(\.what)
    }

    /// Which of them are in which files below a folder, names included.
    func found(below folder: String, except: Set<String> = []) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        return try names.flatMap { name -> [String] in
            if except.contains(name) { return [] }
            var bytes = Array(name.utf8)
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
            if !isFolder.boolValue {
                bytes += try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            return found(in: bytes).map { "\(name): \($0)" }
        }
    }
}

@Suite struct CanaryTests {
    /// What holders' shares say and what follows from them, worked out here by other means than the product's.
    private func secrets(of token: String, in live: LiveSite, into canaries: inout Canaries) throws {
        var shares: [SLIP39.Share] = []
        for path in try live.shareFiles(of: token) {
            let sealed = try SealedShare(
                reading: Array(Data(contentsOf: URL(fileURLWithPath: path))), path: path)
            let person = try live.person(sealed.holder).token
            let login = try person.slot.login(pin: person.pin)
            let roster = try #require(try live.site.rosters().last)
            let credential = try TokenCredential(
                of: try #require(roster.member(sealed.holder)), login: login, rehearsal: false)
            let mnemonic = try credential.open(sealed)
            let words = mnemonic.withBytes { String(decoding: $0, as: UTF8.self) }
                .split(separator: " ").map(String.init)
            canaries.add("\(sealed.holder)'s share of \(token)", words: words)
            shares.append(try SLIP39.Share(mnemonic: mnemonic))
        }
        let secret = try SLIP39.combine(Array(shares.prefix(2))).withBytes { Array($0) }
        canaries.add("secret of \(token)", secret: secret)
        for (name, user) in [("user", UserType.user), ("security-officer", .securityOfficer)] {
            let octets = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: secret),
                info: Array("rootline/activation/v1 \(name)".utf8), outputByteCount: 17
            ).withUnsafeBytes { Array($0) }
            let bits = octets.flatMap { octet in (0..<8).map { Int(octet >> (7 - $0)) & 1 } }
            let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
            let pin = String(
                (0..<26).map { index in
                    alphabet[bits[(index * 5)..<(index * 5 + 5)].reduce(0) { $0 * 2 + $1 }]
                })
            // SoftHSM in this process does not notice that another one has changed the root's PINs.
            if token != "root" {
                #expect(try live.opens(token, user, pin), "the PIN worked out by hand is the token's")
            }
            canaries.add("\(name) PIN of \(token)", pin)
        }
    }

    /// Performs a ceremony by the built program at a terminal.
    private func performAtTerminal(
        _ name: String, _ live: LiveSite, _ look: (TerminalProgram) throws -> Void
    ) throws -> TerminalProgram {
        let program = try TerminalProgram(
            TerminalProgram.rootline,
            [
                "ceremony", "perform", Rehearsed.path(name), "--after", try Rehearsed.transcript(name),
                "--site",
                live.folder,
            ], in: live.folder,
            environment: [
                "SOFTHSM2_CONF": TestTokens.configuration, "PATH": "/usr/bin:/bin", "HOME": live.folder,
                "TMPDIR": live.path("tmp"), "TERM": "xterm",
            ])
        // The number under which the bag that is opened now was sealed last; the other is new.
        let number = Self.atTerminal.firstIndex(of: name) ?? 0
        var bags = ["BAG-000\(number + 1)", "BAG-000\(number + 2)"]
        let code = try program.converse { prompt in
            try look(program)
            if prompt.contains("the PIN of your token") {
                return live.people.first { prompt.contains("\($0.name), the PIN of your token") }?.token
                    .pinText
            }
            if prompt.contains("the initial PIN of token") { return live.tokens["root"]?.pinText }
            if prompt.contains("the security officer's PIN") {
                return live.tokens["root"]?.securityOfficerPINText
            }
            if prompt.contains("Enter when done") { return "" }
            if prompt.contains("yes or no") { return "yes" }
            if prompt.contains("type Yes") { return "Yes" }
            if prompt.contains("from paper") {
                let lines = try live.lines(name).filter {
                    $0.contains("\"type\":\"read-out\"") && !$0.contains("\"of\":\"head\"")
                }
                let value = try #require(
                    lines.last?.firstMatch(of: try Regex("\"value\":\"([0-9a-f]{64})\"")))
                return String(try #require(value.output[1].substring))
            }
            if prompt.contains("1 to 4") { return "1" }
            if prompt.contains("the text") { return bags.removeFirst() }
            throw TerminalFailure(description: "an unknown prompt: \(prompt)")
        }
        #expect(code == 0, "\(program.text.suffix(1500))")
        return program
    }

    private static let atTerminal = ["root-ca", "issuing-ca", "crl", "activation-data-rekey"]

    @Test(
        "No PIN, share or secret is in any file, on the terminal, in arguments or environment, or in a core file"
    )
    func canaries() throws {
        let live = try LiveSite(mark: "canary-\(UUID().uuidString.prefix(6))")
        try FileManager.default.createDirectory(
            atPath: live.path("tmp"), withIntermediateDirectories: true)
        var canaries = Canaries()
        for (name, token) in live.tokens {
            canaries.add("PIN of \(name)", token.pinText)
            canaries.add("officer's PIN of \(name)", token.securityOfficerPINText)
        }
        for person in live.people { canaries.add("\(person.name)'s PIN", person.token.pinText) }

        var seen: [UInt8] = []
        for name in Rehearsed.order {
            if Self.atTerminal.contains(name) {
                let program = try performAtTerminal(name, live) { program in
                    #expect(canaries.found(in: program.kernelView()) == [])
                    let limits = try String(
                        contentsOfFile: "/proc/\(program.process)/limits", encoding: .utf8)
                    #expect(limits.contains(try Regex("Max core file size +0 +0 ")))
                }
                seen += program.capture
                let transcript = live.path("ceremonies/\(name)/transcript.jsonl")
                let outcome = try Transcript.read(path: transcript)
                _ = try VerifiedTranscript.verify(
                    Array(try Data(contentsOf: URL(fileURLWithPath: transcript))),
                    TranscriptExpectations(rosterDigest: try live.rosterPin, head: outcome.head))
                // The program's last words are the head, as digits and as words.
                #expect(program.text.contains(outcome.head))
            } else {
                let room = ScriptedRoom(live)
                try live.verify(try live.perform(name, room: room))
                seen += Array(room.shown.joined(separator: "\n").utf8)
            }
            // Before a later ceremony gives the token other shares.
            if ["root-ca", "run-authority", "firmware-signer", "backup", "activation-data-rekey"].contains(
                name)
            {
                let token = [
                    "run-authority": "authority", "firmware-signer": "firmware", "backup": "backup",
                ][name]
                try secrets(of: token ?? "root", in: live, into: &canaries)
            }
        }
        #expect(canaries.found(in: seen) == [])
        // The test itself put the line's PIN there.
        #expect(try canaries.found(below: live.folder, except: ["secrets/line.pin"]) == [])
        #expect(live.names(in: "tmp") == [])
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: live.folder).filter { $0.contains("core") }
                == [])
        // The search does find what is there.
        #expect(try canaries.found(below: live.path("secrets")) == ["line.pin: PIN of line"])
    }

    @Test(
        "A program that is killed at a prompt for a PIN leaves no core file and no PIN",
        arguments: [SIGQUIT, SIGABRT, SIGSEGV])
    func killed(signal: Int32) throws {
        let live = try LiveSite.enrolled()
        let program = try TerminalProgram(
            TerminalProgram.rootline,
            [
                "ceremony", "perform", Rehearsed.path("root-ca"), "--after",
                try Rehearsed.transcript("root-ca"),
                "--site", live.folder,
            ], in: live.folder,
            environment: [
                "SOFTHSM2_CONF": TestTokens.configuration, "PATH": "/usr/bin:/bin", "HOME": live.folder,
            ])
        var typed = 0
        let code = try program.converse { prompt in
            if prompt.contains("the PIN of your token") {
                typed += 1
                // After the second, its holder's token is open and the first PIN has been used.
                if typed == 2 { kill(program.process, signal) }
                return live.people.first { prompt.contains("\($0.name), the PIN of your token") }?.token
                    .pinText
            }
            if prompt.hasSuffix("yes or no (? for help): ") { return "yes" }
            if prompt.contains("type Yes") { return "Yes" }
            if prompt.contains("the text") { return "BAG-0001" }
            return ""
        }
        #expect(code == 128 + signal, "\(program.text.suffix(600))")
        let names = try FileManager.default.subpathsOfDirectory(atPath: live.folder)
        #expect(names.filter { $0.contains("core") && $0 != "ceremonies" } == [])
        for person in live.people { #expect(!program.text.contains(person.token.pinText)) }
        // Whoever comes back goes on.
        try live.verify(try live.resume("root-ca"))
    }

    @Test("Nobody else looks into the program's memory, not even its own user")
    func undumpable() throws {
        let live = try LiveSite()
        // A program that any user may start, and which waits for a PIN.
        let program = live.path("rootline")
        try FileManager.default.copyItem(atPath: TerminalProgram.rootline, toPath: program)
        chmod(live.folder, 0o755)
        chmod(program, 0o755)
        // As somebody who is not root, to whom the kernel shows everything.
        let nobody = getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        func start(_ command: [String], input: Pipe?) throws -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = nobody + command
            process.standardInput = input ?? FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }
        func canRead(_ process: Process, _ name: String = "environ") throws -> Bool {
            let reader = try start(
                ["head", "-c", "1", "/proc/\(process.processIdentifier)/\(name)"], input: nil)
            reader.waitUntilExit()
            return reader.terminationStatus == 0
        }
        let inputs = [Pipe(), Pipe()]
        let watched = try start(
            [program, "key", "list", "--site", live.folder, "--token", "line", "--pin-source", "fd:0"],
            input: inputs[0])
        let control = try start(["cat"], input: inputs[1])
        defer {
            for process in [watched, control] {
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
        }
        // Until it has started and forbidden what it forbids.
        var tries = 0
        while try canRead(watched), tries < 200 {
            usleep(25_000)
            tries += 1
        }
        for name in ["environ", "maps", "mem", "fd"] { #expect(try !canRead(watched, name), "\(name)") }
        #expect(watched.isRunning)
        let name = try String(contentsOfFile: "/proc/\(watched.processIdentifier)/comm", encoding: .utf8)
        #expect(name == "rootline\n")
        for name in ["environ", "maps"] { #expect(try canRead(control, name), "\(name)") }
    }
}
