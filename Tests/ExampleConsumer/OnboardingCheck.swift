import Allowlist
import TransparencyLog

// begin: README
/// Decides whether a device may join. Make one when a list has arrived, and share it between threads.
struct OnboardingCheck {
    let list: BundleReader

    /// Opens the list in a folder or a .tar, once it was verified whole: signature, entries, quantities, index.
    init(list path: String, origin: String, logKeyPEM: String) throws {
        let bundle = try openBundle(path)
        let pins = try Pins(origin: origin, logKeyPEM: logKeyPEM)
        _ = try BundleVerifier.verify(bundle, pins: pins)
        list = try BundleReader(in: bundle, pins: pins)
    }

    /// Nil where the device with this serial and this key may join, else why it may not.
    func refusal(serial: String, publicKey spki: [UInt8]) throws -> String? {
        let answer = try list.lookup(serial: serial, key: Digest32.sha256(spki))
        guard answer.status == .listed else { return answer.reason ?? answer.status.rawValue }
        return answer.serialChecked ? nil : "a list of hashed serials needs its serial key"
    }
}
// end: README
