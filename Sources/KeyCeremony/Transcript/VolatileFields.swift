import CanonicalJSON

/// What differs between two rehearsals of the same script: masked in the expected transcripts that stand
/// beside the scripts, and nothing else is.
public enum VolatileFields {
    /// Members whose value is replaced by `*`, wherever they stand.
    ///
    /// Keys, signatures and what is hashed over them are new each time; times and the site are the occasion's;
    /// serial numbers and versions are the token's.
    public static let names: Set<String> = [
        "prev", "time", "tool", "origin", "ceremony", "sequence", "previous",
        "publicKey", "subjectPublicKeyInfo", "signature", "keyID", "certificateSerial", "notBefore",
        "notAfter",
        "toBeSignedDigest", "certificate", "certificateDigest", "issuerDigest", "fileDigest", "value",
        "takenDown",
        "tokenLabel", "serial", "manufacturer", "model", "firmware", "hardware", "library", "moduleDigest",
        "tokenAnswer",
    ]

    /// The transcript's lines with every volatile value masked, in canonical form, ended by newlines.
    public static func masked(_ transcript: Transcript) -> String {
        transcript.lines.map { String(decoding: mask($0).canonical, as: UTF8.self) + "\n" }.joined()
    }

    private static func mask(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): return .array(values.map(mask))
        case .object(let members):
            var masked: [String: JSONValue] = [:]
            for (name, value) in members { masked[name] = names.contains(name) ? "*" : mask(value) }
            return .object(masked)
        default: return value
        }
    }
}
