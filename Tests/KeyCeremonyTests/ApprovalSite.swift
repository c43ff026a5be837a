import Foundation
import KeyCeremony
import Manifests
import PKCS11
import Rosters
import SignedStatements
import Sites
import TestTokens
import Testing
import TokenKeys

@testable import Approvals
@testable import ProductionRun

/// A live site with all its keys and a station, whose runs alice, bob and carol approve, two of them being enough.
final class ApprovalSite {
    let live: LiveSite
    var folder: String { live.folder }
    var site: Site { get throws { try live.site } }

    init() throws {
        live = try LiveSite.enrolled("root-ca", "issuing-ca", "run-authority", "allowlist-signer")
        let station = try DemoStation.make()
        try live.write(station.publicKeyPEM, to: "station.pem")
        let line = try #require(live.tokens["line"])
        let login = try line.slot.login(.securityOfficer, pin: line.securityOfficerPIN)
        try station.key.enrol(securityOfficer: login)
        withExtendedLifetime(login) {}
        for person in live.people {
            try live.write(person.token.pinText, to: "\(person.name).pin")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: live.path("\(person.name).pin"))
        }
    }

    /// A manifest of this name with so many devices.
    @discardableResult
    func makeRun(_ name: String, devices: Int = 3, from first: Int = 1) throws -> String {
        let folder = live.path("input-\(name)")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: folder + "/station.pem")
        try FileManager.default.copyItem(atPath: live.path("station.pem"), toPath: folder + "/station.pem")
        let template = try String(
            contentsOfFile: Repository.path("Templates/runs/idevid-ec-p256.yaml"), encoding: .utf8)
        let manifest = template.split(separator: "\n").map { line in
            if line.hasPrefix("run: ") { return "run: \(name)" }
            if line.hasPrefix("quantity: ") { return "quantity: \(devices)" }
            return String(line)
        }
        try live.write(manifest.joined(separator: "\n") + "\n", to: "input-\(name)/manifest.yaml")
        let rows = (first..<first + devices).map { "EX-\($0),02:00:00:00:00:\(String(format: "%02x", $0))" }
        try live.write("serial,mac\n" + rows.joined(separator: "\n") + "\n", to: "input-\(name)/devices.csv")
        return folder + "/manifest.yaml"
    }

    func plan(_ name: String) throws -> RunPlan {
        try RunPlan(site: try site, manifest: live.path("input-\(name)/manifest.yaml"), ledger: nil)
    }

    func credential(_ name: String) throws -> any Credential {
        let person = try live.person(name)
        let member = try #require(try site.rosters().last?.member(name))
        let login = try person.token.slot.login(pin: person.token.pin)
        return try TokenCredential(of: member, login: login, rehearsal: false)
    }

    /// The run authority's token, opened by two of its share holders.
    func authority() throws -> TokenKey {
        var shares = try #require(try ShareCollection(of: "authority", in: try site))
        for name in ["carol", "bob"] { try shares.present(by: name, with: try credential(name)) }
        let token = try site.open("authority", pin: .known(try shares.pin()))
        return try TokenKey(try site.publishedKey(.runAuthority).label, login: token.login)
    }

    func statement(_ plan: RunPlan, at now: Date = Date()) throws -> AuthorisationStatement {
        try plan.statement(spoilage: 4, validity: .seconds(3600), by: Approvers(try site), at: now)
    }

    /// Signs a statement with real tokens and none of the checks of whether it fits what is here.
    func signed(
        _ statement: AuthorisationStatement, by names: [String] = ["alice", "bob"], countersigned: Bool = true
    ) throws -> ApprovedMessage {
        let approvers = try Approvers(try site)
        var message = try ApprovedMessage(content: try statement.encode())
        for name in names {
            message = try approvers.approve(message, as: name, with: try credential(name))
        }
        return countersigned ? try approvers.countersign(message, with: try authority()) : message
    }

    func put(_ message: ApprovedMessage, as run: String) throws {
        try put(try message.der(), as: run)
    }

    func put(_ der: [UInt8], as run: String) throws {
        let folder = live.path("runs/\(run)")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(der).write(to: URL(fileURLWithPath: folder + "/authorisation.p7s"))
    }

    func put(_ message: ApprovedMessage, to path: String) throws {
        try Data(try message.der()).write(to: URL(fileURLWithPath: path))
    }

    /// The program at a terminal of its own, as the people of the site have it.
    func terminal(
        _ arguments: [String], sources: [String] = [], answer: (String) -> String? = { _ in nil }
    ) throws -> (code: Int32, text: String) {
        let sources = sources.flatMap { ["--pin-source", "\($0)=file:\(live.path("\($0).pin"))"] }
        let program = try TerminalProgram(
            TerminalProgram.rootline, arguments + sources + ["--site", folder], in: folder,
            environment: [
                "SOFTHSM2_CONF": TestTokens.configuration, "PATH": "/usr/bin:/bin", "HOME": folder,
                "TERM": "dumb",
            ])
        let code = try program.converse { prompt in
            if let person = live.people.first(where: { prompt.contains("\($0.name), the PIN of your token") })
            {
                return person.token.pinText
            }
            return answer(prompt)
        }
        return (code, program.text.replacingOccurrences(of: "\r\n", with: "\n"))
    }
}
