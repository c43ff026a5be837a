import CanonicalJSON
import SignedStatements
import TransparencyLog

/// Pins as a file: one JSON object, which a publisher prints and a consumer keeps. `PinningALog.md` has the form.
public enum PinsFile {
    /// Octets that are read.
    private static let maximumLength = 1 << 16
    /// A hundred years.
    private static let longestAge = 36_525 * 86_400
    private static let members: Set<String> = [
        "version", "origin", "logKey", "ed25519Key", "roster", "witnesses", "maxAge",
    ]

    /// Reads pins; a member that is not known, is there twice or has another type is refused as `pins`.
    ///
    /// Whether a rehearsal is accepted is not the file's to say.
    public static func read(
        _ bytes: [UInt8], allowRehearsal: Bool = false
    ) throws(AllowlistError) -> Pins {
        guard bytes.count <= maximumLength, let text = withoutSpace(bytes),
            let document = JSONValue(unordered: text), case .object(let object) = document
        else { throw refusal("the file is not one JSON object") }
        if let unknown = object.keys.filter({ !members.contains($0) }).min() {
            throw refusal("the member `\(unknown)` is not known")
        }
        guard document["version"] == 1 else { throw refusal("`version` is not 1") }
        guard let origin = document["origin"]?.text else { throw refusal("`origin` is missing or no string") }
        guard let key = document["logKey"]?.text.flatMap(Base64.decode) else {
            throw refusal("`logKey` is missing or not base64")
        }
        var pins = try Pins(origin: origin, logKeySPKI: key, allowRehearsal: allowRehearsal)
        if let value = document["ed25519Key"] { pins.ed25519Key = try ed25519Key(value, origin) }
        if let value = document["roster"] {
            guard let digits = value.text, let octets = StatementForm.octets(hexadecimal: digits),
                let digest = Digest32(octets)
            else { throw refusal("`roster` is not 64 lower-case hexadecimal digits") }
            pins.roster = digest
        }
        if let value = document["witnesses"] { pins.witnesses = try witnesses(value) }
        if let value = document["maxAge"] {
            guard let seconds = value.number, (1...longestAge).contains(seconds) else {
                throw refusal("`maxAge` is not a number of seconds, from 1 on")
            }
            pins.maxAge = UInt64(seconds)
        }
        return pins
    }

    /// The pins in the form that is read, with a newline at the end.
    public static func write(_ pins: Pins) -> [UInt8] {
        var object: [String: JSONValue] = [
            "version": 1, "origin": .string(pins.origin),
            "logKey": .string(Base64.encode(pins.logKey.spki)),
        ]
        if let key = pins.ed25519Key { object["ed25519Key"] = .string(key.verifierKey.description) }
        if let roster = pins.roster { object["roster"] = .string(roster.hex) }
        if let witnesses = pins.witnesses {
            object["witnesses"] = [
                "quorum": .integer(witnesses.quorum),
                "keys": .array(witnesses.witnesses.map { .string($0.verifierKey.description) }),
            ]
        }
        if let maxAge = pins.maxAge { object["maxAge"] = .integer(Int(clamping: maxAge)) }
        return JSONValue.object(object).canonical + [0x0A]
    }

    private static func ed25519Key(
        _ value: JSONValue, _ origin: String
    ) throws(AllowlistError) -> Ed25519NoteKey {
        do throws(TransparencyLogError) {
            let key = try Ed25519NoteKey(try VerifierKey(parsing: value.text ?? ""))
            guard key.name == origin else {
                throw TransparencyLogError(.key, "its name is not the origin")
            }
            return key
        } catch {
            throw refusal("`ed25519Key`: \(error.message)")
        }
    }

    private static func witnesses(_ value: JSONValue) throws(AllowlistError) -> WitnessQuorum {
        guard case .object(let object) = value, Set(object.keys) == ["quorum", "keys"],
            let quorum = value["quorum"]?.number, let items = value["keys"]?.items
        else { throw refusal("`witnesses` is not `quorum` and `keys`") }
        var keys: [CosignerKey] = []
        for item in items {
            do throws(TransparencyLogError) {
                keys.append(try CosignerKey(try VerifierKey(parsing: item.text ?? "")))
            } catch {
                throw refusal("`witnesses`: \(error.message)")
            }
        }
        return try WitnessQuorum(quorum, of: keys)
    }

    /// The text without the white space between its tokens; nil where it has an escape, which no pin needs.
    private static func withoutSpace(_ bytes: [UInt8]) -> [UInt8]? {
        var text: [UInt8] = []
        var isInString = false
        for byte in bytes {
            if byte == UInt8(ascii: "\"") { isInString.toggle() }
            if byte == UInt8(ascii: "\\") || isInString && byte < 0x20 { return nil }
            if !isInString, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { continue }
            text.append(byte)
        }
        return text
    }

    private static func refusal(_ message: String) -> AllowlistError {
        AllowlistError(
            .pins, message, hint: "take the file as `rootline allowlist pins` wrote it, and edit its values")
    }
}
