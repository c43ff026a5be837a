import ArgumentParser
import Foundation
import PKCS11
import Sites
import TokenKeys

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The keys on the site's tokens.",
        subcommands: [KeyListCommand.self, KeyShowCommand.self, KeyRegistrationGroupCommand.self])
}

struct KeyListCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys of every token, or of one.")

    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions
    @Option(name: .long, help: "The site's name of one token.") var token: String?

    struct Listing: Encodable {
        var version = 1
        var keys: [KeyDescription]
    }

    func run() throws {
        let site = try siteOptions.open()
        var keys: [KeyDescription] = []
        for name in token.map({ [$0] }) ?? site.description.tokens.keys.sorted() {
            let source = try pins.source(name, in: site, ofSeveral: token == nil)
            let token = try site.open(name, pin: source)
            keys += try KeyDescription.all(on: token)
        }
        if output.format == .json { return try printJSON(Listing(keys: keys)) }
        if keys.isEmpty {
            print("No keys yet: the ceremonies make them (`rootline ceremony rehearse SCRIPT`).")
            return
        }
        let width = keys.map(\.label.count).max() ?? 0
        for key in keys {
            let label = key.label.padding(toLength: width, withPad: " ", startingAt: 0)
            print("\(label)  \(key.type)  token \(key.token)  id \(key.id)")
        }
    }
}

struct KeyShowCommand: ParsableCommand, FormattedCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one key: its attributes as the token answers them, its public part.")

    @OptionGroup var siteOptions: SiteOptions
    @OptionGroup var pins: PINOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The key's label, e.g. rehearsal/root-ca:root, as `key list` prints it.") var label:
        String

    struct Document: Encodable {
        var version = 1
        var key: KeyDescription
    }

    func run() throws {
        let site = try siteOptions.open()
        for name in site.description.tokens.keys.sorted() {
            let token = try site.open(name, pin: pins.source(name, in: site, ofSeveral: true))
            guard let key = try KeyDescription.all(on: token).first(where: { $0.label == label }) else {
                continue
            }
            if output.format == .json { return try printJSON(Document(key: key)) }
            print("label       \(key.label)")
            print("token       \(key.token)")
            print("type        \(key.type)")
            print("id          \(key.id)")
            for (attribute, value) in key.attributes.sorted(by: { $0.key < $1.key }) {
                print("\(attribute.padding(toLength: 22, withPad: " ", startingAt: 0)) \(value)")
            }
            if let publicKey = key.publicKey { print(publicKey, terminator: "") }
            return
        }
        throw TokenKeyError(
            .keyAbsent, label, "no token of this site has such a key",
            hint: "`rootline key list` shows the labels.")
    }
}

/// A key as `key list` and `key show` tell of it.
struct KeyDescription: Encodable {
    var label: String
    var role: String
    var rehearsal: Bool
    var token: String
    var type: String
    var id: String
    /// The boolean attributes, as the token answers them.
    var attributes: [String: Bool]
    /// SubjectPublicKeyInfo in PEM, of signing keys.
    var publicKey: String?

    private static let flags: [AttributeType] = [
        .token, .isPrivate, .sensitive, .alwaysSensitive, .extractable, .neverExtractable, .local, .sign,
        .signRecover, .decrypt, .wrap, .unwrap, .derive, .modifiable, .copyable, .wrapWithTrusted,
    ]

    /// The keys on a token whose labels are of our form, by label.
    static func all(on token: OpenToken) throws -> [KeyDescription] {
        try token.slot.withSession { session in
            var found: [KeyDescription] = []
            for kind in [ObjectClass.privateKey, .secretKey] {
                for object in try session.find([.objectClass(kind)]) {
                    let text = try session.attribute(.label, of: object)?.text ?? ""
                    guard let label = KeyLabel(text) else { continue }
                    var attributes: [String: Bool] = [:]
                    for type in flags {
                        if let flag = try session.attribute(type, of: object)?.flag {
                            attributes[type.description] = flag
                        }
                    }
                    let key = kind == .privateKey ? try TokenKey(label, login: token.login) : nil
                    found.append(
                        KeyDescription(
                            label: text, role: label.role.rawValue, rehearsal: label.isRehearsal,
                            token: token.name,
                            type: key.map(\.type.description)
                                ?? (label.role == .registrationGroup ? "HMAC-SHA256" : "AES-256"),
                            id: (try session.attribute(.id, of: object)?.value ?? []).hex,
                            attributes: attributes,
                            publicKey: key.map { publicKeyPEM($0.publicKeyInfo) }))
                }
            }
            return found.sorted { $0.label < $1.label }
        }
    }
}

/// A SubjectPublicKeyInfo in PEM (RFC 7468 §13).
func publicKeyPEM(_ der: [UInt8]) -> String {
    let body = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    return "-----BEGIN PUBLIC KEY-----\n\(body)\n-----END PUBLIC KEY-----\n"
}
