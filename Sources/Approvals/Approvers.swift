import Certificates
import Rosters
import SignedStatements
import Sites
import TokenKeys

/// Who may approve on a site, and whose signature makes approvals count: the roster in force and the run authority.
public struct Approvers: Sendable {
    /// What they approve: with which of the roster's quorums, and who countersigns.
    enum Purpose: Sendable {
        case work
        case logKey

        func quorum(_ quorums: Roster.Quorums) -> Int {
            switch self {
            case .work: quorums.approval
            case .logKey: quorums.recovery
            }
        }

        var role: KeyRole {
            switch self {
            case .work: .runAuthority
            case .logKey: .allowlistSigner
            }
        }

        /// Who countersigns, in the middle of a sentence.
        var words: String {
            switch self {
            case .work: "the run authority"
            case .logKey: "the present log key"
            }
        }

        /// That key, in the middle of a sentence.
        var key: String { self == .work ? "the run authority's key" : words }
    }

    let purpose: Purpose
    /// What holds statements against the roster in force.
    let verifier: StatementVerifier
    let authority: CountersigningKey
    /// The stand-ins that approve in a rehearsal whose site pins no roster.
    public let standIns: [String: StandInCredential]

    /// Reads the site's pinned roster with its later versions, and the run authority's certificate.
    ///
    /// A rehearsal site without a pinned roster has stand-ins, as its ceremonies have.
    public init(_ site: Site) throws {
        try self.init(site, .work, authority: try site.publishedKey(.runAuthority))
    }

    /// Who hands the site's log over from this key to another: members as many as the roster's recovery quorum, and in a
    /// planned rotation the key itself.
    public init(recoveringLogOf site: Site, from key: PublishedKey) throws {
        try self.init(site, .logKey, authority: key)
    }

    private init(_ site: Site, _ purpose: Purpose, authority: PublishedKey) throws {
        var rosters = try site.rosters()
        var standIns: [String: StandInCredential] = [:]
        if rosters.isEmpty {
            guard site.isRehearsal else {
                throw ApprovalError(
                    .siteNotReady, site.folder, "the site has no pinned roster: nobody can approve",
                    hint: "Perform the custodian-enrolment ceremony, or put `roster` back into site.yaml.")
            }
            (rosters, standIns) = try Approvers.standInRoster(site)
        }
        let certificate = try ReceivedCertificate(der: authority.certificate)
        try self.init(
            rosters: rosters, authority: certificate.subjectPublicKeyInfo, purpose, standIns: standIns,
            subject: site.folder)
    }

    init(
        rosters: [Roster], authority: [UInt8], _ purpose: Purpose = .work,
        standIns: [String: StandInCredential] = [:], subject: String
    ) throws(ApprovalError) {
        guard let verifier = StatementVerifier(rosters: rosters, quorum: purpose.quorum) else {
            throw ApprovalError(.siteNotReady, subject, "there is no roster")
        }
        guard let authority = CountersigningKey(publicKeyInfo: authority) else {
            throw ApprovalError(
                .siteNotReady, subject, "\(purpose.key) is on neither P-256 nor P-384")
        }
        self.purpose = purpose
        self.verifier = verifier
        self.authority = authority
        self.standIns = standIns
        guard !verifier.hasMember(with: authority.publicKeyInfo) else {
            throw ApprovalError(
                .siteNotReady, subject, "\(purpose.key) is a member's own: one key, one role")
        }
        guard verifier.members.count >= verifier.needed else {
            throw ApprovalError(
                .siteNotReady, subject,
                "\(verifier.needed) members have to approve, and fewer hold a role that approves",
                hint: "The roles are: \(Approvers.rolesText).")
        }
    }

    /// Whose key countersigns.
    public var countersigner: KeyRole { purpose.role }
    /// The same for people, in the middle of a sentence.
    public var countersignerName: String { purpose.words }
    /// Every version of the roster, the one in force last.
    public var rosters: [Roster] { verifier.rosters }
    /// The one in force.
    public var roster: Roster { verifier.roster }
    /// How many members have to approve.
    public var needed: Int { verifier.needed }
    /// The digest of the roster in force, 32 octets: what a statement must name.
    public var rosterDigest: [UInt8] { roster.digestOctets }
    /// The SHA-256 of the run authority's SubjectPublicKeyInfo: what a statement must name.
    public var authorityDigest: [UInt8] { authority.digest }
    /// Those who may approve, in the roster's order.
    public var members: [Roster.Member] { verifier.members }

    /// The same as of the version of the roster with this digest; nil where the site has none such.
    func whenInForce(_ digest: [UInt8]) throws(ApprovalError) -> Approvers? {
        guard let index = rosters.firstIndex(where: { $0.digestOctets == digest }) else {
            return nil
        }
        return try Approvers(
            rosters: Array(rosters[...index]), authority: authority.publicKeyInfo, purpose,
            standIns: standIns, subject: "roster")
    }

    /// Whether the roster of this digest is one of the site's, in force or before.
    public func knows(roster digest: [UInt8]) -> Bool {
        rosters.contains { $0.digestOctets == digest }
    }

    static var rolesText: String { StatementVerifier.roles.map(\.rawValue).sorted().joined(separator: ", ") }

    /// The member of this name; throws where there is none in force, or one whose roles do not approve.
    public func member(_ name: String) throws(ApprovalError) -> Roster.Member {
        guard let member = roster.member(name) else {
            let wasMember = rosters.contains { $0.member(name) != nil }
            throw ApprovalError(
                wasMember ? .signerRetired : .signerUnknown, name,
                wasMember
                    ? "is no longer on the roster: version \(roster.version) is in force"
                    : "is not on the roster",
                hint: "Those who may approve: \(members.map(\.name).joined(separator: ", ")).")
        }
        try requireRole(member)
        return member
    }

    private func requireRole(_ member: Roster.Member) throws(ApprovalError) {
        do {
            try verifier.requireRole(member)
        } catch {
            throw refusal(error)
        }
    }
}

extension Approvers {
    /// Those who approve in rehearsals: the stand-ins of three share holders, of whom two suffice.
    ///
    /// Nobody signs this roster: it follows from the site's seed alone.
    private static func standInRoster(
        _ site: Site
    ) throws -> (rosters: [Roster], credentials: [String: StandInCredential]) {
        let seed = try site.standInSeed()
        var credentials: [String: StandInCredential] = [:]
        var members: [Roster.Member] = []
        for number in 1...3 {
            let name = "Stand-in \(CeremonyRole.shareHolder) \(number)"
            let credential = try StandInCredential(name: name, seed: seed)
            credentials[name] = credential
            members.append(
                Roster.Member(
                    name: name, roles: [.shareHolder], signingKey: credential.signingKey,
                    shareKey: credential.shareKey, tokenSerial: "none", tokenLabel: "stand-in"))
        }
        let roster = Roster(
            version: 1, origin: site.origin, rehearsal: true, previous: nil, members: members, conflicts: [],
            quorums: Roster.Quorums(roster: 2, approval: 2, recovery: 2))
        try roster.validate(subject: "the stand-ins' roster")
        return ([roster], credentials)
    }
}
