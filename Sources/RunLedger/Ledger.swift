/// The durable history of every device ever made: uniqueness and resumption live here.
///
/// Every call that changes something is durable when it returns. The embedded form is `SQLiteLedger`;
/// another implementation serves where several stations share one.
public protocol Ledger: ScrapLedger, RevocationListLedger, LogSizeLedger, Sendable {
    /// Begins a run; its name and its authorisation must both be new.
    ///
    /// Takes the disk space that the ledger needs to tell the run's devices from all others.
    func open(_ run: NewRun) throws(LedgerError)

    func advance(_ run: String, to state: RunState, at time: Int64) throws(LedgerError)

    func run(_ id: String) throws(LedgerError) -> RunRecord?

    /// All runs, in the order in which they were opened.
    func runs() throws(LedgerError) -> [RunRecord]

    /// Reserves rows, within the authorised quantity and spoilage together: rows that no device was recorded for, or
    /// rows whose devices were all scrapped, to make them anew.
    func reserve(_ reservation: Reservation, run: String) throws(LedgerError)

    /// Records the devices of one reservation, or of several that join, which are settled by it, and makes the
    /// next reservations, all in one transaction.
    ///
    /// New rows are recorded in their order, without a gap. Throws `duplicate`, and records nothing, where a
    /// certificate serial number, public key or certificate was ever recorded or a serial belongs to a released
    /// device of the product.
    func record(
        _ chunk: DeviceChunk, firstRow: Int, run: String, reservingNext: [Reservation]
    ) throws(LedgerError)

    /// Gives up the reservation that begins at `firstRow`, or all of the run's where it is nil: their
    /// certificates may exist, so their serial numbers are kept as burned. Answers how many.
    @discardableResult
    func burn(firstRow: Int?, run: String) throws(LedgerError) -> Int

    /// The first row that has neither been recorded nor is reserved.
    func nextRow(run: String) throws(LedgerError) -> Int

    /// Calls `body` with the run's chunks in the order in which they were recorded: each with its first row and the
    /// positions, ascending, of the devices that were scrapped.
    func forEachChunk(
        run: String, _ body: (_ firstRow: Int, _ chunk: DeviceChunk, _ scrapped: [Int]) throws -> Void
    ) throws

    /// The certificate serial numbers of the run's burned rows, in the order in which they were given up.
    func burned(run: String) throws(LedgerError) -> [[UInt8]]

    /// Which of these serials the product has released already, each with the run that made it.
    func known(_ serials: [String], product: String) throws(LedgerError) -> [String: String]

    /// Which of these public keys, by the SHA-256 of their subjectPublicKeyInfo, a device was ever recorded with, each
    /// with its run.
    func certified(publicKeyDigests: [[UInt8]]) throws(LedgerError) -> [[UInt8]: String]

    /// Every device ever made with this serial, of one product or of any, oldest first.
    func devices(serial: String, product: String?) throws(LedgerError) -> [DeviceRecord]

    /// Moves the released device with this serial to the scrapped ones, which frees its serial; answers it.
    ///
    /// Throws `deviceUnknown` where there is none, and `wrongState` where it was scrapped before.
    @discardableResult
    func scrap(
        serial: String, product: String, reason: String, at time: Int64
    ) throws(LedgerError) -> DeviceRecord
}
