import Foundation
import Yams

/// How a token's PIN is had when it is needed.
public enum Activation: String, Codable, Sendable {
    /// From custodians who bring their shares together.
    case quorum
    /// From a file or descriptor, so that a line runs unattended.
    case pinSource = "pin-source"
}

/// Where one of the site's tokens is: never its slot number, never its PIN.
public struct TokenBinding: Codable, Sendable {
    /// The PKCS#11 module's path.
    public let module: String
    public let serial: String
    public let label: String
    public let activation: Activation
    /// The file that holds the PIN, relative to the site or absolute, where activation is by pin-source.
    public let pinSource: String?
    /// The folder, relative to the site, of an embedded SoftHSM's token files; nil for every other module.
    public let store: String?
    /// The file of the security officer's PIN; a rehearsal site's alone, whose ceremonies run unattended.
    public let officerPinSource: String?
    /// What the HSM is certified to, with the certificate's number, and the mode it runs in, as people state them:
    /// PKCS#11 does not tell.
    public let certification: String?
    public let mode: String?

    public init(
        module: String, serial: String, label: String, activation: Activation, pinSource: String?,
        store: String?, officerPinSource: String? = nil, certification: String? = nil, mode: String? = nil
    ) {
        self.officerPinSource = officerPinSource
        self.certification = certification
        self.mode = mode
        self.module = module
        self.serial = serial
        self.label = label
        self.activation = activation
        self.pinSource = pinSource
        self.store = store
    }
}

/// What `site.yaml` says.
public struct SiteDescription: Codable, Sendable {
    public var version: Int
    /// Set by `init --demo`, and for good: everything made here says that it is a rehearsal's.
    public var rehearsal: Bool
    /// The name of the log, a URL without its scheme (C2SP tlog-checkpoint).
    public var origin: String
    public var tokens: [String: TokenBinding]
    /// The first version of the roster, from which every later one descends; nil until it is pinned.
    public var roster: RosterPin?
    /// The module through which people's own tokens are reached; nil where it is that of the site's first token.
    public var credentialModule: String?
    /// How the log names its devices; nil where that is plain.
    public var serials: SerialListing?
    /// The SHA-256 of the serial key in hexadecimal, where serials are hashed: another key would make another list.
    public var serialKeyDigest: String?

    public init(
        version: Int, rehearsal: Bool, origin: String, tokens: [String: TokenBinding],
        roster: RosterPin? = nil, credentialModule: String? = nil, serials: SerialListing? = nil,
        serialKeyDigest: String? = nil
    ) {
        self.version = version
        self.rehearsal = rehearsal
        self.origin = origin
        self.tokens = tokens
        self.roster = roster
        self.credentialModule = credentialModule
        self.serials = serials
        self.serialKeyDigest = serialKeyDigest
    }
}

/// The digest that was read aloud when the first roster was signed, and where that roster stands.
public struct RosterPin: Codable, Sendable, Hashable {
    /// Relative to the site.
    public let path: String
    /// Of the document in canonical form, in hexadecimal.
    public let sha256: String

    public init(path: String, sha256: String) {
        self.path = path
        self.sha256 = sha256
    }
}

/// A site: one folder with its tokens' bindings, its ledger, its log and the records of its runs and ceremonies.
public struct Site: Sendable {
    /// The folder's absolute path.
    public let folder: String
    public let description: SiteDescription

    /// The origins of rehearsals begin so; `.invalid` is reserved and can be no customer's (RFC 2606).
    public static let rehearsalOriginPrefix = "rehearsal.invalid/"

    public var isRehearsal: Bool { description.rehearsal }
    public var origin: String { description.origin }

    /// Opens the site in `folder`; reads `site.yaml` and nothing else.
    public init(opening folder: String) throws(SiteError) {
        let absolute = URL(fileURLWithPath: folder).standardizedFileURL.path
        let path = absolute + "/site.yaml"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(
                .notASite, folder, "no site.yaml here",
                hint: "Name a site with --site DIR or ROOTLINE_SITE; `rootline init DIR` makes one.")
        }
        do {
            description = try YAMLDecoder().decode(SiteDescription.self, from: data)
        } catch {
            throw SiteError(.malformed, path, Site.reason(error))
        }
        guard description.version == 1 else {
            throw SiteError(.malformed, path, "version \(description.version) is not known; this is for 1")
        }
        guard description.rehearsal == description.origin.hasPrefix(Site.rehearsalOriginPrefix) else {
            throw SiteError(
                .malformed, path, "`rehearsal` and the origin disagree",
                hint: "A rehearsal's origin begins with \(Site.rehearsalOriginPrefix), no other does.")
        }
        if !description.rehearsal,
            let name = description.tokens.first(where: { $0.value.officerPinSource != nil })?.key
        {
            throw SiteError(
                .malformed, path,
                "token \(name) names an officerPinSource, which a rehearsal site alone may have")
        }
        for (name, token) in description.tokens where token.activation == .quorum && token.pinSource != nil {
            throw SiteError(.malformed, path, "token \(name) is activated by quorum and names a pinSource")
        }
        self.folder = absolute
        try requireConsistentSerials(path)
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        switch error {
        case .keyNotFound(let key, let context):
            return "`\((context.codingPath + [key]).map(\.stringValue).joined(separator: "."))` is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            return place.isEmpty ? context.debugDescription : "`\(place)`: \(context.debugDescription)"
        @unknown default:
            return "\(error)"
        }
    }

    public func path(_ relative: String) -> String { folder + "/" + relative }

    public var ledger: String { path("ledger.sqlite") }
    public var log: String { path("log") }
    /// What the ceremonies published: one PEM a role.
    public var certificates: String { path("certificates") }
    public var templates: String { path("templates") }
    public func runFolder(_ run: String) -> String { path("runs/\(run)") }
    public func ceremonyFolder(_ id: String) -> String { path("ceremonies/\(id)") }

    public func token(_ name: String) throws(SiteError) -> TokenBinding {
        guard let binding = description.tokens[name] else {
            throw SiteError(
                .unknownToken, name, "site.yaml names no such token",
                hint: "It names: \(description.tokens.keys.sorted().joined(separator: ", ")).")
        }
        return binding
    }
}
