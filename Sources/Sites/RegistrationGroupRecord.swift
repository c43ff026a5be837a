import Foundation
import TokenKeys

/// What `certificates/registration-groups/<name>.json` says of an enrolment group's key.
public struct RegistrationGroupRecord: Codable, Sendable, Hashable {
    public var version = 1
    public var group: String
    public var label: String
    /// The site's name for the token that holds the key.
    public var token: String
    /// `CKA_KEY_TYPE` and what the key is for.
    public var type = "CKK_GENERIC_SECRET, CKM_SHA256_HMAC"
    /// `CKA_ID` in hexadecimal.
    public var id: String
    /// Whether the token made the key. One that was imported has been outside, and whoever had it there can derive every
    /// device's secret.
    public var local: Bool
    public var sessionCopies: Bool
    /// The first eight octets, in hexadecimal, of HMAC-SHA256 over `RegistrationGroupKey.checkText`.
    public var checkValue: String
    /// As the token answered them when the key was placed.
    public var attributes: [String: Bool?]
    /// What the token refused when it was tried, and how.
    public var refusals: [String: String]
    /// RFC 3339, UTC.
    public var madeAt: String

    public init(_ key: RegistrationGroupKey, token: String, madeAt: Date) {
        group = key.label.name
        label = key.label.description
        self.token = token
        id = RegistrationGroupRecord.hex(key.id)
        local = key.isLocal
        sessionCopies = key.sessionCopies
        checkValue = RegistrationGroupRecord.hex(key.checkValue)
        attributes = Dictionary(key.readBack.map { ($0.name, $0.value) }) { $1 }
        refusals = Dictionary(key.refusals.map { ($0.attempt, $0.answer) }) { $1 }
        self.madeAt = madeAt.formatted(.iso8601)
    }

    /// Throws unless the token's key is the one of this record.
    public func require(_ key: RegistrationGroupKey) throws(SiteError) {
        guard RegistrationGroupRecord.hex(key.id) == id,
            RegistrationGroupRecord.hex(key.checkValue) == checkValue
        else {
            throw SiteError(
                .refused, label, "the key on the token is not the one of the group's record",
                hint:
                    "Somebody replaced it: its secrets would be no good to the onboarding service. Find out why."
            )
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension Site {
    private func registrationGroupPath(_ group: String) -> String {
        certificates + "/registration-groups/\(group).json"
    }

    /// The label of a group's key on this site; names are of 1 to 64 `A-Z a-z 0-9 . _ -` and fit for a file.
    public func registrationGroupLabel(_ group: String) throws(SiteError) -> KeyLabel {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        }
        guard let first = group.utf8.first, isLetterOrDigit(first), group.utf8.count <= 64,
            group.utf8.allSatisfy({ isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) })
        else {
            throw SiteError(
                .malformed, group,
                "a group's name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or a digit")
        }
        return KeyLabel(role: .registrationGroup, name: group, isRehearsal: isRehearsal)
    }

    /// The record of a group's key; nil where the site has none.
    public func registrationGroup(_ group: String) throws(SiteError) -> RegistrationGroupRecord? {
        let label = try registrationGroupLabel(group)
        let path = registrationGroupPath(group)
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let record: RegistrationGroupRecord
        do {
            record = try JSONDecoder().decode(RegistrationGroupRecord.self, from: data)
        } catch {
            throw SiteError(.malformed, path, "does not read as the record of a registration group")
        }
        guard record.version == 1, record.label == label.description else {
            throw SiteError(
                .malformed, path, "is of another version, or names another key than \(label.description)")
        }
        return record
    }

    /// Writes a group's record; one that stands there already is not replaced. Answers its path.
    public func publish(_ record: RegistrationGroupRecord) throws(SiteError) -> String {
        let path = registrationGroupPath(record.group)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let json: Data
        do {
            try FileManager.default.createDirectory(
                atPath: certificates + "/registration-groups", withIntermediateDirectories: true)
            json = try encoder.encode(record)
        } catch {
            throw SiteError(.cannotCreate, path, error.systemReason)
        }
        try Site.createExclusively(path, Array(json) + [0x0A])
        return path
    }
}
