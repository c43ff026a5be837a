import ArgumentParser
import Foundation
import PKCS11
import Sites
import TokenKeys

struct DoctorCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check the site's modules, tokens and mechanisms.",
        discussion: "Exit code 1 where a check fails. Nothing is changed.")

    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var site: String
        var checks: [Check]
    }

    /// One thing looked at, and what it means.
    struct Check: Encodable {
        enum Outcome: String, Encodable {
            case pass, warn, fail
        }
        var subject: String
        var outcome: Outcome
        var message: String
        var remedy: String?
    }

    func run() throws {
        let site = try siteOptions.open()
        var checks: [Check] = []
        for name in site.description.tokens.keys.sorted() {
            examine(name, in: site, &checks)
        }
        if output.format == .json {
            try printJSON(Document(site: site.folder, checks: checks))
        } else {
            for check in checks {
                print("\(check.outcome.rawValue)  \(check.subject): \(check.message)")
                if let remedy = check.remedy { print("      \(remedy)") }
            }
        }
        if checks.contains(where: { $0.outcome == .fail }) { throw ExitCode(1) }
    }

    private func examine(_ name: String, in site: Site, _ checks: inout [Check]) {
        let subject = "token \(name)"
        func fail(_ error: any Error) {
            let report = ErrorReport(error)
            checks.append(
                Check(subject: subject, outcome: .fail, message: report.message, remedy: report.hint))
        }
        do {
            let slot = try site.slot(name)
            let module = slot.module.info
            let token = try slot.tokenInfo()
            checks.append(
                Check(
                    subject: "module", outcome: .pass,
                    message:
                        "\(slot.module.path): \(module.manufacturer) \(module.description) \(module.version), PKCS#11 \(module.cryptokiVersion)"
                ))
            checks.append(
                Check(
                    subject: subject, outcome: token.isPINLocked ? .fail : .pass,
                    message:
                        "\(token.label), serial \(token.serial), \(token.manufacturer) \(token.model), firmware \(token.firmwareVersion)"
                        + (token.isPINLocked ? ", its PIN is locked" : "")))
            for need in MechanismNeed.all(forLine: name == "line") {
                checks.append(try need.check(slot, subject: subject))
            }
        } catch {
            return fail(error)
        }
        do {
            let token = try site.open(name, pin: pins.source(name, in: site, ofSeveral: true))
            checks.append(Check(subject: subject, outcome: .pass, message: "the PIN opens it"))
            if name == "line" {
                let wrapping = try KeyWrapping.prove(login: token.login)
                let trailer =
                    wrapping.form == .exact
                    ? "" : "; it fills keys up with zeros first, which DER does not mind"
                checks.append(
                    Check(
                        subject: subject, outcome: .pass,
                        message:
                            "\(wrapping.mechanism) wraps as RFC 5649 does (its published vector)\(trailer)"))
            }
        } catch {
            fail(error)
        }
    }
}

/// A mechanism that the product uses, and what stops without it.
private struct MechanismNeed {
    let type: MechanismType
    let use: String
    let isSatisfied: @Sendable (MechanismInfo) -> Bool

    static func all(forLine: Bool) -> [MechanismNeed] {
        let signing = [
            MechanismNeed(type: .ecKeyPairGeneration, use: "keys on P-256 and P-384") {
                $0.canGenerateKeyPair && $0.minimumKeySize <= 256 && $0.maximumKeySize >= 384
            },
            MechanismNeed(type: .ecdsa, use: "signing certificates and checkpoints") { $0.canSign },
        ]
        let line = [
            MechanismNeed(type: .aesKeyGeneration, use: "transport keys") { $0.canGenerate },
            MechanismNeed(type: .rsaOAEP, use: "handing transport keys to the station") { $0.canWrap },
        ]
        return signing + (forLine ? line : [])
    }

    func check(_ slot: Slot, subject: String) throws -> DoctorCommand.Check {
        guard let info = try slot.info(of: type), isSatisfied(info) else {
            return DoctorCommand.Check(
                subject: subject, outcome: .fail, message: "\(type) is missing: \(use)",
                remedy: "Enable the mechanism in the HSM's policy, or use another token.")
        }
        return DoctorCommand.Check(subject: subject, outcome: .pass, message: "\(type): \(use)")
    }
}
