import CanonicalJSON

/// What differs between two rehearsals of the same script: masked in the expected transcripts that stand
/// beside the scripts, and nothing else is.
public enum VolatileFields {
    /// Members whose value is replaced by `*`, wherever they stand; `null` stays.
    ///
    /// Keys, signatures and what is hashed over them are new each time; times and the site are the occasion's;
    /// serial numbers and versions are the token's.
    public static let names: Set<String> = [
        // The occasion.
        "prev", "time", "seconds", "tool", "origin", "ceremony", "sequence", "previous",
        // Keys, and what is made by them.
        "publicKey", "signingKey", "shareKey", "subjectPublicKeyInfo", "keyID", "keyIDs", "wrappingKey",
        "wrappedKey",
        "wrappedTransportKey", "set", "signature",
        // Certificates and lists.
        "certificateSerial", "notBefore", "notAfter", "thisUpdate", "nextUpdate", "toBeSigned",
        "toBeSignedDigest",
        "certificate", "certificateDigest", "issuerCertificate", "crl", "crlDigest",
        // Digests over the above.
        "fileDigest", "rosterDigest", "value", "takenDown", "before", "after",
        // The token and its module.
        "tokenLabel", "serial", "manufacturer", "model", "firmware", "hardware", "library", "moduleDigest",
        "tokenAnswer",
    ]

    /// How the label of a token's key for backups begins; the digest of the key follows, and is masked.
    private static let backupLabel = "backup-wrapping:"

    /// The transcript's lines with every volatile value masked, in canonical form, ended by newlines.
    public static func masked(_ transcript: Transcript) -> String {
        transcript.lines.map { String(decoding: mask($0).canonical, as: UTF8.self) + "\n" }.joined()
    }

    private static func mask(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): return .array(values.map(mask))
        case .object(let members):
            var masked: [String: JSONValue] = [:]
            for (name, value) in members { masked[name] = mask(value, of: name) }
            return .object(masked)
        default: return value
        }
    }

    private static func mask(_ value: JSONValue, of name: String) -> JSONValue {
        if value == .null { return value }
        if names.contains(name) { return "*" }
        if name == "label", let text = value.text, text.hasPrefix(backupLabel) {
            return .string(backupLabel + "*")
        }
        return mask(value)
    }
}
