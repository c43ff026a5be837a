/// A device that is to be scrapped.
public struct ScrapOrder: Hashable, Sendable {
    public var serial: String
    public var product: String
    /// The operator's words.
    public var reason: String
    public var revocation: ScrapRevocation
    /// Seconds UTC.
    public var at: Int64

    public init(serial: String, product: String, reason: String, revocation: ScrapRevocation, at: Int64) {
        self.serial = serial
        self.product = product
        self.reason = reason
        self.revocation = revocation
        self.at = at
    }
}

/// Why a scrapped device's certificate is revoked: the CRLReason of RFC 5280 §5.3.1 that log and list give.
///
/// Decided when the device is scrapped, since an entry of a revocation list never changes.
public enum ScrapRevocation: Int, Sendable, CaseIterable {
    /// Somebody else may have the key.
    case keyCompromise = 1
    /// Another device takes its place under the same serial.
    case superseded = 4
    /// The device is no more.
    case cessationOfOperation = 5
}

/// A scrapped device, with what the log is told of it.
public struct ScrappedDevice: Sendable {
    public let record: DeviceRecord
    public let reason: String
    /// Seconds UTC.
    public let at: Int64
    public let revocation: ScrapRevocation
    /// The size of a published log that has its entries; 0 where none is known.
    public let publishedSize: UInt64
}

/// Scrapped devices, and how far the log knows of them.
public protocol ScrapLedger: Sendable {
    /// Scraps released devices, all of them or none, and answers them in the same order.
    ///
    /// Throws `deviceUnknown` where no device has a serial, and `wrongState` where one was scrapped before.
    @discardableResult
    func scrap(_ orders: [ScrapOrder]) throws(LedgerError) -> [ScrappedDevice]

    /// A run's scrapped devices, in the order in which they were recorded.
    func scraps(run: String) throws(LedgerError) -> [ScrappedDevice]

    /// The scrapped devices of sealed runs that the log is not known to have, in the order of recording.
    func unpublishedScraps() throws(LedgerError) -> [ScrappedDevice]

    /// Remembers that the published log of this size has these.
    func markPublished(_ scraps: [ScrappedDevice], logSize: UInt64) throws(LedgerError)

    /// The largest log that `markPublished` was told of: a smaller one lacks what was published; 0 before the first.
    func publishedScrapSize() throws(LedgerError) -> UInt64

    /// The serials of the product of which a device was ever scrapped, in ascending order.
    func scrappedSerials(product: String) throws(LedgerError) -> [String]

    /// How many devices of its run were recorded before this one, which is its place among the run's `add` entries.
    func place(of device: DeviceRecord) throws(LedgerError) -> Int
}
