import Allowlist
import ArgumentParser
import Foundation
import Sites

/// Which witnesses are pinned.
struct WitnessOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "A file of witnesses' verifier keys, one a line, as `witness-key` prints them.")
    var witnesses: String?
    @Option(name: .long, help: "How many of the witnesses must have cosigned (default: all of them).")
    var witnessQuorum: Int?

    func quorum() throws -> WitnessQuorum? {
        guard let witnesses else {
            guard witnessQuorum == nil else {
                throw ValidationError("--witness-quorum needs --witnesses: the witnesses are pinned.")
            }
            return nil
        }
        let file = try readFile(witnesses)
        let all = try WitnessQuorum(quorum: 1, file: file).witnesses
        return try WitnessQuorum(witnessQuorum ?? all.count, of: all)
    }
}

/// The whole of a file that a command was given.
func readFile(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw SiteError(.notASite, path, "cannot be read")
    }
    return Array(data)
}
