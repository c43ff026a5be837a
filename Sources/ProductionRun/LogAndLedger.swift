import Allowlist
import AllowlistPublication
import RunLedger
import Sites
import TransparencyLog

/// Holds a site's log against its ledger: each must know the other's latest run.
struct LogAndLedger {
    let site: Site
    let ledger: any Ledger

    func requireAgreement(_ writer: BundleWriter) throws {
        try requireLedgerKnows(writer)
        guard let sealed = try ledger.runs().last(where: { $0.state == .sealed }) else { return }
        try requireOpened(sealed, in: writer)
        var index = writer.published?.size ?? 0
        while index > sealed.run.openIndex {
            index -= 1
            if case .seal(let seal) = try writer.entry(at: index), seal.run == sealed.run.id { return }
        }
        throw logIsOlder(sealed)
    }

    /// Throws where the log's latest run is none of the ledger's: a ledger that was lost or put back to an older
    /// copy would make the same serials again.
    private func requireLedgerKnows(_ writer: BundleWriter) throws {
        var index = writer.published?.size ?? 0
        while index > 0 {
            index -= 1
            let id: String
            let entry = try writer.entry(at: index)
            switch entry {
            case .openRun(let opening): id = opening.run
            case .seal(let seal): id = seal.run
            default: continue
            }
            if try ledger.run(id) != nil { return }
            throw LedgerError(
                .corrupt, site.ledger, "the log has run \(id), and the ledger does not know it",
                hint: "Do not start runs. Restore the ledger from a backup and compare it with the log.")
        }
    }

    /// Throws unless the published log has the run's `open-run` where the ledger says.
    func requireOpened(_ record: RunRecord, in writer: BundleWriter) throws {
        guard record.run.openIndex < writer.published?.size ?? 0,
            case .openRun(let opening) = try writer.entry(at: record.run.openIndex),
            opening.run == record.run.id, opening.authorisation.bytes == record.run.authorisationDigest
        else { throw logIsOlder(record) }
    }

    private func logIsOlder(_ record: RunRecord) -> RunError {
        RunError(
            .inconsistent, site.log, "the ledger has run \(record.run.id), and this log does not",
            hint: "The log was lost or restored from an older copy. Restore the newest, and find out why.")
    }
}
