import Allowlist
import RunLedger
import Sites
import TransparencyLog

/// What the published log's seal of a run says of its packages.
public enum SealedPackages {
    /// The SHA-256 of the run's package index, proven to the signed root; nil where the seal names none.
    ///
    /// - Throws: `RunError` `inconsistent` where the log has no seal of this run.
    public static func indexDigest(of record: RunRecord, in site: Site) throws -> [UInt8]? {
        let log = try PublishedLog(site)
        guard let checkpoint = log.checkpoint else { throw missing(record, site) }
        var files = EntryFiles(in: BundleFolder(log.folder), treeSize: checkpoint.size)
        // Behind the run's `add` entries, which are all that it ever released or scrapped.
        var index = record.run.openIndex + UInt64(record.released) + UInt64(record.scrapped)
        while index + 1 < checkpoint.size {
            index += 1
            guard case .seal(let seal) = try files.entry(at: index), seal.run == record.run.id else {
                continue
            }
            guard case .seal(let proven) = try files.provenEntry(at: index, root: checkpoint.root) else {
                break
            }
            return proven.packageIndex?.bytes
        }
        throw missing(record, site)
    }

    private static func missing(_ record: RunRecord, _ site: Site) -> RunError {
        RunError(
            .inconsistent, site.log, "the ledger has the seal of run \(record.run.id), and this log does not",
            hint: "The log was lost or restored from an older copy. Restore the newest, and find out why.")
    }
}
