import Allowlist
import ArgumentParser
import Foundation
import TransparencyLog

/// What a consumer remembers of the lists that were accepted before.
struct KeptListOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "A kept `checkpoint` file: the list must be that one, with entries appended or without.")
    var since: String?
    @Option(
        name: .long,
        help: "The journal to go on with, or to begin: the list must extend the last one that was accepted.")
    var journal: String?

    /// Holds a list that was verified to what was kept.
    func accept(_ list: VerifiedList, of bundle: any BundleSource, pins: Pins) throws {
        if let since {
            let kept = try KeptListOptions.kept(since, origin: pins.origin)
            let head = try SignedHead(in: bundle, pins: pins)
            guard head.checkpoint.root == list.root else {
                throw AllowlistError(
                    .bundleChanged, file: SignedHead.notePath,
                    "another checkpoint was put in place while the list was verified",
                    hint: "Verify it again.")
            }
            try kept.requireExtended(by: head, in: bundle)
        }
        if let journal {
            try DecisionJournal.open(journal, pins: pins).advance(to: list, of: bundle, pins: pins)
        }
    }

    /// Holds an open list to what was kept, and answers the journal where one is to be written.
    func accept(_ reader: BundleReader, pins: Pins) throws -> DecisionJournal? {
        if let since { try reader.requireExtends(try KeptListOptions.kept(since, origin: pins.origin)) }
        guard let journal else { return nil }
        let opened = try DecisionJournal.open(journal, pins: pins)
        try opened.advance(to: reader)
        return opened
    }

    static func kept(_ path: String, origin: String) throws -> KeptCheckpoint {
        guard let note = FileManager.default.contents(atPath: path) else {
            throw AllowlistError(
                .fileMissing, file: path, "the kept checkpoint cannot be read",
                hint: "Name the file `checkpoint` of the last bundle that was accepted.")
        }
        return try KeptCheckpoint(note: Array(note), origin: origin)
    }
}
