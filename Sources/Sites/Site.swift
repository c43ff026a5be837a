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

    public init(
        module: String, serial: String, label: String, activation: Activation, pinSource: String?,
        store: String?
    ) {
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
        for (name, token) in description.tokens where token.activation == .quorum && token.pinSource != nil {
            throw SiteError(.malformed, path, "token \(name) is activated by quorum and names a pinSource")
        }
        self.folder = absolute
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
