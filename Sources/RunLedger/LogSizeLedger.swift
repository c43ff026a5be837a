/// Remembers how far the log was published, so that one put back to an older copy is noticed.
public protocol LogSizeLedger: Sendable {
    /// The largest published log that was noted, in entries; 0 before the first.
    func notedLogSize() throws(LedgerError) -> UInt64

    /// Notes the size of the published log; a smaller one than was noted before changes nothing.
    func noteLogSize(_ size: UInt64) throws(LedgerError)
}
