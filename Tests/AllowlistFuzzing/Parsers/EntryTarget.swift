import Allowlist
import TransparencyLog

extension FuzzTarget {
    /// `AllowlistEntry(decoding:)`: an entry has one encoding, which is the one that was accepted.
    static let entry = FuzzTarget("entry", maximumLength: 1000, seeds: SampleEntries.encoded) {
        (input) throws(BrokenProperty) in
        let entry: AllowlistEntry
        do throws(AllowlistError) {
            entry = try AllowlistEntry(decoding: input)
        } catch {
            try hold(
                [.entryMalformed, .seal].contains(error.code), "an entry is refused as \(error.code.rawValue)"
            )
            return .refused(error.message)
        }
        try hold((try? entry.encoded()) == input, "an accepted entry is not its canonical encoding")
        try hold(
            (try? AllowlistEntry(decoding: [0xff] + input + [0xff], range: 1..<input.count + 1)) == entry,
            "an entry is read otherwise inside a longer array")
        for other in [input + [0], Array(input.dropLast())] {
            try hold((try? AllowlistEntry(decoding: other)) == nil, "a cut or longer entry is accepted")
        }
        return .accepted
    }

    /// `EntryFraming`: the ranges cover the bundle and framing them again gives it back.
    static let entryFraming = FuzzTarget(
        "entry-framing", maximumLength: 2000,
        seeds: [
            [3, 0, 1, 65, 0, 0, 0, 2, 66, 67], [1] + [0xff, 0xff] + [UInt8](repeating: 1, count: 300),
            [0],
        ]
    ) { (input) throws(BrokenProperty) in
        let count = Int(input.first ?? 0) + 1
        let bundle = Array(input.dropFirst())
        let ranges: [Range<Int>]
        do throws(TransparencyLogError) {
            ranges = try EntryFraming.entries(in: bundle, count: count)
        } catch {
            return .refused(String(error.message.prefix(20)))
        }
        try hold(ranges.count == count, "there are not \(count) entries")
        var again: [UInt8] = []
        for range in ranges {
            do throws(TransparencyLogError) {
                try EntryFraming.append(Array(bundle[range]), to: &again)
            } catch {
                throw BrokenProperty("an entry that was framed is too long: \(error)")
            }
        }
        try hold(again == bundle, "the framing is not written again with the same bytes")
        return .accepted
    }
}
