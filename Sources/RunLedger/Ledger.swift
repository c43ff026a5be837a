/// The durable history of every device ever made: uniqueness and resumption live here.
///
/// Every call that changes something is durable when it returns. The embedded form is `SQLiteLedger`;
/// another implementation serves where several stations share one.
public protocol Ledger: Sendable {
    /// Begins a run; its name and its authorisation must both be new.
    func open(_ run: NewRun) throws(LedgerError)

    func advance(_ run: String, to state: RunState, at time: Int64) throws(LedgerError)

    func run(_ id: String) throws(LedgerError) -> RunRecord?

    /// All runs, in the order in which they were opened.
    func runs() throws(LedgerError) -> [RunRecord]

    /// Reserves rows, within the authorised quantity and spoilage together.
    func reserve(_ reservation: Reservation, run: String) throws(LedgerError)

    /// Records the devices of one reservation, which is settled by it, and makes the next reservation
    /// where one is given, all in one transaction.
    func record(
        _ devices: [LedgerDevice], run: String, reservingNext: Reservation?
    ) throws(LedgerError)

    /// Gives up the reservation that begins at `firstRow`, or all of the run's where it is nil: their
    /// certificates may exist, so their serial numbers are kept as burned. Answers how many.
    @discardableResult
    func burn(firstRow: Int?, run: String) throws(LedgerError) -> Int

    /// The first row that has neither been recorded nor is reserved.
    func nextRow(run: String) throws(LedgerError) -> Int

    /// Calls `body` with the run's released devices, in the order in which they were recorded, in batches.
    func forEachReleased(run: String, _ body: ([LedgerDevice]) throws -> Void) throws

    /// The certificate serial numbers of the run's burned rows, in the order in which they were given up.
    func burned(run: String) throws(LedgerError) -> [[UInt8]]

    /// Which of these serials the product has already, each with the run that made it.
    func known(_ serials: [String], product: String) throws(LedgerError) -> [String: String]
}
