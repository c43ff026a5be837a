import CanonicalJSON
import Crypto
import Foundation

/// Who may take part, with which keys, and how many it takes: one version of a site's roster, signed.
///
/// Its form and rules are those of the transcript's specification, "Rosters".
public struct Roster: Sendable, Hashable {
    /// Somebody on the roster.
    public struct Member: Sendable, Hashable {
        public let name: String
        public let roles: [CeremonyRole]
        /// SubjectPublicKeyInfo in DER, on P-256: for sign-offs, approvals and rosters.
        public let signingKey: [UInt8]
        /// SubjectPublicKeyInfo in DER, on P-256: shares are encrypted to it.
        public let shareKey: [UInt8]
        public let tokenSerial: String
        public let tokenLabel: String

        public init(
            name: String, roles: [CeremonyRole], signingKey: [UInt8], shareKey: [UInt8], tokenSerial: String,
            tokenLabel: String
        ) {
            self.name = name
            self.roles = roles
            self.signingKey = signingKey
            self.shareKey = shareKey
            self.tokenSerial = tokenSerial
            self.tokenLabel = tokenLabel
        }
    }

    /// How many members it takes.
    public struct Quorums: Sendable, Hashable {
        /// For the next version of the roster.
        public let roster: Int
        /// For the approval of a run.
        public let approval: Int
        /// For the recovery of a log key.
        public let recovery: Int

        public init(roster: Int, approval: Int, recovery: Int) {
            self.roster = roster
            self.approval = approval
            self.recovery = recovery
        }
    }

    public struct Signature: Sendable, Hashable {
        public let name: String
        /// In the form of ``StrictSignature``.
        public let signature: [UInt8]

        public init(name: String, signature: [UInt8]) {
            self.name = name
            self.signature = signature
        }
    }

    /// From 1.
    public let version: Int
    public let origin: String
    public let isRehearsal: Bool
    /// The digest of the version before, in hexadecimal; nil in version 1.
    public let previous: String?
    public let members: [Member]
    /// Pairs of roles that no one person may hold.
    public let conflicts: [[CeremonyRole]]
    public let quorums: Quorums
    public private(set) var signatures: [Signature]

    public init(
        version: Int, origin: String, rehearsal: Bool, previous: String?, members: [Member],
        conflicts: [[CeremonyRole]], quorums: Quorums, signatures: [Signature] = []
    ) {
        self.version = version
        self.origin = origin
        isRehearsal = rehearsal
        self.previous = previous
        self.members = members
        self.conflicts = conflicts
        self.quorums = quorums
        self.signatures = signatures
    }

    public func member(_ name: String) -> Member? { members.first { $0.name == name } }

    public func signed(by signatures: [Signature]) -> Roster {
        var copy = self
        copy.signatures = signatures
        return copy
    }

    /// The SHA-256 of the document in canonical form, in hexadecimal: what is read aloud and pinned.
    public var digest: String {
        SHA256.hash(data: document.canonical).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What each signer signs: the tag, then the statement in canonical form.
    public var signedBytes: [UInt8] {
        let tag = isRehearsal ? "rootline/rehearsal-roster/v1\n" : "rootline/roster/v1\n"
        return Array(tag.utf8) + statement.canonical
    }
}

// MARK: Form

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
    package init(_ document: JSONValue, subject: String) throws(RosterError) {
        func malformed(_ what: String) -> RosterError {
            RosterError(.malformed, subject, "\(what) is missing or malformed")
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
            throw RosterError(.malformed, subject, "has members that a roster has not, or lacks some")
        }
    }

    /// Reads a roster's file: the document in canonical form and nothing else, so that `sha256sum` gives its digest.
    public static func read(path: String) throws(RosterError) -> Roster {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RosterError(.unreadable, path, "no such roster")
        }
        guard let document = JSONValue(canonical: data) else {
            throw RosterError(.malformed, path, "is no JSON document in canonical form (RFC 8785)")
        }
        return try Roster(document, subject: path)
    }

    public var fileBytes: [UInt8] { document.canonical }
}

// MARK: Rules

extension Roster {
    /// Throws unless names and keys are unique, roles without conflict, and quorums can be met.
    public func validate(subject: String) throws(RosterError) {
        func refuse(_ message: String) -> RosterError { RosterError(.malformed, subject, message) }
        guard !members.isEmpty, Set(members.map(\.name)).count == members.count else {
            throw refuse("members' names are not unique")
        }
        guard Set(members.flatMap { [$0.signingKey, $0.shareKey] }).count == 2 * members.count else {
            throw refuse("two members, or two uses, have one key")
        }
        for member in members {
            guard !member.roles.isEmpty, Set(member.roles).count == member.roles.count else {
                throw refuse("\(member.name) has no role, or one twice")
            }
            guard (try? P256.Signing.PublicKey(derRepresentation: member.signingKey)) != nil,
                (try? P256.KeyAgreement.PublicKey(derRepresentation: member.shareKey)) != nil
            else { throw refuse("a key of \(member.name) is not on P-256") }
            for pair in conflicts where Set(pair).isSubset(of: member.roles) {
                throw refuse(
                    "\(member.name) holds \(pair.map(\.rawValue).joined(separator: " and ")), which conflict")
            }
        }
        guard conflicts.allSatisfy({ $0.count == 2 && $0[0] != $0[1] }) else {
            throw refuse("a conflict is between two roles")
        }
        for needed in [quorums.roster, quorums.approval, quorums.recovery]
        where needed < 1 || needed > members.count {
            throw refuse("a quorum of \(needed) among \(members.count) members")
        }
    }

    /// Throws unless this is a first version that every member has signed, an external witness among them.
    public func verifyFirst(subject: String) throws(RosterError) {
        try validate(subject: subject)
        guard version == 1, previous == nil else {
            throw RosterError(.descent, subject, "is version \(version), where the first is expected")
        }
        guard members.contains(where: { $0.roles.contains(.externalWitness) }) else {
            throw RosterError(.signatures, subject, "no member is an external witness")
        }
        try requireSignatures(of: members, subject: subject)
        try requireNoOtherSignatures([members], subject: subject)
    }

    /// Throws unless this is the version after `other`, signed by a quorum of it and by whoever is new.
    public func verify(after other: Roster, subject: String) throws(RosterError) {
        try validate(subject: subject)
        guard version == other.version + 1, previous == other.digest, origin == other.origin,
            isRehearsal == other.isRehearsal
        else {
            throw RosterError(.descent, subject, "does not descend from version \(other.version)")
        }
        let new = members.filter { member in
            other.member(member.name)?.signingKey != member.signingKey
        }
        try requireSignatures(of: new, subject: subject)
        let old = other.members.filter { member in
            signatures.contains {
                $0.name == member.name
                    && StrictSignature.isValid($0.signature, over: signedBytes, key: member.signingKey)
            }
        }
        guard old.count >= other.quorums.roster else {
            throw RosterError(
                .signatures, subject,
                "\(old.count) members of version \(other.version) signed it; \(other.quorums.roster) are needed"
            )
        }
        try requireNoOtherSignatures([members, other.members], subject: subject)
    }

    /// Throws where somebody signed twice, a stranger did, or a signature does not verify.
    private func requireNoOtherSignatures(_ known: [[Member]], subject: String) throws(RosterError) {
        guard Set(signatures.map(\.name)).count == signatures.count else {
            throw RosterError(.signatures, subject, "somebody signed twice")
        }
        for signature in signatures {
            let keys = known.flatMap { $0 }.filter { $0.name == signature.name }.map(\.signingKey)
            let holds = keys.contains {
                StrictSignature.isValid(signature.signature, over: signedBytes, key: $0)
            }
            guard holds else {
                throw RosterError(
                    .signatures, subject, "\(signature.name) is no member, or the signature does not verify")
            }
        }
    }

    private func requireSignatures(of members: [Member], subject: String) throws(RosterError) {
        for member in members {
            let isSigned = signatures.contains {
                $0.name == member.name
                    && StrictSignature.isValid($0.signature, over: signedBytes, key: member.signingKey)
            }
            guard isSigned else {
                throw RosterError(
                    .signatures, subject, "\(member.name)'s signature is missing or does not verify")
            }
        }
    }
}
