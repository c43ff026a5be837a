import Allowlist
import Certificates
import Foundation
import Sites
import TokenKeys
import TransparencyLog

/// The site's log as it is published, for reading.
struct PublishedLog {
    let pins: Pins
    let folder: String
    /// nil before the first checkpoint.
    let checkpoint: Checkpoint?

    init(_ site: Site) throws {
        let key = try site.logKey()
        pins = try Pins(origin: site.origin, logKeySPKI: key.publicKeyInfo(), allowRehearsal: true)
        folder = site.log
        let isPublished = FileManager.default.fileExists(atPath: folder + "/" + SignedHead.notePath)
        checkpoint =
            isPublished ? try SignedHead(in: BundleFolder(folder), pins: pins).checkpoint : nil
    }

    /// Throws unless the published log extends the one of `size` entries and this root.
    func requireExtends(size: UInt64, root: [UInt8], path: String) throws {
        let now = checkpoint?.size ?? 0
        let refusal = RunError(
            .authorisationRefused, path, "it cites a state of the log that this log does not extend",
            hint: "The log here is older than, or another than, the one that the approvers saw. Find out why."
        )
        guard size <= now else { throw refusal }
        if size == 0 {
            guard root == MerkleTree.emptyRoot.bytes else { throw refusal }
            return
        }
        var tree = TiledTree(
            size: now, source: EntryFiles(in: BundleFolder(folder), treeSize: now))
        guard try tree.root(from: 0, to: size).bytes == root else { throw refusal }
    }
}

extension PublishedKey {
    /// The SubjectPublicKeyInfo of the key's certificate, in DER.
    func publicKeyInfo() throws(CertificatesError) -> [UInt8] {
        try ReceivedCertificate(der: certificate).subjectPublicKeyInfo
    }
}
