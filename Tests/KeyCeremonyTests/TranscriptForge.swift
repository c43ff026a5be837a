import CanonicalJSON
import Crypto
import Foundation
import Rosters
import SignedStatements

/// A rehearsal's transcript in the hands of somebody who has its stand-ins' keys: lines are edited at will, and chain
/// and sign-offs made anew, so that what lies behind them can be tried too.
struct TranscriptForge {
    var lines: [[String: JSONValue]]
    let seed: [UInt8]

    init(_ bytes: [UInt8], seed: [UInt8]) throws {
        self.seed = seed
        lines = try bytes.split(separator: 0x0A).map { raw in
            guard case .object(let members)? = JSONValue(canonical: raw) else {
                throw CocoaError(.coderReadCorrupt)
            }
            return members
        }
    }

    /// The index of the first line for which this holds.
    func index(_ type: String, _ members: [String: String] = [:], after: Int = -1) throws -> Int {
        let found = lines.indices.first { index in
            index > after && lines[index]["type"]?.text == type
                && members.allSatisfy { lines[index][$0.key]?.text == $0.value }
        }
        guard let found else {
            throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: "\(type) \(members)"])
        }
        return found
    }

    func credential(_ name: String) throws -> StandInCredential {
        try StandInCredential(name: name, seed: seed)
    }

    static func sha256(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The file, its chain made anew; sign-offs too, unless `keepingSignatures`.
    func bytes(keepingSignatures: Bool = false, signer: (String) -> String = { $0 }) throws -> [UInt8] {
        var head = String(repeating: "0", count: 64)
        var bytes: [UInt8] = []
        let isRehearsal = lines.first?["rehearsal"] != .bool(false)
        for line in lines {
            var line = line
            line["prev"] = .string(head)
            if line["type"] == "sign-off", !keepingSignatures {
                let name = line["name"]?.text ?? ""
                let tag = isRehearsal ? "rootline/rehearsal/v1\n" : "rootline/transcript/v1\n"
                let statement = JSONValue.object([
                    "head": .string(head), "name": .string(name), "role": line["role"] ?? .null,
                    "step": line["step"] ?? .null, "time": line["time"] ?? .null,
                ])
                let signature = try credential(signer(name)).signature(
                    over: Array(tag.utf8) + statement.canonical)
                line["signature"] = .string(Data(signature).base64EncodedString())
            }
            let raw = JSONValue.object(line).canonical
            head = Self.sha256(raw)
            bytes += raw + [0x0A]
        }
        return bytes
    }

    // MARK: Edits

    mutating func set(_ index: Int, _ name: String, _ value: JSONValue?) { lines[index][name] = value }

    /// Changes a member deep in a line, by its path.
    mutating func edit(_ index: Int, _ path: [String], _ change: (JSONValue) -> JSONValue) {
        func edited(_ value: JSONValue, _ path: ArraySlice<String>) -> JSONValue {
            guard let name = path.first else { return change(value) }
            switch value {
            case .object(var members):
                members[name] = edited(members[name] ?? .null, path.dropFirst())
                return .object(members)
            case .array(var items):
                if let number = Int(name), items.indices.contains(number) {
                    items[number] = edited(items[number], path.dropFirst())
                }
                return .array(items)
            default: return value
            }
        }
        if case .object(let members) = edited(.object(lines[index]), path[...]) { lines[index] = members }
    }

    /// The rehearsal as if it had been live: its people on a roster of their own, the other tag in every signature.
    func live() throws -> TranscriptForge {
        var forged = self
        forged.set(0, "rehearsal", false)
        forged.set(0, "origin", "devices.example.com/vectors")
        forged.set(
            0, "after",
            [
                "ceremony": lines[0]["ceremony"] ?? "", "head": .string(String(repeating: "ab", count: 32)),
                "scriptDigest": lines[0]["script"]?["digest"] ?? "", "differences": ["origin: another"],
            ])
        forged.set(0, "rosters", [try roster().document])
        return forged
    }

    /// A roster of the participants, signed by all.
    func roster(signedBy names: [String]? = nil, origin: String = "devices.example.com/vectors") throws
        -> Roster
    {
        var members: [Roster.Member] = []
        for person in lines[0]["participants"]?.items ?? [] {
            let name = person["name"]?.text ?? ""
            let keys = try credential(name)
            let roles = (person["roles"]?.items ?? []).compactMap {
                $0.text.flatMap(CeremonyRole.init(rawValue:))
            }
            members.append(
                Roster.Member(
                    name: name, roles: roles, signingKey: keys.signingKey, shareKey: keys.shareKey,
                    tokenSerial: "0000000000000001", tokenLabel: "vector"))
        }
        let conflicts = (lines[0]["conflicts"]?.items ?? []).map { pair in
            (pair.items ?? []).compactMap { $0.text.flatMap(CeremonyRole.init(rawValue:)) }
        }
        let roster = Roster(
            version: 1, origin: origin, rehearsal: false, previous: nil, members: members,
            conflicts: conflicts, quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
        let signatures = try (names ?? members.map(\.name)).map {
            Roster.Signature(name: $0, signature: try credential($0).signature(over: roster.signedBytes))
        }
        return roster.signed(by: signatures)
    }
}
