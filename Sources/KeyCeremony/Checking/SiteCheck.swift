import Crypto
import Foundation
import Glibc
import PKCS11
import Rosters
import SignedStatements
import Sites
import TokenKeys

/// Looks at a site for what a script wants of it, before anything is logged in to or changed.
///
/// The site's files and people come first: where they have a fault, nobody needs to load an HSM's module to know it.
struct SiteCheck {
    let script: CeremonyScript
    let site: Site
    private let looksAtTokens: Bool
    private(set) var faults: [ScriptFault] = []
    /// The slots of the script's tokens; empty where tokens are not looked at.
    private(set) var slots: [String: Slot] = [:]

    init(script: CeremonyScript, site: Site, looksAtTokens: Bool) {
        self.script = script
        self.site = site
        self.looksAtTokens = looksAtTokens
    }

    mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
        faults.append(ScriptFault(script.file, place, code, message))
    }

    mutating func report(_ fault: ScriptFault) { faults.append(fault) }

    mutating func run() {
        for token in script.tokens { checkToken(token) }
        checkFolders()
        checkSoftware()
        checkPeople()
        for step in script.steps {
            switch step.content {
            case .generateKey(let request): checkKey(request)
            case .signCertificate(let request): checkCertificate(request)
            case .signCRL(let request): checkList(request)
            case .collectShares(let token): checkShares(token)
            default: break
            }
        }
    }

    /// The error of a library below, with its hint, as a sentence of a fault.
    static func sentence(_ error: any Error) -> String {
        let error = CeremonyError(error, "")
        return error.hint.map { "\(error.message). \($0)" } ?? error.message
    }

    // MARK: Tokens

    private mutating func checkToken(_ token: Placed<String>) {
        let binding: TokenBinding
        do {
            binding = try site.token(token.value)
        } catch {
            report(token.place, "token.unbound", Self.sentence(error))
            return
        }
        if looksAtTokens { reach(token) }
        guard site.isRehearsal else { return }
        guard let source = binding.pinSource else {
            report(
                token.place, "activation.attended",
                "site.yaml names no PIN source for it: a rehearsal, which may run unattended, cannot open it")
            return
        }
        if access(site.pinFile(source), R_OK) != 0 {
            report(token.place, "activation.pin-source", "its PIN source \(source) cannot be read")
        }
        let isSplit = script.steps.contains {
            if case .split(let request) = $0.content { request.token.value == token.value } else { false }
        }
        if isSplit && binding.officerPinSource == nil {
            report(
                token.place, "activation.officer",
                "site.yaml names no officerPinSource for it: a rehearsal cannot give it new PINs")
        }
    }

    private mutating func reach(_ token: Placed<String>) {
        do {
            let slot = try site.slot(token.value)
            slots[token.value] = slot
            let info = try slot.tokenInfo()
            if !info.hasUserPIN { report(token.place, "token.pin", "the token has no user PIN yet") }
            if info.isPINLocked { report(token.place, "token.pin", "the token's PIN is locked") }
        } catch {
            report(token.place, "token.unreachable", Self.sentence(error))
        }
    }

    /// Shares of an earlier ceremony, or of a step before.
    private mutating func checkShares(_ token: Placed<String>) {
        let isSplit = script.steps.contains {
            if case .split(let request) = $0.content {
                request.token.value == token.value && request.token.place < token.place
            } else {
                false
            }
        }
        // A rehearsal's token that nobody has split opens as it did when it was made.
        if isSplit || site.isRehearsal { return }
        do {
            let store = site.activation(of: token.value)
            guard let set = try store.current() else {
                report(token.place, "activation.shares", "no ceremony has split this token's activation data")
                return
            }
            let description = try store.describe(set)
            if let quorum = script.quorum, quorum.needed.value != description.needed {
                report(
                    token.place, "quorum.differs",
                    "\(description.needed) shares open the token; the script says \(quorum.needed.value)")
            }
        } catch {
            report(token.place, "activation.shares", Self.sentence(error))
        }
    }

    // MARK: Folders

    private mutating func checkFolders() {
        var folders = ["certificates", "ceremonies"]
        for step in script.steps {
            switch step.content {
            case .signCRL: folders.append("crls")
            case .split: folders.append("activation")
            case .wrap, .unwrap: folders.append("backups")
            case .signRoster: folders.append("rosters")
            default: break
            }
        }
        for name in Set(folders).sorted() {
            let folder = site.path(name)
            let exists = FileManager.default.fileExists(atPath: folder)
            if access(exists ? folder : site.folder, W_OK | X_OK) != 0 {
                report(
                    script.placedID.place, "output.unwritable",
                    "\(folder): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// The program itself, where the script names its digest; other software is for people to compare.
    private mutating func checkSoftware() {
        guard let wanted = script.software.first(where: { $0.name == "rootline" })?.digest else { return }
        let program = FileManager.default.contents(atPath: "/proc/self/exe") ?? Data()
        let digest = hexadecimal(SHA256.hash(data: program))
        if digest != wanted {
            report(
                script.placedID.place, "software.digest",
                "this rootline has the SHA-256 \(digest.prefix(16))…, not the one under `software`")
        }
    }

    // MARK: People

    private mutating func checkPeople() {
        guard !site.isRehearsal else { return }
        do {
            let draft = script.kind == .enrolCustodian ? try RosterDraft.read(path: site.rosterDraft) : nil
            if let roster = try site.rosters().last {
                requireStaff(roster.members.map(\.roles))
            } else if let draft {
                requireStaff(draft.members.map(\.roles))
            } else {
                report(
                    script.placedKind.place, "roster.missing",
                    "the site has no roster yet: perform the custodian-enrolment ceremony first")
            }
        } catch {
            report(script.placedKind.place, "roster.refused", Self.sentence(error))
        }
    }

    private mutating func requireStaff(_ members: [[CeremonyRole]]) {
        for staffing in script.staffing {
            let count = members.count { $0.contains(staffing.role.value) }
            if count < staffing.count {
                report(
                    staffing.role.place, "role.unstaffed",
                    "\(staffing.count) are wanted; the roster has \(count) who may be \(staffing.role.value.rawValue)"
                )
            }
        }
    }
}
