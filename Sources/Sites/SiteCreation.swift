import Foundation
import Glibc
import PKCS11
import TokenKeys
import Yams

/// What is known of an HSM family: `Templates/sites/<name>.yaml`, or a file of one's own.
public struct SiteTemplate: Codable, Sendable {
    public var version: Int
    public var hsm: String
    /// Paths where the module is looked for; the first that exists is taken.
    public var modules: [String]
    /// Whether `init --demo` may make tokens of its own, in a store inside the site.
    public var embedded: Bool
    /// The site's names for tokens, each with the label of the token and how it is activated.
    public var tokens: [String: Token]

    public struct Token: Codable, Sendable {
        public var label: String
        public var activation: Activation
        /// Only where labels are not unique; checked against the token.
        public var serial: String?
        public var pinSource: String?
        /// What the HSM is certified to, with the certificate's number, as every transcript will state it.
        public var certification: String?
        /// The mode in which the HSM runs, as every transcript will state it.
        public var mode: String?
    }

    public static func load(path: String) throws(SiteError) -> SiteTemplate {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(
                .notASite, path, "no such site template",
                hint:
                    "`--hsm softhsm` is built in; for another HSM name a YAML file made from Templates/sites."
            )
        }
        do {
            return try YAMLDecoder().decode(SiteTemplate.self, from: data)
        } catch {
            throw SiteError(.malformed, path, "\(error)")
        }
    }

    var module: String? { modules.first { FileManager.default.fileExists(atPath: $0) } }
}

/// What `init` made.
public struct CreatedSite: Sendable {
    public let site: Site
    public let module: String
    /// The demo's stand-in for a programming station; nil elsewhere.
    public let stationKey: String?
}

extension Site {
    /// Makes a site in `folder`, which must not exist or be empty.
    ///
    /// A demo gets an embedded SoftHSM with tokens of random PINs, which lie in files of mode 600 inside the
    /// site, and a stand-in for the programming station: everything about it is a rehearsal's.
    ///
    /// With hashed `serials` the site gets a serial key of its own.
    public static func create(
        in folder: String, template: SiteTemplate, templates: String, demo: Bool, origin: String?,
        serials: SerialListing = .plain
    ) throws -> CreatedSite {
        let absolute = URL(fileURLWithPath: folder).standardizedFileURL.path
        guard let module = template.module else {
            throw PKCS11Error(
                .moduleMissing,
                subject: "\(template.modules.joined(separator: ", ")): no such PKCS#11 module",
                hint: "Install the HSM's software (for SoftHSM: apt install softhsm2).")
        }
        let origin = try checkedOrigin(origin, demo: demo, folder: absolute)
        try requireVacant(absolute)
        let manager = FileManager.default
        let staging = absolute + ".new-\(getpid())"
        do {
            try manager.createDirectory(
                atPath: staging, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            for name in ["certificates", "ceremonies", "runs", "templates"] {
                try manager.createDirectory(atPath: staging + "/" + name, withIntermediateDirectories: true)
            }
            // Their content alone: where the product is installed for all, the files belong to somebody else.
            for name in try manager.contentsOfDirectory(atPath: templates) where name.hasSuffix(".yaml") {
                try Data(contentsOf: URL(fileURLWithPath: templates + "/" + name))
                    .write(to: URL(fileURLWithPath: staging + "/templates/" + name))
            }
        } catch {
            try? manager.removeItem(atPath: staging)
            throw SiteError(.cannotCreate, folder, error.systemReason)
        }
        do {
            var description = SiteDescription(version: 1, rehearsal: demo, origin: origin, tokens: [:])
            var stationKey: String?
            if demo && template.embedded {
                let store = try EmbeddedStore(site: staging, module: module)
                description.tokens = try store.makeTokens(template.tokens)
                stationKey = try store.enrolDemoStation(on: description.tokens)
            } else {
                description.tokens = try bind(template.tokens, module: module)
            }
            if serials == .hashed {
                description.serials = serials
                description.serialKeyDigest = try makeSerialKey(at: staging + "/" + serialKeyFile)
            }
            try write(description, to: staging + "/site.yaml")
            // An empty folder may stand there already; rename replaces it and nothing else.
            guard rename(staging, absolute) == 0 else {
                throw SiteError(.cannotCreate, folder, String(cString: strerror(errno)))
            }
            let site = try Site(opening: absolute)
            return CreatedSite(
                site: site, module: module, stationKey: stationKey.map { absolute + "/" + $0 })
        } catch {
            try? manager.removeItem(atPath: staging)
            throw error
        }
    }

    private static func checkedOrigin(
        _ origin: String?, demo: Bool, folder: String
    ) throws(SiteError) -> String {
        if demo {
            if let origin, !origin.hasPrefix(rehearsalOriginPrefix) {
                throw SiteError(
                    .malformed, origin, "a demo's origin begins with \(rehearsalOriginPrefix)")
            }
            return origin ?? rehearsalOriginPrefix + URL(fileURLWithPath: folder).lastPathComponent
        }
        guard let origin, !origin.isEmpty else {
            throw SiteError(
                .refused, "--origin", "a live site needs the name of its log",
                hint: "One a customer: --customer NAME --domain devices.example.com")
        }
        if origin.hasPrefix(rehearsalOriginPrefix) || origin.contains(where: { $0.isWhitespace || $0 == "+" })
        {
            throw SiteError(
                .malformed, origin, "no origin of a live log",
                hint: "A URL without its scheme, one a customer: devices.example.com/customer")
        }
        return origin
    }

    private static func requireVacant(_ folder: String) throws(SiteError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else { return }
        let contents = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [""]
        guard isFolder.boolValue, contents.isEmpty else {
            throw SiteError(
                .exists, folder, "is there already and not empty",
                hint: "A site is never made over something: name another folder.")
        }
    }

    private static func bind(
        _ tokens: [String: SiteTemplate.Token], module path: String
    ) throws -> [String: TokenBinding] {
        let module = try Module.load(path: path)
        var bindings: [String: TokenBinding] = [:]
        for (name, token) in tokens {
            let slot = try module.slot(TokenSelector(serial: token.serial, label: token.label))
            let info = try slot.tokenInfo()
            bindings[name] = TokenBinding(
                module: path, serial: info.serial, label: info.label, activation: token.activation,
                pinSource: token.pinSource, store: nil, certification: token.certification,
                mode: token.mode)
        }
        return bindings
    }
}

/// The token files of a demo's own SoftHSM.
private struct EmbeddedStore {
    private static let store = "hsm"
    private let site: String
    private let path: String
    private let module: Module
    private let securityOfficerPIN = PIN.random(digits: 12)

    init(site: String, module path: String) throws {
        self.site = site
        self.path = path
        let tokens = site + "/\(EmbeddedStore.store)/tokens"
        let manager = FileManager.default
        try manager.createDirectory(
            atPath: tokens, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try manager.createDirectory(
            atPath: site + "/secrets", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let configuration = site + "/\(EmbeddedStore.store)/softhsm2.conf"
        try Data(Site.softHSMConfiguration(tokens: tokens).utf8).write(
            to: URL(fileURLWithPath: configuration))
        setenv("SOFTHSM2_CONF", configuration, 1)
        module = try Module.load(path: path)
    }

    func makeTokens(_ tokens: [String: SiteTemplate.Token]) throws -> [String: TokenBinding] {
        var bindings: [String: TokenBinding] = [:]
        for (name, token) in tokens.sorted(by: { $0.key < $1.key }) {
            let free = try module.slots().first { try !$0.tokenInfo().isInitialized }
            guard let free else {
                throw SiteError(.refused, name, "the module shows no slot for another token")
            }
            try free.initializeToken(label: token.label, securityOfficerPIN: securityOfficerPIN)
            let slot = try module.slot(TokenSelector(serial: nil, label: token.label))
            let pin = PIN.random(digits: 12)
            do {
                let login = try slot.login(.securityOfficer, pin: securityOfficerPIN)
                try slot.withSession(readWrite: true) { try $0.initializePIN(pin) }
                withExtendedLifetime(login) {}
            }
            let pinSource = "secrets/\(name).pin"
            try write(pin, to: site + "/" + pinSource)
            let officerSource = "secrets/\(name).so.pin"
            try write(securityOfficerPIN, to: site + "/" + officerSource)
            bindings[name] = TokenBinding(
                module: path, serial: try slot.tokenInfo().serial, label: token.label,
                // A demo has no custodians: its tokens open by file, whatever a live site would demand.
                activation: .pinSource, pinSource: pinSource, store: EmbeddedStore.store,
                officerPinSource: officerSource, certification: "none: SoftHSM is software",
                mode: "not applicable")
        }
        return bindings
    }

    /// Makes a stand-in for the programming station and enrols its key on the line's token.
    func enrolDemoStation(on tokens: [String: TokenBinding]) throws -> String? {
        guard let line = tokens["line"] else { return nil }
        let folder = site + "/station"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let pair = try DemoStation.make()
        try Data(pair.privateKeyPEM.utf8).write(to: URL(fileURLWithPath: folder + "/station-private.pem"))
        chmod(folder + "/station-private.pem", 0o600)
        try Data(pair.publicKeyPEM.utf8).write(to: URL(fileURLWithPath: folder + "/station.pem"))
        let slot = try module.slot(TokenSelector(serial: line.serial, label: line.label))
        let login = try slot.login(.securityOfficer, pin: securityOfficerPIN)
        try pair.key.enrol(securityOfficer: login)
        withExtendedLifetime(login) {}
        return "station/station.pem"
    }

    private func write(_ pin: PIN, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SiteError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        let written = pin.withBytes { Glibc.write(descriptor, $0, Int($1)) }
        guard written == pin.count else { throw SiteError(.io, path, String(cString: strerror(errno))) }
    }
}
