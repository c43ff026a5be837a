import SignedStatements
import TransparencyLog

/// The rosters of a bundle, `rosters/1.json` and on, verified as the chain of the pinned one.
struct PinnedRosters {
    let chain: RosterChain
    /// The place of the pinned version in the chain, from 0.
    let pinnedPlace: Int

    /// The path of the version of the roster, from 1.
    static func path(_ version: Int) -> String { "rosters/\(version).json" }

    /// Bytes that a roster may have, and versions that a chain may have.
    private static let (largest, most) = (1 << 20, 1024)

    /// Nil where no roster is pinned; throws `roster` where the chain is broken or does not hold the pinned digest.
    init?(in bundle: any BundleSource, pins: Pins) throws(AllowlistError) {
        guard let pinned = pins.roster else { return nil }
        var rosters: [Roster] = []
        while let roster = try Self.read(rosters.count + 1, in: bundle) {
            rosters.append(roster)
            guard rosters.count <= Self.most else {
                throw Self.refusal(rosters.count, "the roster has more versions than make sense")
            }
        }
        do throws(StatementError) {
            chain = try RosterChain(rosters, pinned: pinned.bytes)
        } catch {
            throw Self.refusal(max(1, rosters.count), error.description)
        }
        guard let place = chain.place(of: pinned.bytes), let first = chain.rosters.first,
            first.origin == pins.origin, first.isRehearsal == pins.isRehearsal
        else { throw Self.refusal(1, "the roster is of another log") }
        pinnedPlace = place
    }

    private static func read(_ version: Int, in bundle: any BundleSource) throws(AllowlistError) -> Roster? {
        let bytes: [UInt8]
        do {
            bytes = try bundle.bytes(of: path(version), maximum: largest)
        } catch {
            guard error.code == .fileMissing else { throw error }
            return nil
        }
        do throws(StatementError) {
            return try Roster(fileBytes: bytes)
        } catch {
            throw refusal(version, error.message)
        }
    }

    private static func refusal(_ version: Int, _ message: String) -> AllowlistError {
        AllowlistError(
            .roster, file: path(version), message,
            hint:
                "check the pinned digest of the roster; if it is right, take the bundle again from its publisher"
        )
    }
}
