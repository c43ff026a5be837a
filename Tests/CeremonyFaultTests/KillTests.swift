import Foundation
import Glibc
import Testing

/// A moment at which a ceremony is killed, and one at which its resumption is killed again.
struct Kill: Sendable, CustomStringConvertible {
    let first: Fault
    var second: Fault?

    var description: String { second.map { "\(first), then \($0)" } ?? "\(first)" }
}

/// Every write of the transcript and of a document, and every call that changes a token or key, is a place to be killed at.
///
/// All of it is `make torture`. Continuous integration takes every place, too, but of the three kinds of kill at a write
/// one: the first at the first write, the second at the second, and so on in turn; both kinds at every call.
@Suite(
    "Whatever kills a ceremony, resume ends it with one key, one certificate and one transcript", .serialized)
struct KillTests {
    static let ceremonies =
        Campaign.isTorture
        ? [Ceremony.root, .issuing, .root.with(keyType: "RSA-3072"), .issuing.with(keyType: "RSA-3072")]
        : [Ceremony.root, .issuing]

    /// The kills that the rule above names.
    static func kills(_ measure: Measure) -> [Fault] {
        func writes(_ count: Int, _ fault: (String) -> Fault) -> [Fault] {
            let kinds = ["kill-before", "kill-torn", "kill-after"]
            return (0..<count).flatMap { index in
                (Campaign.isTorture ? kinds : [kinds[index % 3]]).map { fault("\($0):\(index + 1)") }
            }
        }
        let calls = (0..<measure.stateCalls).flatMap { index in
            ["kill-before", "kill-after"].map { Fault.token("state:\(index + 1)=\($0)") }
        }
        // A call that changes nothing is no other place than the write after it, but torture believes nothing.
        let others = (Campaign.isTorture ? measure.calls.indices.map { $0 } : []).compactMap { index in
            measure.calls[index].changesState ? nil : Fault.token("*:\(index + 1)=kill-before")
        }
        let flushes = (Campaign.isTorture ? Array(1...measure.journalWrites) : []).map {
            Fault.journal("kill-fsync:\($0)")
        }
        return others + flushes + writes(measure.journalWrites, Fault.journal)
            + writes(measure.documentWrites, Fault.documents)
            + calls
    }

    @Test("Killed at any write or call, a ceremony is resumed to its end", arguments: ceremonies)
    func killedOnce(_ ceremony: Ceremony) throws {
        let measure = try Place(ceremony).measured()
        #expect(measure.journalWrites > 70 && measure.documentWrites >= 3 && measure.stateCalls >= 10)
        let kills = KillTests.kills(measure).map { Kill(first: $0) }
        Campaign.run("\(ceremony) killed", kills) { try KillTests.findings(ceremony, $0) }
    }

    /// Each first kill is followed by one at a random place of what is left.
    @Test("Killed again while it is resumed, a ceremony is resumed to its end", arguments: ceremonies)
    func killedTwice(_ ceremony: Ceremony) throws {
        let measure = try Place(ceremony).measured()
        var generator = SeededGenerator(seed: 0x524F_4F54)
        var kills = KillTests.kills(measure).map { first in
            let second: Fault
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: second = .token("state:\(Int.random(in: 1...6, using: &generator))=kill-before")
            case 1: second = .token("state:\(Int.random(in: 1...6, using: &generator))=kill-after")
            case 2:
                second = .journal("kill-torn:\(Int.random(in: 1...measure.journalWrites, using: &generator))")
            default: second = .documents("kill-torn:\(Int.random(in: 1...5, using: &generator))")
            }
            return Kill(first: first, second: second)
        }
        if !Campaign.isTorture { kills = Array(kills.shuffled(using: &generator).prefix(20)) }
        Campaign.run("\(ceremony) killed twice", kills) { try KillTests.findings(ceremony, $0) }
    }

    @Test("Half a key pair is destroyed before witnesses, and the pair is made anew")
    func halfAPair() throws {
        let plan = "C_GenerateKeyPair=lie:missing-private; C_GenerateKeyPair=kill-after"
        for ceremony in [Ceremony.root, .issuing] {
            let place = try Place(ceremony)
            let audit = try Audit(place)
            try #require(try place.rehearse(.token(plan)).code == 128 + SIGKILL)
            let half = try place.objects(on: ceremony.token).filter { $0.hasSuffix(ceremony.label) }
            #expect(half.count == 1 && half.first?.hasPrefix("2 ") == true, "the public key alone: \(half)")
            let resumed = try place.resume()
            #expect(resumed.code == 0, "\(resumed.errors)")
            #expect(try audit.findings() == [])
            let lines = try Audit.lines(place.transcript)
            let exception = try #require(lines.first { $0["type"] as? String == "exception" })
            #expect(
                exception["decision"] as? String == "the half is destroyed and the key pair is generated anew"
            )
            let signers = lines.filter {
                $0["type"] as? String == "sign-off" && $0["step"] as? String == "exception-1"
            }
            #expect(signers.count == 3, "everybody of the step has signed it")
        }
    }

    /// What is not as it should be after the kills and a resumption that nothing disturbs.
    static func findings(_ ceremony: Ceremony, _ kill: Kill) throws -> [String] {
        let place = try Place(ceremony)
        let audit = try Audit(place)
        let killed = try place.rehearse(kill.first)
        guard killed.code == 128 + SIGKILL else {
            return ["was not killed: exit \(killed.code)\n\(killed.errors)"]
        }
        if let second = kill.second {
            let again = try place.resume(second)
            // The place of the second kill may never be reached.
            guard [0, 66, 128 + SIGKILL].contains(again.code) else {
                return ["resumed: exit \(again.code): \(again.errors)"]
            }
        }
        let resumed = try place.resume()
        let text = FileManager.default.contents(atPath: place.transcript)
        if text?.contains(0x0A) != true {
            guard resumed.code == 66 else { return ["nothing to resume, but exit \(resumed.code)"] }
            let anew = try place.rehearse()
            if anew.code != 0 { return ["rehearsed anew: exit \(anew.code): \(anew.errors)"] }
        } else if resumed.code != 0 {
            return ["resumed: exit \(resumed.code): \(resumed.errors)"]
        }
        return try audit.findings()
    }
}
