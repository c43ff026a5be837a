import Foundation
import PKCS11
import Rosters
import SecretSharing
import SignedStatements

extension ActivationStore {
    /// A holder's share, sealed to them; refused where the file is another token's, set's or holder's.
    public func sealedShare(of holder: String, in set: ActivationSet) throws -> SealedShare {
        guard let index = set.holders.firstIndex(where: { $0.name == holder }) else {
            throw RosterError(.shareRefused, holder, "holds no share of token \(token)")
        }
        let path = path(set: set.set, holder: index)
        let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        let sealed = try SealedShare(reading: bytes, path: path)
        guard sealed.token == (try site.token(token)).serial, sealed.set == set.set,
            sealed.holder == holder, sealed.isRehearsal == site.isRehearsal
        else {
            throw RosterError(
                .shareRefused, holder, "the share in \(path) is another token's, set's or holder's")
        }
        return sealed
    }
}

extension ActivationSet {
    /// Whether the words are the share that this holder was given: compared by what was noted of it then.
    public func isShare(_ share: SLIP39.Share, of holder: String) -> Bool {
        holders.first { $0.name == holder }?.commitment == share.mnemonic.commitment(set: set)
    }
}

/// The shares of a token's activation data as their holders present them, until there are enough.
///
/// The token's PIN follows from them. It is never written anywhere, and this value forgets the shares with itself.
public struct ShareCollection {
    public let token: String
    public let set: ActivationSet
    private let store: ActivationStore
    private var shares: [[SLIP39.Share]]
    private var presented: Set<String> = []

    /// nil where no ceremony has split the token's activation data.
    public init?(of token: String, in site: Site) throws {
        store = site.activation(of: token)
        guard let current = try store.current() else { return nil }
        self.token = token
        set = try store.describe(current)
        shares = set.groups.map { _ in [] }
    }

    private var whole: [[SLIP39.Share]] {
        zip(set.groups, shares).filter { $1.count == $0.needed }.map { $1 }
    }

    public var isComplete: Bool { whole.count >= set.groupsNeeded }
    public var count: Int { presented.count }

    /// Those whose share would still help, in the order of their shares.
    public var wanted: [String] {
        guard !isComplete else { return [] }
        return zip(set.groups, shares).filter { $1.count < $0.needed }
            .flatMap { $0.0.holders.map(\.name) }.filter { !presented.contains($0) }
    }

    /// Takes the share that a holder's token opens.
    public mutating func present(by holder: String, with credential: any Credential) throws {
        let mnemonic = try credential.open(try store.sealedShare(of: holder, in: set))
        try present(mnemonic, by: holder)
    }

    /// Takes the words of a share; a wrong one is refused and says whose it is, never a word of it.
    public mutating func present(_ mnemonic: SecretBytes, by holder: String) throws {
        guard let group = set.groups.firstIndex(where: { $0.holders.contains { $0.name == holder } }) else {
            throw RosterError(.shareRefused, holder, "holds no share of token \(token)")
        }
        guard !presented.contains(holder) else {
            throw RosterError(.shareRefused, holder, "has presented the share already")
        }
        let share: SLIP39.Share
        do {
            share = try SLIP39.Share(mnemonic: mnemonic)
        } catch {
            throw RosterError(.shareRefused, holder, error.description)
        }
        guard set.isShare(share, of: holder) else {
            throw RosterError(
                .shareRefused, holder, "the share is not the one that was given out",
                hint: "Another holder may take the turn.")
        }
        if shares[group].count < set.groups[group].needed { shares[group].append(share) }
        presented.insert(holder)
    }

    /// The PIN of the token's user; throws short of the quorum.
    public func pin() throws -> PIN {
        guard isComplete else {
            throw RosterError(
                .shareRefused, "token \(token)", "\(count) of \(set.needed) shares were presented",
                hint: "Its holders are: \(set.holders.map(\.name).joined(separator: ", ")).")
        }
        do {
            let secret = try SLIP39.combine(whole.prefix(set.groupsNeeded).flatMap { $0 })
            return ActivationPIN.make(.user, from: secret)
        } catch {
            throw RosterError(.shareRefused, "token \(token)", error.description)
        }
    }
}
