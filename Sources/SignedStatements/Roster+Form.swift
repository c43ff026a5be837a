import CanonicalJSON
import Foundation

extension Roster {
    package var statement: JSONValue {
        [
            "version": .integer(version), "origin": .string(origin), "rehearsal": .bool(isRehearsal),
            "previous": previous.map { .string($0) } ?? .null,
            "members": .array(
                members.map {
                    [
                        "name": .string($0.name), "roles": .array($0.roles.map { .string($0.rawValue) }),
                        "signingKey": .string(Data($0.signingKey).base64EncodedString()),
                        "shareKey": .string(Data($0.shareKey).base64EncodedString()),
                        "token": ["serial": .string($0.tokenSerial), "tokenLabel": .string($0.tokenLabel)],
                    ]
                }),
            "conflicts": .array(conflicts.map { .array($0.map { .string($0.rawValue) }) }),
            "quorums": [
                "roster": .integer(quorums.roster), "approval": .integer(quorums.approval),
                "recovery": .integer(quorums.recovery),
            ],
        ]
    }

    package var document: JSONValue {
        [
            "statement": statement,
            "signatures": .array(
                signatures.map {
                    [
                        "name": .string($0.name),
                        "signature": .string(Data($0.signature).base64EncodedString()),
                    ]
                }),
        ]
    }

    /// Reads a document; anything that this type would not write again octet for octet is refused.
    package init(document: JSONValue) throws(StatementError) {
        func malformed(_ what: String) -> StatementError {
            StatementError(.rosterMalformed, "roster", "\(what) is missing or malformed")
        }
        func octets(_ value: JSONValue?) -> [UInt8]? {
            value?.text.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
        }
        guard let statement = document["statement"], let version = statement["version"]?.number, version >= 1,
            let origin = statement["origin"]?.text, case .bool(let rehearsal)? = statement["rehearsal"]
        else { throw malformed("the statement") }
        var members: [Member] = []
        for item in statement["members"]?.items ?? [] {
            guard let name = item["name"]?.text, let signing = octets(item["signingKey"]),
                let share = octets(item["shareKey"]), let serial = item["token"]?["serial"]?.text,
                let label = item["token"]?["tokenLabel"]?.text
            else { throw malformed("member \(members.count + 1)") }
            let roles = (item["roles"]?.items ?? []).compactMap {
                $0.text.flatMap(CeremonyRole.init(rawValue:))
            }
            members.append(
                Member(
                    name: name, roles: roles, signingKey: signing, shareKey: share, tokenSerial: serial,
                    tokenLabel: label))
        }
        let conflicts = (statement["conflicts"]?.items ?? []).map { pair in
            (pair.items ?? []).compactMap { $0.text.flatMap(CeremonyRole.init(rawValue:)) }
        }
        guard let quorums = statement["quorums"], let roster = quorums["roster"]?.number,
            let approval = quorums["approval"]?.number, let recovery = quorums["recovery"]?.number
        else { throw malformed("`quorums`") }
        var signatures: [Signature] = []
        for item in document["signatures"]?.items ?? [] {
            guard let name = item["name"]?.text, let signature = octets(item["signature"]) else {
                throw malformed("signature \(signatures.count + 1)")
            }
            signatures.append(Signature(name: name, signature: signature))
        }
        self.init(
            version: version, origin: origin, rehearsal: rehearsal, previous: statement["previous"]?.text,
            members: members, conflicts: conflicts,
            quorums: Quorums(roster: roster, approval: approval, recovery: recovery), signatures: signatures)
        guard self.document == document else {
            throw StatementError(
                .rosterMalformed, "roster", "has members that a roster has not, or lacks some")
        }
    }

    /// Reads the bytes of a roster's file: the document in canonical form and nothing else, so that `sha256sum` gives
    /// its digest.
    public init(fileBytes bytes: some Collection<UInt8>) throws(StatementError) {
        guard bytes.count <= Roster.largestFile, let document = JSONValue(canonical: bytes) else {
            throw StatementError(
                .rosterMalformed, "roster", "is no JSON document in canonical form (RFC 8785)")
        }
        try self.init(document: document)
    }

    public var fileBytes: [UInt8] { document.canonical }
}
