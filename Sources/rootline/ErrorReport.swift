import Allowlist
import Approvals
import Certificates
import Foundation
import KeyCeremony
import Manifests
import PKCS11
import ProductionRun
import Rosters
import RunLedger
import RunTelemetry
import SecretSharing
import SignedStatements
import Sites
import TokenKeys

/// An error as the person or program in front of the command line gets it, with its exit code.
///
/// The codes are those of `sysexits.h` where one fits; the table stands in the README.
struct ErrorReport {
    let exitCode: Int32
    let code: String
    let message: String
    let hint: String?

    private static let no: Int32 = 1
    private static let badInput: Int32 = 65
    private static let noInput: Int32 = 66
    private static let unavailable: Int32 = 69
    private static let defect: Int32 = 70
    private static let cannotCreate: Int32 = 73
    private static let inputOutput: Int32 = 74
    private static let temporary: Int32 = 75
    private static let refused: Int32 = 77

    private init(_ exitCode: Int32, _ code: String, _ message: String, _ hint: String?) {
        self.exitCode = exitCode
        self.code = code
        self.message = message
        self.hint = hint
    }

    init(_ error: any Error) {
        switch error {
        case let error as PKCS11Error:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        case let error as TokenKeyError:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        case let error as SiteError:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        case let error as RosterError:
            self.init(
                error.code == .unreadable ? Self.noInput : Self.refused, error.code.rawValue,
                error.description,
                error.hint)
        case let error as StatementError:
            self.init(Self.badInput, error.code.rawValue, error.description, nil)
        case let error as ManifestError:
            let exit = error.code == .unreadable ? Self.noInput : Self.badInput
            self.init(exit, error.code.rawValue, Self.text(of: error), error.hint)
        case let error as CertificatesError:
            let exit = error.code == .templateUnreadable ? Self.noInput : Self.badInput
            self.init(exit, error.code.rawValue, Self.text(of: error), error.hint)
        case let error as LedgerError:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        case let error as AllowlistError:
            let exit: Int32
            switch error.code {
            case .pins: exit = Self.badInput
            case .publication: exit = Self.temporary
            case .fileAccess: exit = Self.inputOutput
            default: exit = Self.no
            }
            self.init(exit, "allowlist-\(error.code.rawValue)", error.description, error.hint)
        case let error as RunError:
            let cause = error.cause.map { ": \(ErrorReport($0).message)" } ?? ""
            self.init(Self.code(of: error), error.code.rawValue, error.description + cause, error.hint)
        case let error as TelemetryError:
            self.init(
                error.code == .diskFull ? Self.inputOutput : Self.cannotCreate, error.code.rawValue,
                error.description, error.hint)
        case let error as ApprovalError:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        case let error as CeremonyError:
            self.init(Self.code(of: error), error.code.rawValue, error.description, error.hint)
        default:
            self.init(
                Self.defect, "unexpected", "\(error)",
                "This message should have been a better one: please report it.")
        }
    }

    private static func code(of error: PKCS11Error) -> Int32 {
        switch error.code {
        case .moduleMissing: return noInput
        case .notPKCS11, .tokenAbsent, .tokenAmbiguous, .mechanismMissing: return unavailable
        case .pinRefused, .pinSourceRefused: return refused
        case .uriInvalid: return badInput
        case .objectAbsent, .objectAmbiguous: return unavailable
        case .returned, .malformedAnswer: return unavailable
        }
    }

    private static func code(of error: TokenKeyError) -> Int32 {
        switch error.code {
        case .labelTaken, .idTaken: return cannotCreate
        case .keyAbsent, .keyHalf, .keyDuplicate, .idMismatch: return unavailable
        case .policyBroken, .probeFailed, .keyMalformed, .signatureInvalid: return unavailable
        case .roleRefused, .rehearsalMixed, .passphraseRefused: return refused
        case .cmsInvalid: return no
        case .libraryFailed: return defect
        case .token: return error.cause.map { code(of: $0) } ?? unavailable
        }
    }

    private static func code(of error: SiteError) -> Int32 {
        switch error.code {
        case .notASite, .keyUnpublished: return noInput
        case .malformed: return badInput
        case .exists, .cannotCreate: return cannotCreate
        case .io: return inputOutput
        case .locked: return temporary
        case .unknownToken: return unavailable
        case .pinUnavailable, .refused: return refused
        }
    }

    private static func code(of error: LedgerError) -> Int32 {
        switch error.code {
        case .cannotOpen: return temporary
        case .corrupt, .io, .diskFull, .rolledBack: return inputOutput
        case .runExists, .exists: return cannotCreate
        case .runUnknown, .deviceUnknown: return noInput
        case .authorisationUsed, .allowanceSpent: return refused
        case .duplicate: return badInput
        case .wrongState: return temporary
        case .malformedChunk: return defect
        }
    }

    private static func code(of error: RunError) -> Int32 {
        switch error.code {
        case .manifestRefused: return badInput
        case .authorisationRefused: return refused
        case .siteNotReady: return noInput
        case .deviceUnknown, .deviceScrapped: return no
        case .cannotCreate: return cannotCreate
        case .diskFull, .io, .inconsistent: return inputOutput
        case .interrupted, .unfinished, .workersFailed: return temporary
        case .tokenAbsent: return unavailable
        case .wrongState: return badInput
        case .protocolBroken: return defect
        }
    }

    private static func code(of error: ApprovalError) -> Int32 {
        switch error.code {
        case .siteNotReady, .unreadable: return noInput
        case .cannotCreate: return cannotCreate
        case .io: return inputOutput
        case .absent, .malformed, .statementRefused, .signatureInvalid, .signerUnknown, .signerRetired,
            .roleMissing, .repeated, .quorumShort, .authorityMissing, .authorityForeign, .approvalsChanged,
            .rosterRefused, .declined:
            return refused
        }
    }

    private static func code(of error: CeremonyError) -> Int32 {
        if let cause = error.cause as? PKCS11Error { return code(of: cause) }
        if let cause = error.cause as? TokenKeyError { return code(of: cause) }
        if let cause = error.cause as? SiteError { return code(of: cause) }
        if error.cause is RosterError || error.cause is SecretSharingError { return refused }
        switch error.code {
        case .scriptUnreadable: return noInput
        case .scriptInvalid, .checkFailed, .answersInvalid, .certificate: return badInput
        case .liveSite, .rehearsalSite, .rehearsalRefused, .answerRefused, .personRefused, .quorumShort,
            .shareRefused, .rosterRefused:
            return refused
        case .notResumable: return noInput
        case .cannotCreate, .labelTaken: return cannotCreate
        case .io: return inputOutput
        case .locked, .unfinished, .interrupted, .clock: return temporary
        case .site, .token, .keyRefused: return unavailable
        case .transcriptInvalid, .signOffInvalid: return no
        }
    }

    /// Every fault on a line of its own, as compilers print them.
    private static func text(of error: ManifestError) -> String {
        var lines = ["\(error.subject): \(error.message)"] + error.faults.map(\.description)
        if error.faultCount > error.faults.count {
            lines.append("and \((error.faultCount - error.faults.count).grouped) more")
        }
        return lines.joined(separator: "\n")
    }

    private static func text(of error: CertificatesError) -> String {
        (["\(error.subject): \(error.message)"] + error.faults.map(\.description)
            + error.findings.map(\.description)).joined(separator: "\n")
    }

    private struct Document: Encodable {
        struct Details: Encodable {
            var code: String
            var message: String
            var hint: String?
            var exitCode: Int32
        }
        var version = 1
        var error: Details
    }

    /// First the error, then what to do next; as JSON on standard output where that was asked for.
    func print(format: OutputFormat) {
        if format == .json {
            try? printJSON(
                Document(
                    error: .init(code: code, message: message, hint: hint, exitCode: exitCode)))
            return
        }
        Terminal.say("\(Terminal.bold("rootline:")) \(message)")
        if let hint { Terminal.say("  \(hint)") }
    }
}
