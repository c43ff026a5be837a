import Foundation
import Testing

/// A test of the command line as a text that reads like a terminal.
///
///     # The first line says the rule.
///     @ sealed                        the site's stage, `rehearsed` where nothing is said
///     $ rootline run status           a command for /bin/sh in a folder with a site
///     first  sealed  300 of *         what it prints; `*` stands for any text, a line of `**` for any lines
///     ! a line on standard error
///     ? 65                            the exit code, where it is not 0
///
/// Where the code is not 0, ledger and allowlist have to be as they were before the command.
struct Script: Sendable, CustomTestStringConvertible {
    struct Command: Sendable {
        var line: Int
        var text: String
        var output: [String] = []
        var errors: [String] = []
        var code: Int32 = 0
    }

    let path: String
    let rule: String
    let stage: Stage
    let commands: [Command]

    var testDescription: String { rule }

    static let folder = Repository.tests + "/Scripts"

    static let all: [Script] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted().compactMap { name in
            let path = folder + "/" + name
            return (try? String(contentsOfFile: path, encoding: .utf8)).map { Script($0, path: path) }
        }
    }()

    init(_ text: String, path: String) {
        var rule = ""
        var stage = Stage.rehearsed
        var commands: [Command] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let rest = String(line.dropFirst(2))
            switch line.prefix(2) {
            case "# ", "#":
                if rule.isEmpty { rule = rest }
            case "@ ":
                stage = Stage(rawValue: rest) ?? stage
            case "$ ":
                commands.append(Command(line: number + 1, text: rest))
            case _ where line.isEmpty || commands.isEmpty:
                continue
            case "! ":
                commands[commands.count - 1].errors.append(rest)
            case "? ":
                commands[commands.count - 1].code = Int32(rest) ?? -1
            default:
                commands[commands.count - 1].output.append(String(line))
            }
        }
        (self.path, self.rule, self.stage, self.commands) = (path, rule, stage, commands)
    }

    /// Runs the commands and records every difference at its line of the script.
    func run() throws {
        let place = try Workplace(stage)
        for command in commands {
            let before = command.code == 0 ? nil : try place.books()
            let outcome = try place.run(command.text)
            var differences: [String] = []
            if outcome.code != command.code {
                differences.append("exit code \(outcome.code), not \(command.code)")
            }
            for (name, text, expected) in [
                ("standard output", outcome.output, command.output),
                ("standard error", outcome.errors, command.errors),
            ] {
                let lines = Script.lines(text)
                if !Script.matches(lines[...], expected[...]) {
                    differences.append("\(name) is\n\(lines.joined(separator: "\n"))")
                }
            }
            if let before, let difference = try place.books().difference(from: before) {
                differences.append("the command failed and changed the site: \(difference)")
            }
            guard !differences.isEmpty else { continue }
            Issue.record(
                "$ \(command.text)\n\(differences.joined(separator: "\n"))",
                sourceLocation: SourceLocation(
                    fileID: "CommandLineTests/\(path.split(separator: "/").last ?? "")", filePath: path,
                    line: command.line, column: 1))
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).filter { !$0.isEmpty }
    }

    private static func matches(_ lines: ArraySlice<String>, _ expected: ArraySlice<String>) -> Bool {
        guard let first = expected.first else { return lines.isEmpty }
        let rest = expected.dropFirst()
        if first == "**" {
            return (lines.startIndex...lines.endIndex).contains { matches(lines[$0...], rest) }
        }
        guard let line = lines.first, matches(line, first) else { return false }
        return matches(lines.dropFirst(), rest)
    }

    /// Whether the text is the pattern, in which every `*` stands for any text.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let parts = pattern.components(separatedBy: "*")
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return text == pattern }
        guard text.hasPrefix(first), text.utf8.count >= first.utf8.count + last.utf8.count else {
            return false
        }
        var rest = text.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}
