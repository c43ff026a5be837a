import SignedStatements
import TransparencyLog

/// Where a bundle keeps the versions of the roster.
public enum BundleRosters {
    /// The path of a version, from 1.
    public static func path(of version: Int) -> String { "rosters/\(version).json" }

    /// Of versions that are read.
    private static let most = 10_000

    /// The chain of the versions in a bundle, from 1 on without a gap.
    ///
    /// Throws `roster` where they are no chain that holds the pinned digest, or are not of this kind of log.
    package static func chain(
        in bundle: any BundleSource, pinned: Digest32, isRehearsal: Bool
    ) throws(AllowlistError) -> RosterChain {
        var rosters: [Roster] = []
        while rosters.count < most, let bytes = try file(rosters.count + 1, in: bundle) {
            let path = path(of: rosters.count + 1)
            do throws(StatementError) {
                rosters.append(try Roster(fileBytes: bytes))
            } catch {
                throw refusal(path, error.message)
            }
        }
        let last = path(of: max(1, rosters.count))
        guard rosters.allSatisfy({ $0.isRehearsal == isRehearsal }) else {
            throw refusal(last, "a rehearsal's and a live log's rosters do not mix")
        }
        do throws(StatementError) {
            return try RosterChain(rosters, pinned: pinned.bytes)
        } catch {
            throw refusal(last, error.message)
        }
    }

    private static func file(
        _ version: Int, in bundle: any BundleSource
    ) throws(AllowlistError) -> [UInt8]? {
        do throws(AllowlistError) {
            return try bundle.bytes(of: path(of: version), maximum: Roster.largestFile)
        } catch {
            if error.code == .fileMissing { return nil }
            throw error
        }
    }

    private static func refusal(_ path: String, _ message: String) -> AllowlistError {
        AllowlistError(
            .roster, file: path, message,
            hint: "compare the pinned digest with the one on the roster's paper; if it is right, do not use "
                + "this bundle")
    }
}
