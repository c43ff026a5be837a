import SignedStatements
import TransparencyLog

/// Holds the authorisations of a log's runs against the roster that a consumer pinned.
///
/// Asked for after the tree was verified: entries and tiles are the signed ones. `Approval.md` has the rules.
struct ApprovalCheck {
    private let bundle: any BundleSource
    private let pins: Pins
    private let chain: RosterChain
    /// Of the pinned key and those that rotations lead to.
    private let logKeys: Set<[UInt8]>
    private let authorities: BundleCertificates
    private let issuers: BundleCertificates
    private var files: EntryFiles
    private var tree: TiledTree<EntryFiles>
    /// The place in the chain of the newest roster that a run was approved under, with the run.
    private var newest: (place: Int, run: String)?
    private var vouchedAuthorities: Set<[UInt8]> = []
    private var vouchedIssuers: Set<[UInt8]> = []

    /// What was found where a roster is pinned; nil where none is. Throws `roster` or `approval` at the first fault.
    static func check(
        _ runs: [VerifiedList.Run], in bundle: any BundleSource, head: SignedHead, pins: Pins
    ) throws(AllowlistError) -> VerifiedList.Approval? {
        guard let roster = pins.roster else { return nil }
        var check = try ApprovalCheck(bundle, head, pins, roster, hasRuns: !runs.isEmpty)
        for run in runs { try check.check(run) }
        return check.approval
    }

    private init(
        _ bundle: any BundleSource, _ head: SignedHead, _ pins: Pins, _ roster: Digest32, hasRuns: Bool
    ) throws(AllowlistError) {
        let checkpoint = head.checkpoint
        self.bundle = bundle
        self.pins = pins
        logKeys = Set(head.signers.keys.map { Digest32.sha256($0.spki).bytes })
        chain = try BundleRosters.chain(in: bundle, pinned: roster, isRehearsal: pins.isRehearsal)
        // A log without a run has nobody to vouch for, and need not have the files.
        authorities = try BundleCertificates(BundleCertificates.signersPath, in: hasRuns ? bundle : nil)
        issuers = try BundleCertificates(BundleCertificates.issuersPath, in: hasRuns ? bundle : nil)
        files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        tree = TiledTree(size: checkpoint.size, source: files)
    }

    private var approval: VerifiedList.Approval? {
        guard let roster = chain.rosters.last,
            let verifier = chain.verifier(at: chain.rosters.count - 1)
        else { return nil }
        let known = vouchedAuthorities.union(logKeys)
        return VerifiedList.Approval(
            needed: verifier.needed, members: verifier.members.count, rosterVersion: roster.version,
            notVouchedFor: authorities.names(except: known) + issuers.names(except: vouchedIssuers))
    }

    private mutating func check(_ run: VerifiedList.Run) throws(AllowlistError) {
        let path = Authorisation.path(of: run.authorisation)
        do throws(AllowlistError) {
            try check(run, try Self.message(at: path, in: bundle))
        } catch {
            throw error.at(file: path, index: run.openIndex)
        }
    }

    private static func message(
        at path: String, in bundle: any BundleSource
    ) throws(AllowlistError) -> ApprovedMessage {
        let bytes = try bundle.bytes(of: path, maximum: Authorisation.maximumLength)
        do throws(StatementError) {
            return try ApprovedMessage(der: bytes)
        } catch {
            throw refusal(error)
        }
    }

    private mutating func check(
        _ run: VerifiedList.Run, _ message: ApprovedMessage
    ) throws(AllowlistError) {
        let statement = try verifiedStatement(of: message)
        try requireFits(statement, run)
        try requireExtends(statement, run)
        guard statement.isCurrent(at: Int64(clamping: run.openedAt)) else {
            throw Self.refusal("the run was opened outside the time that was approved")
        }
        guard let place = chain.place(of: statement.roster) else { return }
        if let newest, place < newest.place {
            throw Self.refusal(
                "it is approved under version \(place + 1) of the roster, after the run \(newest.run) "
                    + "under version \(newest.place + 1)")
        }
        newest = (place, run.id)
    }

    /// The statement, after its roster, every signature, the quorum and the run authority were verified.
    private mutating func verifiedStatement(
        of message: ApprovedMessage
    ) throws(AllowlistError) -> AuthorisationStatement {
        do throws(StatementError) {
            let named = try AuthorisationStatement.decode(message.content)
            guard let place = chain.place(of: named.roster), let verifier = chain.verifier(at: place) else {
                throw StatementError(.rosterUnknown, "approval", "names a roster that is not in the bundle")
            }
            guard let key = authorities.key(digest: named.authority),
                let authority = CountersigningKey(publicKeyInfo: key)
            else {
                throw StatementError(
                    .authorityMissing, BundleCertificates.signersPath,
                    "has no certificate of the run authority that the statement names")
            }
            let verified = try verifier.verify(
                message, as: AuthorisationStatement.self, countersignedBy: authority)
            vouchedAuthorities.insert(named.authority)
            return verified.statement
        } catch {
            throw Self.refusal(error)
        }
    }

    /// Throws unless the statement says what the run's `open-run` says.
    ///
    /// It names the run, whose name is new in the log: so no statement serves twice.
    private mutating func requireFits(
        _ statement: AuthorisationStatement, _ run: VerifiedList.Run
    ) throws(AllowlistError) {
        guard case .openRun(let opening) = try files.entry(at: run.openIndex) else {
            throw AllowlistError(.entryReference, "the entry is not an `open-run`")
        }
        let facts = statement.facts
        let members: [(String, Bool)] = [
            ("type", facts.rehearsal == opening.isRehearsal), ("run", facts.run == opening.run),
            ("product", facts.product == opening.product),
            ("quantity", UInt64(exactly: facts.quantity) == opening.quantity),
            ("spoilage", UInt64(exactly: statement.spoilage) == opening.spoilage),
            ("template", facts.templateDigest == opening.template.bytes),
            ("station", facts.stationDigest == opening.station?.bytes),
            ("origin", facts.origin == pins.origin),
        ]
        for (member, agrees) in members where !agrees {
            throw Self.refusal("it was given for something else: `\(member)` is not that of the run")
        }
        guard issuers.holds(digest: facts.issuerDigest, keyIdentifier: opening.issuerKeyID) else {
            throw Self.refusal(
                "\(BundleCertificates.issuersPath) has no certificate with the approved issuer's key and the "
                    + "run's issuer key id")
        }
        vouchedIssuers.insert(facts.issuerDigest)
    }

    /// Throws unless the log grew from the state that the approvers saw, before the run was opened.
    private mutating func requireExtends(
        _ statement: AuthorisationStatement, _ run: VerifiedList.Run
    ) throws(AllowlistError) {
        guard let size = UInt64(exactly: statement.treeSize), size <= run.openIndex else {
            throw Self.refusal(
                "the approvers saw a log of \(statement.treeSize) entries, and the run was opened before that"
            )
        }
        guard try tree.root(from: 0, to: size).bytes == statement.rootHash else {
            throw Self.refusal(
                "the approvers saw a log of \(size) entries that this log does not extend")
        }
    }

    private static func refusal(_ error: StatementError) -> AllowlistError {
        refusal(error.subject == "approval" ? error.message : error.description)
    }

    private static func refusal(_ message: String) -> AllowlistError {
        AllowlistError(
            .approval, message,
            hint: "the run's devices are not approved by those whom you pinned; ask them before the publisher"
        )
    }
}
