import GRDB

extension SQLiteLedger {
    /// Every error of SQLite or GRDB as this library's own.
    static func translated(_ error: any Error, _ subject: String) -> LedgerError {
        if let error = error as? LedgerError { return error }
        let restore = "Do not start runs. Restore the ledger from a backup and compare it with the log."
        if let damage = error as? LedgerDamage {
            return LedgerError(.corrupt, subject, damage.message, hint: restore)
        }
        if error is RowDecodingError {
            return LedgerError(.corrupt, subject, "a value is of another kind than its column", hint: restore)
        }
        guard let error = error as? DatabaseError else { return LedgerError(.io, subject, "\(error)") }
        let message = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL:
            return LedgerError(
                .diskFull, subject, "no space left", hint: "Free some space, then `rootline run resume`.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return LedgerError(.corrupt, subject, message, hint: restore)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return LedgerError(
                .cannotOpen, subject, "another process keeps it locked", hint: "Try again when it has ended.")
        case .SQLITE_CANTOPEN, .SQLITE_READONLY:
            return LedgerError(
                .io, subject, message, hint: "Is the site's folder writable, and the ledger a file?")
        case .SQLITE_IOERR:
            return LedgerError(
                .io, subject, message,
                hint:
                    "Is the disk full, or failing? What was recorded is whole; mend it, then `rootline run resume`."
            )
        case .SQLITE_CONSTRAINT:
            return LedgerError(.duplicate, subject, message)
        case .SQLITE_ERROR where message.hasPrefix("no such table"):
            return LedgerError(
                .corrupt, subject, "\(message): this is no ledger, or not a whole one", hint: restore)
        default:
            return LedgerError(.io, subject, message)
        }
    }
}
