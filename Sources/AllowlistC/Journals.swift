import Allowlist
import CAllowlist
import Synchronization
import TransparencyLog

// The functions of rootline_allowlist.h, which documents them.

@_cdecl("rootline_allowlist_journal_open")
public func openJournal(
    _ path: UnsafePointer<CChar>?, _ pins: UnsafePointer<rootline_allowlist_pins>?,
    _ journal: UnsafeMutablePointer<UInt64>?, _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    journal?.pointee = 0
    return answering(message, messageSize) { () throws(CallFailure) in
        guard let journal else { throw .invalid("journal is NULL") }
        let path = try text(path, "path")
        let (pins, _) = try readPins(pins)
        do throws(JournalError) {
            journal.pointee = OpenJournals.table.insert(try DecisionJournal.open(path, pins: pins))
        } catch {
            throw CallFailure(error)
        }
        return StatusCode.ok
    }
}

@_cdecl("rootline_allowlist_journal_close")
public func closeJournal(_ journal: UInt64) {
    OpenJournals.table.remove(journal)
}

@_cdecl("rootline_allowlist_journal_advance")
public func advanceJournal(
    _ journal: UInt64, _ handle: UInt64, _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        let journal = try OpenJournals.journal(journal)
        let list = try OpenLists.list(handle)
        do {
            if let verified = list.verified {
                try journal.advance(to: verified, of: list.source, pins: list.pins)
            } else {
                try journal.advance(to: list.reader)
            }
        } catch let error as AllowlistError {
            throw CallFailure(error)
        } catch let error as JournalError {
            throw CallFailure(error)
        } catch {
            throw CallFailure(StatusCode.other, "\(error)")
        }
        return StatusCode.ok
    }
}

/// The open journals by their numbers.
enum OpenJournals {
    static let table = HandleTable<DecisionJournal>()

    static func journal(_ handle: UInt64) throws(CallFailure) -> DecisionJournal {
        guard let journal = table[handle] else {
            throw CallFailure(StatusCode.closed, "\(handle) is not the handle of an open journal")
        }
        return journal
    }
}

extension CallFailure {
    init(_ error: JournalError) {
        self.init(
            StatusCode.number(of: error.code.rawValue),
            error.description + (error.hint.map { "\n\($0)" } ?? ""))
    }
}
