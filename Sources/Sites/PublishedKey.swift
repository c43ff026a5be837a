import Crypto
import Foundation
import Glibc
import TokenKeys

/// A key that a ceremony of this site made and published, with its certificate.
public struct PublishedKey: Sendable, Hashable {
    public let label: KeyLabel
    /// The certificate's DER, as it stands in `certificates/<role>.pem`.
    public let certificate: [UInt8]
    /// The site's name for the token that holds the key.
    public let tokenName: String
    /// The folder of its ceremony under `ceremonies/`.
    public let ceremony: String
    /// The transcript's head when the certificate was published: the SHA-256, in hexadecimal, of the line
    /// that announced it.
    public let transcriptHead: String

    public init(
        label: KeyLabel, certificate: [UInt8], tokenName: String, ceremony: String, transcriptHead: String
    ) {
        self.label = label
        self.certificate = certificate
        self.tokenName = tokenName
        self.ceremony = ceremony
        self.transcriptHead = transcriptHead
    }
}

/// Which of the keys of a role that follow one another.
public enum KeyGeneration: Hashable, Sendable {
    /// The one in use.
    case present
    /// The one that a ceremony has made to follow it, and that nothing is signed with yet.
    case next
    /// One that is no longer in use, by its number, from 1.
    case retired(Int)

    /// What stands behind the role in the names of its files.
    var suffix: String {
        switch self {
        case .present: ""
        case .next: "-next"
        case .retired(let number): "-\(number)"
        }
    }
}

/// What `certificates/<role>.json` says: where the key is, beside the PEM for whoever needs only that.
private struct PublicationRecord: Codable {
    var version = 1
    var label: String
    var token: String
    /// The PEM's file name in the same folder.
    var certificate: String
    /// Of the certificate's DER, in hexadecimal.
    var sha256: String
    var ceremony: String
    var transcriptHead: String
}

extension Site {
    public func certificatePath(_ role: KeyRole, _ generation: KeyGeneration = .present) -> String {
        certificates + "/" + Site.certificateName(role, generation)
    }

    public func publicationPath(_ role: KeyRole, _ generation: KeyGeneration = .present) -> String {
        certificates + "/\(role.rawValue)\(generation.suffix).json"
    }

    /// The PEM's name in `certificates`.
    public static func certificateName(_ role: KeyRole, _ generation: KeyGeneration) -> String {
        "\(role.rawValue)\(generation.suffix).pem"
    }

    /// The site's key of this role; throws where no ceremony has published one, or where record, certificate
    /// and site contradict each other.
    public func publishedKey(
        _ role: KeyRole, _ generation: KeyGeneration = .present
    ) throws(SiteError) -> PublishedKey {
        let path = publicationPath(role, generation)
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(
                .keyUnpublished, role.rawValue + generation.suffix,
                "no ceremony of this site has published such a key",
                hint: "`rootline ceremony rehearse` or `perform` with the script of that role makes one.")
        }
        let record: PublicationRecord
        do {
            record = try JSONDecoder().decode(PublicationRecord.self, from: data)
        } catch {
            throw SiteError(.malformed, path, "does not read as the record of a published key")
        }
        guard record.version == 1 else {
            throw SiteError(.malformed, path, "version \(record.version) is not known; this is for 1")
        }
        guard let label = KeyLabel(record.label), label.role == role,
            record.certificate == Site.certificateName(role, generation)
        else { throw SiteError(.malformed, path, "names another role's key or certificate") }
        guard label.isRehearsal == isRehearsal else {
            throw SiteError(
                .refused, path,
                isRehearsal
                    ? "a live key is refused in a rehearsal site"
                    : "a rehearsal's key is refused in a live site")
        }
        let pemPath = certificatePath(role, generation)
        guard let text = FileManager.default.contents(atPath: pemPath),
            let der = Site.certificate(inPEM: String(decoding: text, as: UTF8.self))
        else { throw SiteError(.malformed, pemPath, "is not there, or holds not exactly one certificate") }
        guard Site.hex(SHA256.hash(data: der)) == record.sha256 else {
            throw SiteError(
                .malformed, pemPath, "is another certificate than the one its ceremony published",
                hint: "The transcript of ceremony \(record.ceremony) holds the right one.")
        }
        return PublishedKey(
            label: label, certificate: der, tokenName: record.token, ceremony: record.ceremony,
            transcriptHead: record.transcriptHead)
    }

    /// Publishes a key: the PEM, then the record that makes it count. Neither is ever overwritten.
    public func publish(
        _ key: PublishedKey, as generation: KeyGeneration = .present
    ) throws(SiteError) {
        let role = key.label.role
        let bytes = try publicationRecord(of: key, as: generation)
        let pem = Array(Site.certificatePEM(key.certificate).utf8)
        // A ceremony that was killed between the two files writes the second when it is resumed.
        if FileManager.default.contents(atPath: certificatePath(role, generation)) != Data(pem) {
            try Site.createExclusively(certificatePath(role, generation), pem)
        }
        if FileManager.default.contents(atPath: publicationPath(role, generation)) != Data(bytes) {
            try Site.createExclusively(publicationPath(role, generation), bytes)
        }
    }

    /// The record's file of a key, whose folder is there afterwards.
    func publicationRecord(
        of key: PublishedKey, as generation: KeyGeneration
    ) throws(SiteError) -> [UInt8] {
        let record = PublicationRecord(
            label: key.label.description, token: key.tokenName,
            certificate: Site.certificateName(key.label.role, generation),
            sha256: Site.hex(SHA256.hash(data: key.certificate)), ceremony: key.ceremony,
            transcriptHead: key.transcriptHead)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
            return Array(try encoder.encode(record)) + [0x0A]
        } catch {
            throw SiteError(.cannotCreate, certificates, error.systemReason)
        }
    }

    /// Creates a file with all its bytes on disk, or not at all; throws where one stands there already.
    package static func createExclusively(_ path: String, _ bytes: [UInt8]) throws(SiteError) {
        let staging = path + ".new-\(getpid())"
        let descriptor = Glibc.open(staging, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else {
            throw SiteError(.cannotCreate, staging, String(cString: strerror(errno)))
        }
        defer { unlink(staging) }
        do {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, path)
        }
        // Unlike rename, link refuses a name that is taken.
        guard link(staging, path) == 0 else {
            let code = errno
            throw SiteError(
                code == EEXIST ? .exists : .cannotCreate, path,
                code == EEXIST ? "is there already; nothing is overwritten" : String(cString: strerror(code)))
        }
        try flushFolder(of: path)
    }

    /// Writes all of it and flushes it to disk.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(SiteError) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw SiteError(.io, path, String(cString: strerror(errno))) }
            offset += written
        }
        guard fsync(descriptor) == 0 else { throw SiteError(.io, path, String(cString: strerror(errno))) }
    }

    /// Flushes the folder in which a file was given its name.
    package static func flushFolder(of path: String) throws(SiteError) {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let folder = Glibc.open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw SiteError(.io, path, String(cString: strerror(errno))) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw SiteError(.io, path, String(cString: strerror(errno))) }
    }

    private static let pemBegin = "-----BEGIN CERTIFICATE-----"
    private static let pemEnd = "-----END CERTIFICATE-----"

    /// A certificate as `publish` writes it: PEM with lines of 64 characters (RFC 7468 §2).
    public static func certificatePEM(_ der: [UInt8]) -> String {
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "\(pemBegin)\n\(text)\n\(pemEnd)\n"
    }

    /// The DER of the one certificate in the text; nil where there is none or more than one.
    private static func certificate(inPEM text: String) -> [UInt8]? {
        let parts = text.components(separatedBy: pemBegin)
        guard parts.count == 2 else { return nil }
        let body = parts[1].components(separatedBy: pemEnd)
        guard body.count == 2 else { return nil }
        let base64 = body[0].filter { !$0.isWhitespace }
        return Data(base64Encoded: base64).map { Array($0) }
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension Site {
    /// Publishes a revocation list under `crls/`; one that stands there already must be the same.
    public func publishList(_ relative: String, _ der: [UInt8]) throws(SiteError) {
        do {
            try FileManager.default.createDirectory(atPath: path("crls"), withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, path("crls"), error.systemReason)
        }
        if FileManager.default.contents(atPath: path(relative)) != Data(der) {
            try Site.createExclusively(path(relative), der)
        }
    }

    /// Stores a wrapped key; one that stands there already must be the same.
    public func storeBackup(_ path: String, _ bytes: [UInt8]) throws(SiteError) {
        let folder = self.path("backups")
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, folder, error.systemReason)
        }
        if FileManager.default.contents(atPath: path) != Data(bytes) {
            try Site.createExclusively(path, bytes)
        }
    }

    /// Stores a ceremony's document, whole; a later one replaces it.
    public func storeDocument(_ path: String, _ bytes: [UInt8]) throws(SiteError) {
        try Site.replace(path, with: bytes)
    }
}
