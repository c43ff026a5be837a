import Allowlist
import AllowlistPublication
import Approvals
import Certificates
import Foundation
import Glibc
import Manifests
import PKCS11
import RunLedger
import RunTelemetry
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

/// What a finished run left.
public struct RunOutcome: Sendable {
    public let run: String
    public let quantity: Int
    public let released: Int
    public let burned: Int
    /// Wall-clock seconds of this call, from its first check to the published seal.
    public let seconds: Double
    /// Wall-clock seconds in which devices were made and recorded.
    public let makingSeconds: Double
    /// Devices made by this call.
    public let made: Int
    /// Peak resident memory of this process and, at most, all its workers together, in octets.
    public let peakMemory: Int
    public let folder: String
    /// The published log's entries.
    public let treeSize: UInt64
    /// Where the checkpoint with the seal is kept; nil for a run that was kept open.
    public let checkpoint: String?
    /// How the devices' private keys left the token.
    public let delivery: RunManifest.Delivery
    /// The SHA-256 of the packages' index, under which every package stands; nil for a run that was kept open.
    public let packageIndexDigest: [UInt8]?
}

/// Drives one run from its authorisation to its seal; what is interrupted anywhere, `resume` takes up.
///
/// The stages are the ledger's `RunState`: each is entered by a durable step, and can be entered again.
public final class RunDriver {
    let site: Site
    let ledger: any Ledger
    let token: OpenToken
    let pin: PIN
    let keys: LineKeys
    /// With one the log lists hashed serials.
    let serialKey: SerialKey?
    let executable: String
    let monitor: RunMonitor
    private let lock: FileLock
    private let clock = ContinuousClock()
    private let begun: ContinuousClock.Instant
    private let limits: WorkerLimits
    private var isResumed = false
    /// The station's passphrase, where the manifest delivers PKCS#12.
    public var passphrase: StationPassphrase?
    /// Something that an operator should read, such as a worker that was replaced.
    public var notice: (String) -> Void = { _ in }

    /// Opens the line's token and finds its keys; nothing is changed yet.
    ///
    /// `lock` is the site's (`lockForRun`), taken before the run was checked: what the ledger said then holds.
    /// `executable` is the program whose `worker` command serves as a worker: this one. `monitor` is told of everything
    /// that an operator wants to see; its end is the caller's to tell.
    public init(
        site: Site, lock: FileLock, ledger: any Ledger, pin source: PINSource, executable: String,
        limits: WorkerLimits, monitor: RunMonitor
    ) throws {
        begun = clock.now
        self.lock = lock
        self.site = site
        self.ledger = ledger
        self.executable = executable
        self.limits = limits
        self.monitor = monitor
        serialKey = try site.serialKey()
        let tokenName = try site.publishedKey(.issuingCA).tokenName
        pin = try site.pin(tokenName, from: source)
        token = try site.open(tokenName, pin: .known(pin))
        // A rotation of the log's key that was published and interrupted comes first: its key signs.
        try site.settleLogKey()
        keys = try LineKeys(site: site, token: token)
    }

    /// Starts a run that is checked and authorised.
    public func start(_ plan: RunPlan, ending: RunEnding = .seal) throws -> RunOutcome {
        let id = plan.manifest.run
        if try ledger.run(id) != nil {
            throw LedgerError(
                .runExists, id, "a run of this name was started before",
                hint: "`rootline run status \(id)` shows it; `rootline run resume \(id)` goes on with it.")
        }
        if let other = try ledger.runs().first(where: { $0.state != .sealed }) {
            throw RunError(
                .unfinished, other.run.id, "this run is unfinished; a line makes one run at a time",
                hint: "rootline run resume \(other.run.id)")
        }
        let authorisation = try plan.authorisation(at: Date())
        // The ledger, too, refuses a used authorisation; the token still does after the ledger was restored.
        let statement = try ApprovedMessage(der: authorisation.message).statementDigest
        guard try !RunMarker.exists(authorisation: statement, login: token.login) else {
            throw RunError(
                .authorisationRefused, plan.authorisationPath, "the token remembers that it was used before",
                hint: "Was the ledger or the log restored from an older copy? Find out before anything else.")
        }
        try requireDelivery(plan)
        try plan.requireSpace()
        let wrapping = try wrapping(for: plan)
        try plan.station?.requireEnrolled(login: token.login)
        let writer = try openLog()
        let folder = try RunFolder(site.runFolder(id), creating: true)
        try folder.keep(plan.manifest)
        let now = Int64(Date().timeIntervalSince1970)
        try ledger.open(
            NewRun(
                id: id, product: plan.manifest.product, manifestDigest: plan.rows.digest,
                authorisationDigest: authorisation.digest, templateDigest: plan.template.digest,
                notBefore: now, quantity: plan.manifest.quantity,
                spoilage: authorisation.statement.spoilage, openIndex: writer.size, openedAt: now))
        return try proceed(plan, authorisation: authorisation.message, wrapping, folder, writer, ending)
    }

    /// How the token wraps the devices' keys; nil where devices made them.
    func wrapping(for plan: RunPlan) throws -> KeyWrapping? {
        plan.station == nil ? nil : try KeyWrapping.prove(login: token.login)
    }

    /// Goes on with a run that was started and has not ended.
    public func resume(
        _ id: String, manifest path: String?, ending: RunEnding = .seal
    ) throws -> RunOutcome {
        let (plan, record, folder, authorisation) = try reopened(id, manifest: path)
        isResumed = true
        let wrapping = try wrapping(for: plan)
        let writer = try openLog()
        if record.state != .opening {
            try LogAndLedger(site: site, ledger: ledger).requireOpened(record, in: writer)
        }
        return try proceed(plan, authorisation: authorisation.message, wrapping, folder, writer, ending)
    }

    /// A run that was started and has not ended, with its manifest and its approval as they were.
    func reopened(
        _ id: String, manifest path: String?
    ) throws -> (RunPlan, RunRecord, RunFolder, RunAuthorisation) {
        guard let record = try ledger.run(id) else {
            throw LedgerError(
                .runUnknown, id, "no such run", hint: "`rootline run status` lists the runs.")
        }
        guard record.state != .sealed else {
            throw RunError(
                .wrongState, id, "the run is sealed: there is nothing to resume",
                hint: "`rootline run status \(id)` shows it.")
        }
        let folder = try RunFolder(site.runFolder(id), creating: false)
        let plan = try RunPlan(
            site: site, manifest: try path ?? folder.manifestPath(), ledger: ledger, resuming: id)
        guard plan.rows.digest == record.run.manifestDigest,
            plan.template.digest == record.run.templateDigest
        else {
            throw ManifestError(
                .changed, subject: plan.manifest.file,
                message: "manifest, list, station key or template are not those the run was started with",
                hint: "Put them back as they were approved.")
        }
        try requireDelivery(plan)
        return (plan, record, folder, try plan.authorisation(of: record))
    }

    /// Opens the log and holds it against the ledger: each must know the other's latest run.
    func openLog() throws -> BundleWriter {
        let writer = try BundleWriter(
            directory: site.log, origin: site.origin, logKeySPKI: keys.logKey.publicKeyInfo)
        try site.requireSerialForm(of: writer)
        try LogAndLedger(site: site, ledger: ledger).requireAgreement(writer)
        try requireNotedSize(of: writer)
        try publishScraps(writer)
        return writer
    }

    /// Takes the run from whatever state it is in to its seal.
    private func proceed(
        _ plan: RunPlan, authorisation: [UInt8], _ wrapping: KeyWrapping?, _ folder: RunFolder,
        _ writer: BundleWriter, _ ending: RunEnding
    ) throws -> RunOutcome {
        do {
            return try seal(plan, authorisation: authorisation, wrapping, folder, writer, ending)
        } catch let error as AllowlistError where error.code == .fileAccess {
            throw RunError(
                .io, site.log, error.description,
                hint:
                    "What was published before is untouched. Mend the cause, then: rootline run resume \(plan.manifest.run)"
            )
        }
    }

    private func seal(
        _ plan: RunPlan, authorisation: [UInt8], _ wrapping: KeyWrapping?, _ folder: RunFolder,
        _ writer: BundleWriter, _ ending: RunEnding
    ) throws -> RunOutcome {
        let id = plan.manifest.run
        let log = RunLog(
            site: site, keys: keys, plan: plan, token: token, writer: writer, serialKey: serialKey)
        var record = try self.record(id)
        begin(record, folder)
        if record.state == .opening {
            try RunMarker.leave(
                run: id, authorisation: ApprovedMessage(der: authorisation).statementDigest,
                login: token.login)
            try log.publishOpening(record, authorisation: authorisation)
            try ledger.advance(id, to: .open, at: record.run.openedAt)
            record = try self.record(id)
        }
        let makingBegun = clock.now
        let before = record.released
        var isSealPublished = false
        var shortfall: LedgerError?
        // Where the run's devices begin in the log.
        let firstAdd = writer.size
        if record.state == .open {
            try folder.describe(plan, wrapping: wrapping)
            monitor.burned(try ledger.burn(firstRow: nil, run: id))
            try PackageChunk.reconcile(folder: folder.packages, recordedRows: try ledger.nextRow(run: id))
            try ReworkPackage.reconcile(folder: folder.packages, recorded: madeAnew(record))
            try log.appendReleased(record, from: ledger)
            monitor.enter(.making)
            do {
                if !ending.isClosing {
                    try DeviceMaking(
                        driver: self, plan: plan, record: try self.record(id), folder: folder, log: log,
                        limits: limits, wrapping: wrapping
                    ).makeAll()
                }
            } catch let error as LedgerError where error.code == .allowanceSpent {
                // Nothing more can ever be made under this authorisation: what was made is sealed.
                shortfall = error
                monitor.burned(try ledger.burn(firstRow: nil, run: id))
            }
            try DurableFile.flushFolder(folder.packages)
            if ending == .keepOpen, shortfall == nil {
                record = try self.record(id)
                return outcome(
                    plan, record, before: before, making: makingBegun.duration(to: clock.now) / .seconds(1),
                    folder,
                    treeSize: writer.published?.size ?? 0, checkpoint: nil, index: nil)
            }
            if case .close(let reason) = ending {
                try folder.keepClosing(try self.record(id), reason: reason)
            }
            try ledger.advance(id, to: .sealing, at: record.run.openedAt)
            record = try self.record(id)
        } else if record.state == .sealing {
            // A published seal without the ledger's word for it: the process died between the two.
            isSealPublished = try log.isSealPublished(record)
            if !isSealPublished { try log.appendReleased(record, from: ledger) }
        }
        let making = makingBegun.duration(to: clock.now) / .seconds(1)
        monitor.enter(.sealing)
        let index = try PackageIndex.write(in: folder.path)
        // A clock that stepped back meanwhile does not seal a run before it was opened.
        let sealedAt = max(Int64(Date().timeIntervalSince1970), record.run.openedAt)
        if !isSealPublished {
            try ScrapEntries(writer: writer, ledger: ledger).append(
                before: record, firstAdd: firstAdd, at: sealedAt
            ) { try BundleReader(directory: site.log, pins: try PublishedLog(site).pins) }
            try log.publishSeal(
                record, burned: ledger.burned(run: id), packages: index.digest, at: sealedAt)
        }
        let checkpoint = try folder.keepCheckpoint(of: site.log)
        try ledger.advance(id, to: .sealed, at: sealedAt)
        try ledger.markPublished(try ledger.scraps(run: id), logSize: writer.size)
        record = try self.record(id)
        if let shortfall {
            throw LedgerError(
                shortfall.code, shortfall.subject,
                "\(shortfall.message); the run is sealed with \(record.released) of \(record.run.quantity) devices",
                hint:
                    "Losses used the allowance up. Give the missing rows to another run and have that approved."
            )
        }
        return outcome(
            plan, record, before: before, making: making, folder, treeSize: writer.size,
            checkpoint: checkpoint, index: index.digest)
    }

    private func outcome(
        _ plan: RunPlan, _ record: RunRecord, before: Int, making: Double, _ folder: RunFolder,
        treeSize: UInt64, checkpoint: String?, index: [UInt8]?
    ) -> RunOutcome {
        RunOutcome(
            run: record.run.id, quantity: record.run.quantity, released: record.released,
            burned: record.burned, seconds: begun.duration(to: clock.now) / .seconds(1),
            makingSeconds: making, made: record.released - before,
            peakMemory: Self.peakMemory(workers: limits.workers), folder: folder.path, treeSize: treeSize,
            checkpoint: checkpoint, delivery: plan.manifest.delivery, packageIndexDigest: index)
    }

    /// The kernel keeps the peak of the largest child: times the workers it bounds their sum.
    private static func peakMemory(workers: Int) -> Int {
        var own = rusage()
        var children = rusage()
        getrusage(RUSAGE_SELF.rawValue, &own)
        getrusage(RUSAGE_CHILDREN.rawValue, &children)
        return (own.ru_maxrss + children.ru_maxrss * workers) * 1024
    }

    func record(_ id: String) throws -> RunRecord {
        guard let record = try ledger.run(id) else { throw LedgerError(.runUnknown, id, "no such run") }
        return record
    }

    private func begin(_ record: RunRecord, _ folder: RunFolder) {
        monitor.begin(
            RunFacts(
                run: record.run.id, product: record.run.product, folder: folder.path, isResumed: isResumed,
                quantity: record.run.quantity, spoilage: record.run.spoilage, released: record.released,
                scrapped: record.scrapped, burned: record.burned, workers: limits.workers,
                sessions: limits.sessions, cores: ProcessInfo.processInfo.activeProcessorCount))
    }
}

/// The site's keys that a run signs with, found on the line's token.
struct LineKeys {
    let issuer: TokenKey
    let issuerCopies: Bool
    let logKey: TokenKey
    let logSigner: CMSSigner

    init(site: Site, token: OpenToken) throws {
        let issuing = try site.publishedKey(.issuingCA)
        let signing = try site.publishedKey(.allowlistSigner)
        guard signing.tokenName == token.name else {
            throw SiteError(
                .refused, signing.label.description, "lives on token \(signing.tokenName), not on the line's")
        }
        issuer = try TokenKey(issuing.label, login: token.login)
        try issuer.require(.issuingCA, rehearsal: site.isRehearsal)
        issuerCopies = try issuer.isCopyable()
        // A key with session copies is modifiable: its attributes are read back at every run.
        try issuer.requirePolicy(KeyPolicy(sessionCopies: issuerCopies))
        logKey = try TokenKey(signing.label, login: token.login)
        try logKey.require(.allowlistSigner, rehearsal: site.isRehearsal)
        guard try logKey.publicKeyInfo == signing.publicKeyInfo(),
            try issuer.publicKeyInfo == issuing.publicKeyInfo()
        else {
            throw SiteError(
                .refused, "token \(token.name)", "its keys are not those that the ceremonies published",
                hint: "Is this the site's token? `rootline key list` shows what is on it.")
        }
        logSigner = try CMSSigner(logKey, certificate: signing.certificate)
    }
}
