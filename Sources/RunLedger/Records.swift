import Foundation

/// How far a run is.
public enum RunState: String, Sendable, Codable {
    /// In the ledger; its `open-run` entry may or may not be in a published checkpoint yet.
    case opening
    /// Its `open-run` entry is published: devices may be signed.
    case open
    /// All rows are made; its `seal` may or may not be published yet.
    case sealing
    /// Its `seal` is published; nothing of it changes any more.
    case sealed
}

/// What a run is started with.
public struct NewRun: Sendable {
    public var id: String
    public var product: String
    public var manifestDigest: [UInt8]
    public var authorisationDigest: [UInt8]
    public var templateDigest: [UInt8]
    /// The certificates' `notBefore`, seconds UTC; part of the run so that a resumed one makes the same.
    public var notBefore: Int64
    public var quantity: Int
    /// How many reservations beyond the quantity the approvers allow for losses.
    public var spoilage: Int
    /// The log's size before the run's `open-run` entry, which is that entry's index.
    public var openIndex: UInt64
    public var openedAt: Int64

    public init(
        id: String, product: String, manifestDigest: [UInt8], authorisationDigest: [UInt8],
        templateDigest: [UInt8], notBefore: Int64, quantity: Int, spoilage: Int, openIndex: UInt64,
        openedAt: Int64
    ) {
        self.id = id
        self.product = product
        self.manifestDigest = manifestDigest
        self.authorisationDigest = authorisationDigest
        self.templateDigest = templateDigest
        self.notBefore = notBefore
        self.quantity = quantity
        self.spoilage = spoilage
        self.openIndex = openIndex
        self.openedAt = openedAt
    }
}

/// A run as the ledger holds it.
///
/// `reserved = released + scrapped + burned + outstanding`, always.
public struct RunRecord: Sendable {
    public let number: Int64
    public let run: NewRun
    public let state: RunState
    public let reserved: Int
    public let released: Int
    public let scrapped: Int
    public let burned: Int
    public let sealedAt: Int64?

    /// Reserved, and neither recorded nor given up yet.
    public var outstanding: Int { reserved - released - scrapped - burned }
    /// How many more certificates the authorisation allows.
    public var remainingAllowance: Int { run.quantity + run.spoilage - reserved }
}

/// A made device, as it goes into the ledger.
public struct LedgerDevice: Sendable {
    /// The row in the manifest's list, from 0.
    public var row: Int
    public var serial: String
    /// The certificate's serial number, 20 octets.
    public var certificateSerialNumber: [UInt8]
    public var publicKeyDigest: [UInt8]
    public var certificateDigest: [UInt8]
    /// The certificate in DER.
    public var certificate: [UInt8]

    public init(
        row: Int, serial: String, certificateSerialNumber: [UInt8], publicKeyDigest: [UInt8],
        certificateDigest: [UInt8], certificate: [UInt8]
    ) {
        self.row = row
        self.serial = serial
        self.certificateSerialNumber = certificateSerialNumber
        self.publicKeyDigest = publicKeyDigest
        self.certificateDigest = certificateDigest
        self.certificate = certificate
    }
}

/// What became of a device that was made.
public enum DeviceState: Sendable, Equatable {
    case released
    /// Withdrawn at `at` (seconds UTC); its serial may be made anew.
    case scrapped(reason: String, at: Int64)
}

/// A device as the ledger holds it.
public struct DeviceRecord: Sendable {
    public let run: String
    public let product: String
    /// The number of its chunk: a later chunk was recorded later.
    public let chunk: Int64
    /// Its place in the chunk, from 0.
    public let position: Int
    public let state: DeviceState
    public let device: LedgerDevice
}

/// How large a ledger is.
public struct LedgerSize: Sendable {
    public let devices: Int
    public let chunks: Int
    /// The database and its write-ahead log, octets.
    public let ledgerOctets: Int
    /// The fingerprints' file, octets, with room for the runs that are open.
    public let fingerprintOctets: Int
}

/// Consecutive rows, with a certificate serial number each, committed before anything of them is signed.
public struct Reservation: Sendable {
    public let firstRow: Int
    public let certificateSerialNumbers: [[UInt8]]

    public init(firstRow: Int, certificateSerialNumbers: [[UInt8]]) {
        self.firstRow = firstRow
        self.certificateSerialNumbers = certificateSerialNumbers
    }
}
