import CanonicalJSON
import Crypto
import Foundation
import PKCS11
import Rosters
import SignedStatements
import Sites

// What people are asked, what they answer, and how they sign.
extension CeremonyRunner {
    /// Asks until there is an answer; exceptions and breaks on the way are recorded.
    func ask(_ kind: CeremonyQuestion.Kind, _ text: String) throws(CeremonyError) -> String {
        let person = step.map { seats([$0.actor]).first?.name ?? "" } ?? ""
        let question = CeremonyQuestion(step: step?.id ?? "", kind: kind, text: text, person: person)
        while true {
            switch try room.ask(question) {
            case .answer(let answer): return answer
            case .exception(let happened, let decision):
                try recordException(expected: step?.text ?? "", happened: happened, decision: decision)
            case .pause(let reason): try pause(reason: reason, by: person)
            case .stop(let reason):
                throw CeremonyError(
                    .interrupted, "step \(question.step)", "the ceremony was stopped: \(reason)")
            }
        }
    }

    /// Has the actor type that what follows cannot be undone.
    func confirm(_ step: CeremonyStep) throws(CeremonyError) {
        let answer = try ask(.irreversible, step.text)
        guard answer == "Yes" else {
            throw CeremonyError(
                .answerRefused, "step \(step.id)", "the step was not confirmed with Yes; nothing was done")
        }
    }

    // MARK: Answers

    func takeAnswer(_ step: CeremonyStep) throws(CeremonyError) {
        let by = seats([step.actor]).first?.name ?? ""
        func note(_ answer: String, bag: String? = nil) throws(CeremonyError) {
            var members: [String: JSONValue] = ["answer": .string(answer), "by": .string(by)]
            if let bag { members["bag"] = .string(bag) }
            try self.note("answer", members)
        }
        switch step.content {
        case .check:
            let answer = try ask(.yesNo, step.text)
            try note(answer)
            if answer == "no" {
                try failed(
                    step, .answerRefused, expected: "yes", happened: "the check was answered with no",
                    hint: "Put right what the step asks for.")
            }
        case .record(let example): try note(try ask(.text(example: example), step.text))
        case .choose(let options, let example):
            let answer = try ask(.choice(options: options, example: example), step.text)
            try note(answer)
            guard options.contains(answer) else {
                throw CeremonyError(
                    .answersInvalid, "step \(step.id)",
                    "`\(answer)` is none of: \(options.joined(separator: ", "))")
            }
        case .inspectBag(let bag, let example):
            let sealed = try sealedNumber(of: bag.value)
            // Stand-ins find the bag as the last rehearsal has sealed it.
            let answer = try ask(.text(example: sealed ?? example), step.text)
            try note(answer, bag: bag.value)
            if let sealed, sealed != answer {
                try failed(
                    step, .answerRefused, expected: "bag \(sealed), as it was sealed",
                    happened: "bag \(answer) was found", hint: "Find out where the bag was opened.")
            }
        case .sealBag(let bag, let example):
            try note(try ask(.text(example: example), step.text), bag: bag.value)
        default: break
        }
    }

    /// The number under which the bag was sealed last, on this site.
    private func sealedNumber(of bag: String) throws(CeremonyError) -> String? {
        try Lineage.bags(of: site, without: ceremony)[bag]
    }

    /// What a step that did not come out as it should leads to: an exception where the script allows it, or the end.
    func failed(
        _ step: CeremonyStep, _ code: CeremonyError.Code, expected: String, happened: String, hint: String
    ) throws(CeremonyError) {
        switch step.onFailure {
        case .exception:
            let decision = try ask(.text(example: "the ceremony goes on"), "What was decided?")
            try recordException(expected: expected, happened: happened, decision: decision)
        case .stop: throw CeremonyError(code, "step \(step.id)", happened, hint: hint)
        case .remedy(let remedy): throw CeremonyError(code, "step \(step.id)", happened, hint: remedy)
        }
    }

    // MARK: Digests

    private func value(of exhibit: Exhibit) throws(CeremonyError) -> (
        of: String, subject: String?, value: String
    ) {
        switch exhibit {
        case .head: return ("head", nil, journal.head)
        case .roster:
            guard let digest = try madeRoster()?.digest ?? rosters.last?.digest else {
                throw CeremonyError(.rosterRefused, site.folder, "there is no roster")
            }
            return ("roster", nil, digest)
        case .key(let name):
            let label = try label(of: name.value)
            let key = record.keys[label]?.publicKeyInfo ?? []
            return ("key", label, hexadecimal(SHA256.hash(data: key)))
        case .certificate(let name):
            let label = try label(of: name.value)
            return ("certificate", label, hexadecimal(SHA256.hash(data: record.certificates[label] ?? [])))
        case .crl(let name):
            let step = script.steps.first {
                if case .signCRL(let request) = $0.content { request.name.value == name.value } else { false }
            }
            let der = step.flatMap { record.lists[$0.id] } ?? []
            // The transcript knows lists by the step that signed them.
            return ("crl", step?.id ?? name.value, hexadecimal(SHA256.hash(data: der)))
        }
    }

    private func members(
        _ exhibit: (of: String, subject: String?, value: String)
    ) -> [String: JSONValue] {
        var members: [String: JSONValue] = ["of": .string(exhibit.of), "value": .string(exhibit.value)]
        if let subject = exhibit.subject { members["subject"] = .string(subject) }
        return members
    }

    func readOut(_ step: CeremonyStep, _ exhibit: Exhibit) throws(CeremonyError) {
        let value = try value(of: exhibit)
        tell(.digest, value.value)
        try note("read-out", members(value))
    }

    func compare(_ step: CeremonyStep, _ exhibit: Exhibit) throws(CeremonyError) {
        let value = try value(of: exhibit)
        let typed = try ask(.digest(expected: value.value), step.text)
        let taken = Digits.hexadecimal(typed) ?? typed
        var members = members(value)
        members["takenDown"] = .string(taken)
        try note("compare", members)
        if taken != value.value {
            tell(.digest, value.value)
            try failed(
                step, .answerRefused, expected: value.value,
                happened: "what was taken down is not what the machine shows",
                hint: "Somebody misheard, or the machine shows another thing than it did: find out which.")
        }
    }

    // MARK: Sign-offs

    /// Has everybody of the step sign the transcript's head, each with the key of their own.
    ///
    /// `statement` is the step's id or an exception's; whoever has signed in this attempt already is passed over.
    func signOff(_ statement: String) throws(CeremonyError) {
        guard let step else { return }
        for seat in seats([step.actor] + step.witnesses)
        where record.signOffs[statement]?.contains(seat.name) != true {
            try signOff(statement, seat)
        }
    }

    private func signOff(_ statement: String, _ seat: Seat) throws(CeremonyError) {
        // Each signs the head that the one before has left, so the order is in the signatures. The time is in them too,
        // and is taken before anybody is asked: it belongs to the line.
        let purpose = "to sign off step \(statement) as \(seat.role.rawValue)"
        let (line, time) = try withCredential(of: seat.person, purpose: purpose) {
            (credential) throws(CeremonyError) -> ([String: JSONValue], String) in
            let time = try self.journal.now()
            let bytes = SignOffStatement(
                head: self.journal.head, step: statement, role: seat.role.rawValue, name: seat.name,
                time: time
            ).bytes(rehearsal: self.site.isRehearsal)
            let signature = try concerning(seat.name) { try credential.signature(over: bytes) }
            let key = self.signingKey(of: seat.person) ?? []
            guard StrictSignature.isValid(signature, over: bytes, key: key) else {
                throw CeremonyError(
                    .signOffInvalid, "step \(statement)", "\(seat.name)'s signature does not verify")
            }
            return (
                [
                    "step": .string(statement), "role": .string(seat.role.rawValue),
                    "name": .string(seat.name), "signature": .base64(signature),
                ], time
            )
        }
        try append("sign-off", line, at: time)
        show("\(seat.name) has signed off as \(seat.role.rawValue).")
    }

    /// The key that a participant signs with: the roster's, or the one that this ceremony has given them.
    func signingKey(of person: Participant) -> [UInt8]? {
        person.signingKey ?? record.credentials[person.name]?.signing
    }

    // MARK: Exceptions and breaks

    /// Records that something differs from what was expected; nothing goes on before everybody of the step has signed it.
    func recordException(
        expected: String, happened: String, decision: String
    ) throws(CeremonyError) {
        guard let step else { return }
        let number = record.exceptions + 1
        try note(
            "exception",
            [
                "number": .integer(number), "expected": .string(expected), "happened": .string(happened),
                "decision": .string(decision), "by": .string(seats([step.actor]).first?.name ?? ""),
            ])
        try signOff("exception-\(number)")
    }

    /// A break: tokens are closed, and opened again when they are next needed.
    func pause(reason: String, by person: String) throws(CeremonyError) {
        let line = try note("break", ["by": .string(person), "reason": .string(reason)])
        tokens = [:]
        secrets = [:]
        try room.waitForEndOfBreak(reason: reason)
        try noteDuration("back", since: line["time"]?.text.flatMap { try? Date($0, strategy: .iso8601) })
    }
}

/// Digests as people type them.
enum Digits {
    /// Hexadecimal with any blanks and any case; nil where other characters stand there.
    static func hexadecimal(_ text: String) -> String? {
        let digits = text.lowercased().filter { !$0.isWhitespace && $0 != "-" && $0 != ":" }
        guard digits.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else { return nil }
        return digits
    }
}
