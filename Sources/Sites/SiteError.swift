import Foundation
import Glibc
import PKCS11
import TokenKeys

/// The one error of this library.
public struct SiteError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// No folder, or no `site.yaml` in it.
        case notASite = "site-missing"
        /// `site.yaml` does not parse or says something impossible.
        case malformed = "site-malformed"
        /// The folder to be made is there already.
        case exists = "site-exists"
        /// A file or folder of the site cannot be made.
        case cannotCreate = "site-cannot-create"
        /// Reading or writing failed.
        case io = "site-io"
        /// Another process works on this site.
        case locked = "site-locked"
        /// The site names no such token.
        case unknownToken = "site-unknown-token"
        /// No ceremony of this site has published a key of that role.
        case keyUnpublished = "site-key-unpublished"
        /// No PIN can be had from where it should come.
        case pinUnavailable = "site-pin-unavailable"
        /// What was asked for is not possible in this kind of site.
        case refused = "site-refused"
    }

    public let code: Code
    public let subject: String
    public let message: String
    public let hint: String?

    public init(_ code: Code, _ subject: String, _ message: String, hint: String? = nil) {
        self.code = code
        self.subject = subject
        self.message = message
        self.hint = hint
    }

    public var description: String { "\(subject): \(message)" }
}

extension Error {
    /// The system's words for why a file or folder could not be made; Foundation's own say less.
    package var systemReason: String {
        let underlying = (self as? CocoaError)?.underlying as? POSIXError
        return underlying.map { String(cString: strerror($0.code.rawValue)) } ?? localizedDescription
    }
}
