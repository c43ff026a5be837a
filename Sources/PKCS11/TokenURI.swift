import CCryptoki

/// A `pkcs11:` URI that names a token (RFC 7512).
///
/// A URI with a `pin-value` is refused: a PIN in a URI ends in logs and process lists.
public struct TokenURI: Sendable, CustomStringConvertible {
    public let text: String
    /// The `module-path` attribute, where the URI has one.
    public let modulePath: String?
    /// The `pin-source` attribute, where the URI has one.
    public let pinSource: String?

    public init(_ text: String) throws(PKCS11Error) {
        guard let uri = p11_kit_uri_new() else {
            throw PKCS11Error(.uriInvalid, subject: "\(text): out of memory")
        }
        defer { p11_kit_uri_free(uri) }
        let answer = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri)
        guard answer == 0 else {
            let reason = p11_kit_uri_message(answer).map { String(cString: $0) } ?? "does not parse"
            throw PKCS11Error(
                .uriInvalid, subject: "\(text): \(reason)",
                hint: "An example: pkcs11:token=line;serial=0123456789abcdef")
        }
        if p11_kit_uri_get_pin_value(uri) != nil {
            throw PKCS11Error(
                .uriInvalid, subject: "a pkcs11: URI with pin-value is refused",
                hint: "Use pin-source, which names a file or descriptor and not the PIN itself.")
        }
        self.text = text
        modulePath = p11_kit_uri_get_module_path(uri).map { String(cString: $0) }
        pinSource = p11_kit_uri_get_pin_source(uri).map { String(cString: $0) }
    }

    /// Whether every token attribute that the URI names equals the token's.
    public func matches(_ token: TokenInfo) -> Bool {
        guard let uri = p11_kit_uri_new() else { return false }
        defer { p11_kit_uri_free(uri) }
        guard p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) == 0 else { return false }
        var raw = token.raw
        return p11_kit_uri_match_token_info(uri, &raw) == 1
    }

    public var description: String { text }
}
