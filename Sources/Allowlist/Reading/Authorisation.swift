import TransparencyLog

/// Where a bundle keeps the authorisations that its entries cite.
public enum Authorisation {
    /// The path of the authorisation with this SHA-256.
    public static func path(of digest: Digest32) -> String {
        "authorisations/\(digest.hex).p7s"
    }

    /// Bytes an authorisation may have.
    static let maximumLength = 1 << 24

    /// Throws unless the bundle holds the authorisation with this SHA-256.
    static func check(_ digest: Digest32, in bundle: any BundleSource) throws(AllowlistError) {
        let path = path(of: digest)
        let bytes = try bundle.bytes(of: path, maximum: maximumLength)
        guard Digest32.sha256(bytes) == digest else {
            throw AllowlistError(
                .authorisation, file: path, "the authorisation does not have the digest it is cited by",
                hint: BundleFolder.incompleteHint)
        }
    }
}
