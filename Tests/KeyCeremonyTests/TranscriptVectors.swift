import CanonicalJSON
import Foundation
import KeyCeremony
import Rosters
import SignedStatements

/// A transcript that a verifier must accept, or refuse with this code at this line.
struct TranscriptVector {
    let name: String
    let bytes: [UInt8]
    var allowsRehearsal = true
    var rosterDigest: String?
    var head: String?
    var refusal: (code: TranscriptRefusal.Code, line: Int)?
}

/// Makes the vectors out of one transcript of the short ceremony: each bad one breaks one rule, its chain and
/// sign-offs made anew where the rule lies behind them.
struct VectorBook {
    let good: TranscriptForge
    let raw: [UInt8]
    private(set) var vectors: [TranscriptVector] = []

    init(_ bytes: [UInt8], seed: [UInt8]) throws {
        raw = bytes
        good = try TranscriptForge(bytes, seed: seed)
        try addRaw()
        try addBeginnings()
        try addOrder()
        try addEffects()
        try addEvidence()
        try addLive()
    }

    mutating func add(_ vector: TranscriptVector) { vectors.append(vector) }

    /// A bad one; `line` is an index, from 0.
    private mutating func refuse(
        _ name: String, _ code: TranscriptRefusal.Code, line: Int, keepingSignatures: Bool = false,
        signer: (String) -> String = { $0 }, _ edit: (inout TranscriptForge) throws -> Void
    ) throws {
        var forge = good
        try edit(&forge)
        add(
            TranscriptVector(
                name: name, bytes: try forge.bytes(keepingSignatures: keepingSignatures, signer: signer),
                refusal: (code, line + 1)))
    }

    private mutating func addRaw() throws {
        add(TranscriptVector(name: "good", bytes: raw))
        let lines = raw.split(separator: 0x0A).map { Array($0) }
        func file(_ lines: [[UInt8]]) -> [UInt8] { lines.flatMap { $0 + [0x0A] } }
        func bad(_ name: String, _ bytes: [UInt8], _ code: TranscriptRefusal.Code, _ line: Int) {
            vectors.append(TranscriptVector(name: name, bytes: bytes, refusal: (code, line)))
        }
        let last = lines.count
        bad("empty", [], .form, 1)
        bad("no-last-newline", Array(raw.dropLast()), .form, last)
        bad("empty-line", file(Array(lines[..<3]) + [[]] + Array(lines[3...])), .form, 4)
        bad("carriage-returns", lines.flatMap { $0 + [0x0D, 0x0A] }, .form, 1)
        bad("blank-in-line", file([lines[0] + [0x20]] + Array(lines[1...])), .form, 1)
        bad("line-dropped", file(Array(lines[..<5]) + Array(lines[6...])), .chain, 6)
        bad("line-repeated", file(Array(lines[...5]) + Array(lines[5...])), .chain, 7)
        var swapped = lines
        swapped.swapAt(5, 6)
        bad("lines-swapped", file(swapped), .chain, 6)
        bad("first-line-dropped", file(Array(lines[1...])), .chain, 1)
        bad("last-line-dropped", file(Array(lines.dropLast())), .incomplete, last - 1)
        bad("cut-in-the-middle", file(Array(lines[..<20])), .incomplete, 20)
        bad("line-appended", file(lines + [lines[last - 1]]), .chain, last + 1)
        var duplicate = lines
        let text = String(decoding: lines[1], as: UTF8.self)
        duplicate[1] = Array(
            text.replacingOccurrences(of: "{\"actors\"", with: "{\"actors\":[],\"actors\"").utf8)
        bad("duplicate-member", file(duplicate), .form, 2)
        add(
            TranscriptVector(
                name: "rehearsal-as-live", bytes: raw, allowsRehearsal: false, refusal: (.rehearsal, 1)))
        add(
            TranscriptVector(
                name: "other-head", bytes: raw, head: String(repeating: "0", count: 64),
                refusal: (.head, last)))
        let signOff = try good.index("sign-off")
        try refuse("chain-made-anew-without-keys", .signOff, line: signOff, keepingSignatures: true) {
            $0.edit(0, ["script", "title"]) { _ in "Another title" }
        }
        try refuse("last-time-changed", .signOff, line: last - 1, keepingSignatures: true) {
            $0.set(last - 1, "time", "2099-01-01T00:00:00Z")
        }
        try refuse("signature-high-s", .signOff, line: last - 1, keepingSignatures: true) {
            $0.edit(last - 1, ["signature"]) { .string(Self.withHighS($0.text ?? "")) }
        }
        let forged = try good.bytes(signer: { _ in "Somebody else" })
        bad("signed-by-another", forged, .signOff, signOff + 1)
        try refuse("member-added", .form, line: 4) { $0.set(4, "note", "x") }
        try refuse("member-missing", .form, line: 1) { $0.set(1, "attempt", nil) }
        try refuse("unknown-type", .form, line: 2) { $0.set(2, "type", "remark") }
        try refuse("base64-too-long", .form, line: 0) {
            $0.edit(0, ["participants", "0", "publicKey"]) { .string(($0.text ?? "") + "=") }
        }
        try refuse("number-too-large", .form, line: 0) { $0.set(0, "sequence", .integer(1 << 53)) }
        try refuse("time-goes-back", .time, line: 3) { $0.set(3, "time", "2001-01-01T00:00:00Z") }
    }

    /// The other signature over the same bytes: (r, n − s), in DER.
    private static func withHighS(_ text: String) -> String {
        let order = octets("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        guard let der = Data(base64Encoded: text).map({ Array($0) }), der.count > 8 else { return text }
        let lengthOfR = Int(der[3])
        let r = der[4..<(4 + lengthOfR)]
        var s = Array(der[(6 + lengthOfR)...].drop { $0 == 0 })
        s = [UInt8](repeating: 0, count: 32 - s.count) + s
        var borrow = 0
        for index in stride(from: 31, through: 0, by: -1) {
            let difference = Int(order[index]) - Int(s[index]) - borrow
            s[index] = UInt8(truncatingIfNeeded: difference)
            borrow = difference < 0 ? 1 : 0
        }
        let encoded = s[0] >= 0x80 ? [0] + s : s
        let body = [0x02, UInt8(r.count)] + r + [0x02, UInt8(encoded.count)] + encoded
        return Data([0x30, UInt8(body.count)] + body).base64EncodedString()
    }

    private static func octets(_ text: String) -> [UInt8] {
        stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }

    private mutating func addBeginnings() throws {
        try refuse("version-2", .begin, line: 0) { $0.set(0, "version", 2) }
        try refuse("second-begin", .begin, line: 1) { $0.lines.insert($0.lines[0], at: 1) }
        try refuse("sequence-without-previous", .begin, line: 0) { $0.set(0, "sequence", 3) }
        try refuse("step-ids-repeated", .begin, line: 0) {
            $0.edit(0, ["steps", "1", "id"]) { _ in "ready" }
        }
        try refuse("irreversible-unsaid", .begin, line: 0) {
            $0.edit(0, ["steps", "4", "irreversible"]) { _ in false }
        }
        try refuse("irreversible-unwitnessed", .begin, line: 0) {
            $0.edit(0, ["steps", "4", "witnesses"]) { _ in [] }
        }
        try refuse("unknown-step", .begin, line: 0) { $0.edit(0, ["steps", "0", "do"]) { _ in "loop" } }
        try refuse("last-step-no-sign-off", .begin, line: 0) {
            $0.edit(0, ["steps"]) { .array(Array(($0.items ?? []).dropLast())) }
        }
        try refuse("two-conflicting-roles", .people, line: 0) {
            $0.edit(0, ["participants", "0", "roles"]) { _ in ["ceremony-administrator", "crypto-officer"] }
            $0.edit(0, ["roles", "crypto-officer"]) { _ in 2 }
        }
        try refuse("one-key-two-people", .people, line: 0) { forge in
            let key = forge.lines[0]["participants"]?.items?[0]["publicKey"] ?? .null
            forge.edit(0, ["participants", "1", "publicKey"]) { _ in key }
        }
        try refuse("one-name-twice", .people, line: 0) {
            $0.edit(0, ["participants", "1", "name"]) { _ in "Stand-in ceremony-administrator 1" }
        }
        try refuse("role-short-of-people", .people, line: 0) {
            $0.edit(0, ["roles", "external-witness"]) { _ in 2 }
        }
        try refuse("origin-says-live", .rehearsal, line: 0) { $0.set(0, "origin", "devices.example.com/x") }
    }

    private mutating func addOrder() throws {
        let split = try good.index("step", ["step": "split"])
        let generate = try good.index("step", ["step": "generate"])
        let firstSignOff = try good.index("sign-off")
        let closing = try good.index("closing")
        let done = try good.index("done")
        try refuse("step-left-out", .order, line: 1) { $0.lines.removeSubrange(1..<split) }
        try refuse("step-of-another-kind", .order, line: 1) { $0.set(1, "do", "say") }
        try refuse("attempt-2-first", .order, line: 1) { $0.set(1, "attempt", 2) }
        try refuse("actor-of-another-role", .people, line: 1) {
            $0.set(1, "actors", $0.lines[split]["actors"])
        }
        try refuse("answer-missing", .order, line: 2) { $0.lines.remove(at: 2) }
        try refuse("answer-twice", .order, line: 3) { $0.lines.insert($0.lines[2], at: 3) }
        try refuse("answer-by-another", .people, line: 2) { $0.set(2, "by", "Stand-in crypto-officer 1") }
        try refuse("no-without-exception", .order, line: 3) { $0.set(2, "answer", "no") }
        // It is missed where the effect is meant.
        try refuse("sign-off-missing", .signOff, line: try good.index("intent") - 1) {
            $0.lines.remove(at: firstSignOff + 1)
        }
        try refuse("sign-offs-swapped", .signOff, line: firstSignOff) {
            $0.lines.swapAt(firstSignOff, firstSignOff + 1)
        }
        try refuse("sign-off-after-intent", .signOff, line: try good.index("intent", after: generate) - 1) {
            forge in
            let intent = try forge.index("intent", after: generate)
            forge.lines.swapAt(intent, intent - 1)
        }
        try refuse("done-too-long", .time, line: done) { $0.set(done, "seconds", 12_345) }
        try refuse("done-twice", .order, line: done + 1) { $0.lines.insert($0.lines[done], at: done + 1) }
        try refuse("exception-unsigned", .signOff, line: 4) {
            $0.lines.insert(Self.exception($0.lines[2], number: 1), at: 3)
        }
        try refuse("exception-misnumbered", .order, line: 3) {
            $0.lines.insert(Self.exception($0.lines[2], number: 2), at: 3)
        }
        try refuse("break-without-end", .order, line: 4) { forge in
            forge.lines.insert(
                [
                    "type": "break", "step": "ready", "by": "Stand-in external-witness 1", "reason": "lunch",
                    "time": forge.lines[2]["time"] ?? "",
                ], at: 3)
        }
        try refuse("stopped-and-on", .order, line: 4) { forge in
            forge.lines.insert(
                [
                    "type": "stopped", "step": "ready", "code": "x", "message": "x",
                    "time": forge.lines[2]["time"] ?? "",
                ], at: 3)
        }
        try refuse("resumed-without-step", .order, line: 4) { forge in
            forge.lines.insert(Self.resumed(forge.lines[2]), at: 3)
        }
        try refuse("abandoned", .incomplete, line: 4) { forge in
            forge.lines.insert(Self.resumed(forge.lines[2]), at: 3)
            forge.lines.insert(
                [
                    "type": "abandoned", "step": "ready", "reason": "x", "by": "x",
                    "time": forge.lines[2]["time"] ?? "",
                ], at: 4)
        }
        try refuse("closing-miscounts", .order, line: closing) { $0.set(closing, "interruptions", 4) }
        try refuse("closing-other-inventory", .order, line: closing) {
            $0.edit(closing, ["inventories", "0", "after"]) { _ in .string(String(repeating: "0", count: 64))
            }
        }
        try refuse("closing-left-out", .signOff, line: closing) { $0.lines.remove(at: closing) }
        try refuse("nothing-after-the-end", .order, line: good.lines.count) {
            $0.lines.append($0.lines[done])
        }
        // An interruption in the middle of a step, and the step anew: that is allowed.
        var resumed = good
        let time = resumed.lines[2]["time"] ?? ""
        resumed.lines.insert(Self.resumed(resumed.lines[2]), at: 2)
        var again = resumed.lines[1]
        again["attempt"] = 2
        again["time"] = time
        resumed.lines.insert(again, at: 3)
        resumed.set(
            try resumed.index("done"), "seconds",
            Self.seconds(time, resumed.lines[try resumed.index("done")]["time"]))
        resumed.set(try resumed.index("closing"), "interruptions", 1)
        add(TranscriptVector(name: "good-resumed", bytes: try resumed.bytes()))
        // A check that is answered with no goes on by an exception that everybody of the step signs.
        var excepted = good
        excepted.set(2, "answer", "no")
        excepted.lines.insert(Self.exception(excepted.lines[2], number: 1), at: 3)
        for (offset, person) in [
            ("external-witness", "Stand-in external-witness 1"),
            ("crypto-officer", "Stand-in crypto-officer 1"),
        ].enumerated() {
            excepted.lines.insert(
                [
                    "type": "sign-off", "step": "exception-1", "role": .string(person.0),
                    "name": .string(person.1),
                    "time": excepted.lines[2]["time"] ?? "",
                ], at: 4 + offset)
        }
        excepted.set(try excepted.index("closing"), "exceptions", 1)
        add(TranscriptVector(name: "good-exception", bytes: try excepted.bytes()))
        add(
            TranscriptVector(
                name: "exception-half-signed",
                bytes: try {
                    var forge = excepted
                    forge.lines.remove(at: 5)
                    return try forge.bytes()
                }(), refusal: (.signOff, 6)))
    }

    private static func exception(_ line: [String: JSONValue], number: Int) -> [String: JSONValue] {
        [
            "type": "exception", "step": "ready", "number": .integer(number), "expected": "yes",
            "happened": "no",
            "decision": "go on", "by": "Stand-in external-witness 1", "time": line["time"] ?? "",
        ]
    }

    private static func resumed(_ line: [String: JSONValue]) -> [String: JSONValue] {
        ["type": "resumed", "discarded": 0, "tool": "vector", "time": line["time"] ?? ""]
    }

    private static func seconds(_ from: JSONValue, _ to: JSONValue?) -> JSONValue {
        func date(_ value: JSONValue?) -> Date? { value?.text.flatMap { try? Date($0, strategy: .iso8601) } }
        guard let from = date(from), let to = date(to) else { return 0 }
        return .integer(Int(to.timeIntervalSince(from)))
    }
}
