import ArgumentParser
import Foundation
import PKCS11
import Sites
import TokenKeys

struct KeyRegistrationGroupCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "registration-group",
        abstract: "Make or import the key of an enrolment group, for devices' registration secrets.",
        discussion: """
            A device's registration secret is HMAC-SHA256 of its registration id under this key, computed in the \
            line's token; manifests name the group (`registration`). A key made here cannot leave the token, so an \
            onboarding service that has to derive the same secrets cannot get it: where it made the key, import it. \
            An imported key has been outside; its record says so.
            """)

    @Argument(help: "The group's name: 1 to 64 of A-Z a-z 0-9 . _ -") var name: String
    @Option(
        name: [.customLong("import")],
        help: ArgumentHelp(
            "Where a key that the onboarding service made comes from, in base64: file:PATH or fd:N.",
            discussion: "32 to 64 octets. A file has to be its owner's alone (mode 600)."))
    var source: String?
    @Flag(
        help: ArgumentHelp(
            "Let workers hold copies of the key inside the token, with which some sign faster.",
            discussion:
                "The key is then MODIFIABLE and COPYABLE; it can never be made extractable. A choice for good."
        ))
    var sessionCopies = false
    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var version = 1
        var record: RegistrationGroupRecord
        var path: String
    }

    func run() throws {
        let site = try siteOptions.open()
        let lock = try site.lockForRun()
        defer { withExtendedLifetime(lock) {} }
        let label = try site.registrationGroupLabel(name)
        if let record = try site.registrationGroup(name) {
            throw TokenKeyError(
                .labelTaken, label.description, "the site has this group since \(record.madeAt)",
                hint: "A group's key is made once; choose another name for another key.")
        }
        let secret = try source.map { text in
            switch try PINSource(text) {
            case .file(let path): return try RegistrationGroupKey.secret(base64: PIN.read(file: path))
            case .descriptor(let number):
                return try RegistrationGroupKey.secret(
                    base64: PIN.read(descriptor: number, name: "fd:\(number)"))
            case .site, .known: throw ValidationError("--import is file:PATH or fd:N.")
            }
        }
        let tokenName = try site.publishedKey(.issuingCA).tokenName
        let token = try site.open(tokenName, pin: pins.source(tokenName, in: site))
        let key =
            if let secret {
                try RegistrationGroupKey.importing(
                    secret, as: label, sessionCopies: sessionCopies, login: token.login)
            } else {
                try RegistrationGroupKey.make(label, sessionCopies: sessionCopies, login: token.login)
            }
        let record = RegistrationGroupRecord(key, token: tokenName, madeAt: Date())
        let path = try site.publish(record)
        if output.format == .json { return try printJSON(Document(record: record, path: path)) }
        print("\(record.local ? "made" : "imported")  \(record.label) on token \(record.token)")
        print("  check value  \(record.checkValue)")
        print("  record       \(path)")
        if !record.local {
            Terminal.say(
                "The key was outside the token: whoever has it there can derive every device's secret.")
        }
    }
}
