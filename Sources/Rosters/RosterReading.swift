import CanonicalJSON
import Foundation
import SignedStatements

/// Rosters in files, transcripts and ceremonies: the rules are the roster's own, the errors name where it was found.
extension Roster {
    /// Reads a document; anything that this type would not write again octet for octet is refused.
    package init(_ document: JSONValue, subject: String) throws(RosterError) {
        do {
            try self.init(document: document)
        } catch {
            throw RosterError(error, subject: subject)
        }
    }

    /// Reads a roster's file: the document in canonical form and nothing else, so that `sha256sum` gives its digest.
    public static func read(path: String) throws(RosterError) -> Roster {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RosterError(.unreadable, path, "no such roster")
        }
        do {
            return try Roster(fileBytes: data)
        } catch {
            throw RosterError(error, subject: path)
        }
    }

    /// Throws unless names and keys are unique, roles without conflict, and quorums can be met.
    public func validate(subject: String) throws(RosterError) {
        do {
            try validate()
        } catch {
            throw RosterError(error, subject: subject)
        }
    }

    /// Throws unless this is a first version that every member has signed, an external witness among them.
    public func verifyFirst(subject: String) throws(RosterError) {
        do {
            try verifyFirst()
        } catch {
            throw RosterError(error, subject: subject)
        }
    }

    /// Throws unless this is the version after `other`, signed by a quorum of it and by whoever is new.
    public func verify(after other: Roster, subject: String) throws(RosterError) {
        do {
            try verify(after: other)
        } catch {
            throw RosterError(error, subject: subject)
        }
    }
}

extension RosterError {
    /// The refusal of the roster that `subject` names.
    init(_ error: StatementError, subject: String) {
        let code: Code
        switch error.code {
        case .rosterSignatures: code = .signatures
        case .rosterDescent: code = .descent
        default: code = .malformed
        }
        self.init(code, subject, error.message)
    }
}
