import Allowlist
import TransparencyLog

extension BundleWriter {
    /// Rotations of the log's key that are published.
    public var rotationCount: Int {
        var count = 0
        while bundle.folder.exists(RotationMessage.path(count + 1)) { count += 1 }
        return count
    }

    /// Hands the log over to another key: appends the `rotate-signer` entry and publishes it, with the message that
    /// the recovery quorum signed, under a checkpoint of the new key. From then on the new key signs.
    ///
    /// A planned rotation's checkpoint carries the old key's signature as well: `signOld` makes it, and is nil in an
    /// emergency. Nothing may have been appended since the last publication. Who signed `message` and what it says is
    /// the caller's concern and every verifier's. Whatever the closures throw is thrown on, and the published bundle
    /// stays as it was.
    @discardableResult
    public func publishRotation(
        _ rotation: AllowlistEntry.RotateSigner, message: [UInt8], extraFiles: [ExtraFile] = [],
        signOld: (([UInt8]) throws -> [UInt8])?, signNew: ([UInt8]) throws -> [UInt8],
        signText: ([UInt8]) throws -> [UInt8]
    ) throws -> PublicationReport {
        let next = try Pins(origin: origin, logKeySPKI: rotation.newKey, allowRehearsal: true)
        let present = pins.logKey
        guard let published, size == published.size else {
            throw AllowlistError(.publication, "a rotation is published alone, after an earlier checkpoint")
        }
        guard rotation.oldKey == present.spki, rotation.isEmergency == (signOld == nil),
            rotation.authorisation == Digest32.sha256(message), rotation.trustedSize <= published.size,
            !rotation.isEmergency || rotation.trustedSize == published.size
        else {
            throw AllowlistError(.rotation, "the rotation does not fit the log's key, size or message")
        }
        let number = rotationCount + 1
        try begin()
        _ = try appendChecked(.rotateSigner(rotation))
        try begin()
        let report = try publish(
            extraFiles: extraFiles, signer: next.logKey,
            rotation: CheckpointStaging.Rotation(number: number, message: message),
            signNote: { text in
                var lines = [try self.signature(over: text, by: next.logKey, signNew)]
                if let signOld { lines.append(try self.signature(over: text, by: present, signOld)) }
                return lines
            }, signText: signText)
        setPins(next)
        return report
    }
}
