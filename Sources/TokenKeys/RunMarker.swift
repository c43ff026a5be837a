import PKCS11

/// What a run leaves on the line's token for good: a data object that can be neither modified nor destroyed.
///
/// A ledger or log restored from an older copy would allow an authorisation a second time; the token remembers it.
/// Only initialising the token anew takes the object away, and its keys with it.
public enum RunMarker {
    private static let application = "rootline/run"

    /// Whether the authorisation with this SHA-256 was used on this token.
    public static func exists(authorisation digest: [UInt8], login: Login) throws(TokenKeyError) -> Bool {
        try onToken("run marker") { () throws(PKCS11Error) in
            let session = try login.slot.openSession()
            return try !session.find(
                [
                    .objectClass(.data), Attribute(.application, application),
                    Attribute(.value, bytes: digest),
                ], limit: 1
            ).isEmpty
        }
    }

    /// Leaves the marker of a run, once.
    public static func leave(
        run: String, authorisation digest: [UInt8], login: Login
    ) throws(TokenKeyError) {
        if try exists(authorisation: digest, login: login) { return }
        try onToken("run marker") { () throws(PKCS11Error) in
            let session = try login.slot.openSession(readWrite: true)
            _ = try session.create([
                .objectClass(.data), Attribute(.token, true), Attribute(.isPrivate, true),
                Attribute(.application, application), Attribute(.label, run),
                Attribute(.value, bytes: digest), Attribute(.modifiable, false),
                Attribute(.copyable, false), Attribute(.destroyable, false),
            ])
        }
    }
}
