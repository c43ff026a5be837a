import Foundation
import KeyCeremony
import Testing

/// One change to a script that works, and the fault that it must bring.
struct Spoiled: Sendable, CustomTestStringConvertible {
    var code: String
    /// The text to change, and what it becomes; every occurrence is changed.
    var from: String
    var to: String
    /// A text of the changed script on whose first line the fault must be reported.
    var at: String
    var script = "root-ca"

    var testDescription: String { "\(code): \(to.prefix(40))" }

    var text: String {
        get throws {
            let source = try Repository.scriptText(script)
            try #require(source.contains(from), "the script has no `\(from)`")
            return source.replacingOccurrences(of: from, with: to)
        }
    }

    func line(in text: String) throws -> Int {
        let range = try #require(text.range(of: at), "the changed script has no `\(at)`")
        return text[..<range.lowerBound].count { $0 == "\n" } + 1
    }

    /// Expects the fault among `faults`.
    func expect(among faults: [ScriptFault], of text: String) throws {
        let found = faults.map { "\($0.line) \($0.code)" }
        #expect(found.contains("\(try line(in: text)) \(code)"), "\(faults)")
    }
}

extension Spoiled {
    /// A script with one more step before its last, or before the step of the id `before`.
    ///
    /// `own` are the lines of the step's own keys, without their first four blanks.
    static func adding(
        _ code: String, _ action: String, _ own: String = "", before: String = "closing", at: String,
        script: String = "root-ca"
    ) -> Spoiled {
        let mark = "  - id: \(before)\n"
        return Spoiled(
            code: code, from: mark, to: step("added", action, own) + mark, at: at, script: script)
    }

    /// A step by the crypto officer before both witnesses.
    static func step(_ id: String, _ action: String, _ own: String = "") -> String {
        let lines = own.split(separator: "\n").map { "    \($0)\n" }.joined()
        return "  - id: \(id)\n    do: \(action)\n    actor: crypto-officer\n"
            + "    witnesses: [ceremony-administrator, external-witness]\n    minutes: 1\n    irreversible: true\n"
            + "    text: As it says.\n" + lines
    }
}
