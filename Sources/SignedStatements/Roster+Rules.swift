import Crypto

extension Roster {
    /// Throws unless names and keys are unique, roles without conflict, and quorums can be met.
    public func validate() throws(StatementError) {
        func refuse(_ message: String) -> StatementError {
            StatementError(.rosterMalformed, "roster", message)
        }
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
    public func verifyFirst() throws(StatementError) {
        try validate()
        guard version == 1, previous == nil else {
            throw StatementError(
                .rosterDescent, "roster", "is version \(version), where the first is expected")
        }
        guard members.contains(where: { $0.roles.contains(.externalWitness) }) else {
            throw StatementError(.rosterSignatures, "roster", "no member is an external witness")
        }
        try requireSignatures(of: members)
        try requireNoOtherSignatures([members])
    }

    /// Throws unless this is the version after `other`, signed by a quorum of it and by whoever is new.
    public func verify(after other: Roster) throws(StatementError) {
        try validate()
        guard version == other.version + 1, previous == other.digest, origin == other.origin,
            isRehearsal == other.isRehearsal
        else {
            throw StatementError(.rosterDescent, "roster", "does not descend from version \(other.version)")
        }
        let new = members.filter { member in
            other.member(member.name)?.signingKey != member.signingKey
        }
        try requireSignatures(of: new)
        let old = other.members.filter { member in
            signatures.contains {
                $0.name == member.name
                    && StrictSignature.isValid($0.signature, over: signedBytes, key: member.signingKey)
            }
        }
        guard old.count >= other.quorums.roster else {
            throw StatementError(
                .rosterSignatures, "roster",
                "\(old.count) members of version \(other.version) signed it; \(other.quorums.roster) are needed"
            )
        }
        try requireNoOtherSignatures([members, other.members])
    }

    /// Throws where somebody signed twice, a stranger did, or a signature does not verify.
    private func requireNoOtherSignatures(_ known: [[Member]]) throws(StatementError) {
        guard Set(signatures.map(\.name)).count == signatures.count else {
            throw StatementError(.rosterSignatures, "roster", "somebody signed twice")
        }
        for signature in signatures {
            let keys = known.flatMap { $0 }.filter { $0.name == signature.name }.map(\.signingKey)
            let holds = keys.contains {
                StrictSignature.isValid(signature.signature, over: signedBytes, key: $0)
            }
            guard holds else {
                throw StatementError(
                    .rosterSignatures, "roster",
                    "\(signature.name) is no member, or the signature does not verify")
            }
        }
    }

    private func requireSignatures(of members: [Member]) throws(StatementError) {
        for member in members {
            let isSigned = signatures.contains {
                $0.name == member.name
                    && StrictSignature.isValid($0.signature, over: signedBytes, key: member.signingKey)
            }
            guard isSigned else {
                throw StatementError(
                    .rosterSignatures, "roster", "\(member.name)'s signature is missing or does not verify")
            }
        }
    }
}
