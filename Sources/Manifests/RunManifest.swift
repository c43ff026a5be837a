/// A production-run manifest: what one run is to make, checked for form.
///
/// `Templates/runs` has a manifest with every key explained. ``ManifestCheck`` reads one and checks it
/// with its rows.
public struct RunManifest: Hashable, Sendable {
    public enum KeyOrigin: String, Sendable, CaseIterable, Hashable {
        case token
        case device
    }

    public enum KeyType: String, Sendable, CaseIterable, Hashable {
        case ecP256 = "ec-p256"
        case ecP384 = "ec-p384"
    }

    public enum Delivery: String, Sendable, CaseIterable, Hashable {
        /// RFC 5649 under a key that only the station can open.
        case wrapped
        /// PKCS#12 under the station's passphrase, where the template allows it: keys pass through the host's memory.
        case pkcs12
        /// Nothing secret leaves: the devices have their keys.
        case certificate
    }

    /// Where the devices' serials come from.
    public enum Devices: Hashable, Sendable {
        /// The path of a CSV file (RFC 4180), resolved against the manifest's folder.
        case csv(path: String)
        /// The path of a file with one JSON object a line, resolved against the manifest's folder.
        case jsonLines(path: String)
        case range(SerialRange)
        /// The path of a folder with a certification request a device, resolved against the manifest's folder.
        case requests(folder: String)

        var path: String? {
            switch self {
            case .csv(let path), .jsonLines(let path): path
            case .range, .requests: nil
            }
        }

        var folder: String? {
            if case .requests(let folder) = self { folder } else { nil }
        }
    }

    /// The largest quantity of one run.
    public static let largestQuantity = 100_000_000

    /// The manifest's path as it was given, for messages.
    public let file: String
    /// The manifest's bytes.
    public let source: [UInt8]
    /// A name of 1 to 64 of `A-Z a-z 0-9 . _ -`, fit for a folder.
    public let run: String
    public let product: String
    /// The certificate template's name or path, for the caller to resolve.
    public let template: String
    /// The issuing CA's name or path, for the caller to resolve.
    public let issuer: String
    public let keyOrigin: KeyOrigin
    public let keyType: KeyType
    public let quantity: Int
    public let delivery: Delivery
    /// Nil where devices make their keys: there is nothing to wrap.
    public let station: StationKey?
    public let devices: Devices
    /// Nil where the devices get no registration secret.
    public let registration: Registration?
}
