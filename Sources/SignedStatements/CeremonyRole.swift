/// What a ceremony's people are there for (CA/Browser Forum Baseline Requirements 6.1.1.1; ETSI EN 319 411-1 §6.5.1).
public enum CeremonyRole: String, Sendable, CaseIterable, CustomStringConvertible {
    case ceremonyAdministrator = "ceremony-administrator"
    case internalWitness = "internal-witness"
    case externalWitness = "external-witness"
    case systemAdministrator = "system-administrator"
    case safeController = "safe-controller"
    case cryptoOfficer = "crypto-officer"
    case shareHolder = "share-holder"
    case auditor

    public var description: String { rawValue }
}
