import CanonicalJSON
import SignedStatements

extension FuzzTarget {
    /// `JSONValue(canonical:)`: one spelling, and no depth or number that a reader chokes on.
    static let json = FuzzTarget(
        "json", maximumLength: 500,
        seeds: [
            #"{"a":[1,-2,true,null],"b":{"c":"\u0001ä\"\\"},"é":9007199254740991}"#, "[]", "-0", "1e2",
            "{\"a\":1,\"a\":2}",
            String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
        ].map { Array($0.utf8) }
    ) { (input) throws(BrokenProperty) in
        guard let value = JSONValue(canonical: input) else { return .refused("") }
        try hold(value.canonical == input, "a value has two canonical forms")
        return .accepted
    }

    /// `ApprovedMessage(der:)`: a message is written again octet for octet.
    static let approvedMessage = FuzzTarget(
        "approved-message", maximumLength: 1200, seeds: SampleStatements.messages
    ) { (input) throws(BrokenProperty) in
        let message: ApprovedMessage
        do throws(StatementError) {
            message = try ApprovedMessage(der: input)
        } catch {
            try hold(error.code == .messageMalformed, "a message is refused as \(error.code)")
            return .refused("")
        }
        try hold((try? message.der()) == input, "a message is not written again as it was read")
        for signer in message.signers {
            let isValid = signer.isValid(over: message.content, key: SampleNote.spki)
            // Other signatures by the sample key may come out of an earlier run's corpus.
            try hold(
                !isValid || message.content == SampleStatements.content,
                "a statement verifies that nobody signed")
        }
        return .accepted
    }

    /// The statements of an authorisation and of a standing one.
    static let statement = FuzzTarget(
        "statement", maximumLength: 1200, seeds: SampleStatements.statements
    ) { (input) throws(BrokenProperty) in
        var isAccepted = false
        if let statement = try? AuthorisationStatement.decode(input) {
            isAccepted = true
            try hold((try? statement.encode()) == input, "an authorisation has two forms")
        }
        if let statement = try? StandingStatement.decode(input) {
            try hold(!isAccepted, "one statement is read as two")
            isAccepted = true
            try hold((try? statement.encode()) == input, "a standing authorisation has two forms")
        }
        return isAccepted ? .accepted : .refused("")
    }

    /// `Roster(fileBytes:)`, its rules and its signatures.
    static let roster = FuzzTarget(
        "roster", maximumLength: 2500, casesInTests: 2000, seeds: [SampleStatements.roster.fileBytes]
    ) { (input) throws(BrokenProperty) in
        let roster: Roster
        do throws(StatementError) {
            roster = try Roster(fileBytes: input)
        } catch {
            return .refused(error.message)
        }
        try hold(roster.fileBytes == input, "a roster has two forms")
        do throws(StatementError) {
            try roster.verifyFirst()
        } catch {
            return .refused(error.code.rawValue)
        }
        return .accepted
    }

    /// `StrictSignature`: one DER for a signature, which verifies as what it was made from.
    static let strictSignature = FuzzTarget(
        "strict-signature", maximumLength: 110, seeds: [SampleStatements.signature]
    ) { (input) throws(BrokenProperty) in
        var isAccepted = false
        for curve in [StrictSignature.Curve.p256, .p384] {
            guard let strict = StrictSignature.der(input, curve: curve) else { continue }
            isAccepted = true
            try hold(StrictSignature.der(strict, curve: curve) == strict, "the strict form has a strict form")
        }
        let isValid = StrictSignature.isValid(input, over: SampleStatements.content, key: SampleNote.spki)
        try hold(!isValid || StrictSignature.der(input) == input, "another form than the strict one verifies")
        return isAccepted ? .accepted : .refused("")
    }
}
