import CanonicalJSON
import Foundation
import Rosters
import SignedStatements

/// What a transcript says has happened, line by line: where the ceremony stands and what it has made.
///
/// The runner knows nothing else of the past. While it runs it applies each line that it writes; a ceremony that is
/// resumed applies those that it finds, and goes on as if it had never stopped.
struct CeremonyRecord: Sendable {
    /// An effect on a token: meant, done, seen.
    struct Effect: Sendable {
        var intent: JSONValue
        var effect: JSONValue?
        var observed: JSONValue?
    }

    /// A key that the ceremony has made or found.
    struct Key: Sendable, Hashable {
        var label: String
        var id: [UInt8]
        var publicKeyInfo: [UInt8]
    }

    private(set) var begin: JSONValue?
    /// How many steps are done.
    private(set) var stepsDone = 0
    /// The step at hand, and how often it was begun.
    private(set) var step: String?
    private(set) var attempt = 0
    private(set) var stepBegan: Date?
    /// Whose sign-offs of the step, or of an exception, this attempt has, by the statement's `step`.
    private(set) var signOffs: [String: Set<String>] = [:]
    /// Lines of the step that are no effect, by type, of all its attempts.
    private(set) var events: [String: [JSONValue]] = [:]
    private(set) var effects: [String: Effect] = [:]
    private(set) var exceptions = 0
    private(set) var interruptions = 0
    /// Keys by label.
    private(set) var keys: [String: Key] = [:]
    /// Certificates' DER by the label of the subject's key.
    private(set) var certificates: [String: [UInt8]] = [:]
    /// Revocation lists' DER by step.
    private(set) var lists: [String: [UInt8]] = [:]
    private(set) var roster: JSONValue?
    /// What people got in this ceremony, by name: signing key and share key.
    private(set) var credentials: [String: (signing: [UInt8], share: [UInt8])] = [:]
    /// The first and the last list of objects of each token.
    private(set) var inventories: [String: (first: JSONValue, last: JSONValue)] = [:]

    static func key(_ effect: String, _ subject: String) -> String { "\(effect) \(subject)" }

    /// What an effect is about, by the member that its kind is told apart by.
    private static func subject(_ line: JSONValue) -> String {
        for name in ["label", "subjectKey", "name", "set"] {
            if let text = line[name]?.text { return text }
        }
        switch line["token"] {
        case .string(let name)?: return name
        case .some(let token): return token["name"]?.text ?? ""
        case nil: return ""
        }
    }

    mutating func apply(_ line: JSONValue) {
        let type = line["type"]?.text ?? ""
        switch type {
        case "begin": begin = line
        case "step":
            let name = line["step"]?.text
            if name != step {
                events = [:]
                effects = [:]
            }
            step = name
            attempt = line["attempt"]?.number ?? 1
            stepBegan = line["time"]?.text.flatMap { try? Date($0, strategy: .iso8601) }
            signOffs = [:]
        case "done":
            stepsDone += 1
            step = nil
            attempt = 0
            events = [:]
            effects = [:]
        case "sign-off":
            if let name = line["name"]?.text, let step = line["step"]?.text {
                signOffs[step, default: []].insert(name)
            }
        case "intent", "effect", "observed": applyEffect(line, type)
        case "exception": exceptions += 1
        case "resumed": interruptions += 1
        default:
            events[type, default: []].append(line)
            if type == "inventory", let token = line["token"]?.text, let objects = line["objects"] {
                inventories[token] = (inventories[token]?.first ?? objects, objects)
            }
        }
    }

    private mutating func applyEffect(_ line: JSONValue, _ type: String) {
        let kind = line["effect"]?.text ?? ""
        // Certificates and lists are one a step; their later lines need not name the subject again.
        let isSingle = kind == "sign-certificate" || kind == "sign-crl" || kind == "sign-roster"
        let key = Self.key(kind, isSingle ? "" : Self.subject(line))
        switch type {
        case "intent": effects[key] = Effect(intent: line)
        case "effect": effects[key]?.effect = line
        default: effects[key]?.observed = line
        }
        func octets(_ name: String) -> [UInt8] { line[name]?.octets ?? [] }
        switch (kind, type) {
        case ("generate-key", "effect"), ("unwrap", "effect"):
            let label = line["label"]?.text ?? ""
            keys[label] = Key(
                label: label, id: hexadecimalOctets(line["keyID"]?.text ?? ""),
                publicKeyInfo: octets("subjectPublicKeyInfo"))
        case ("sign-certificate", "observed"):
            if let label = effects[key]?.intent["subjectKey"]?.text {
                certificates[label] = octets("certificate")
            }
        case ("sign-crl", "observed"):
            if let step = line["step"]?.text { lists[step] = octets("crl") }
        case ("enrol-credential", "effect"):
            if let name = line["name"]?.text {
                credentials[name] = (octets("signingKey"), octets("shareKey"))
            }
        case ("sign-roster", "observed"): roster = line["roster"]
        default: break
        }
    }
}

/// The octets of lower-case hexadecimal text; what is no such text gives none.
package func hexadecimalOctets(_ text: String) -> [UInt8] {
    guard text.count % 2 == 0 else { return [] }
    var octets: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
        guard let octet = UInt8(rest.prefix(2), radix: 16) else { return [] }
        octets.append(octet)
        rest = rest.dropFirst(2)
    }
    return octets
}
