/// A bundle that was verified in full, ready for questions.
///
/// The reader asks the very index that was verified; entries that it reads are proven again as they are read.
public struct VerifiedBundle: Sendable {
    public let list: VerifiedList
    public let reader: BundleReader

    init(list: VerifiedList, reader: BundleReader) {
        self.list = list
        self.reader = reader
    }

    /// Verifies the bundle as `BundleVerifier.verify` does.
    public init(_ bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        self = try BundleVerifier.verify(bundle, pins: pins, workers: nil)
    }
}
