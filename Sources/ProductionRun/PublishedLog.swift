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
        let pins = try Pins(origin: site.origin, logKeySPKI: key.publicKeyInfo(), allowRehearsal: true)
        self.pins = pins
        folder = site.log
        // The note alone: where a publication was cut short, the files beside it are a step ahead until the next writer
        // completes it, and nothing here rests on them.
        let note = FileManager.default.contents(atPath: folder + "/" + SignedHead.notePath)
        checkpoint = try note.map { try SignedHead(note: Array($0), pins: pins).checkpoint }
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
