/// Octets as words that are hard to mishear, as a digest is read aloud in a ceremony (the PGP word list).
///
/// Even positions take a word of two syllables, odd ones a word of three: a word that was left out, said
/// twice or swapped with its neighbour is therefore found where it happened.
public enum PGPWords {
    /// One word an octet.
    public static func words(of octets: some Sequence<UInt8>) -> [String] {
        octets.enumerated().map { position, octet in
            (position.isMultiple(of: 2) ? PGPWordList.even : PGPWordList.odd)[Int(octet)]
        }
    }

    /// The octets of words as people write them.
    ///
    /// Capitals, blanks, line breaks, numbers and punctuation do not matter. `answer-refused`
    /// names the first wrong word by its position, counted from 1.
    public static func octets(of text: String) throws(CeremonyError) -> [UInt8] {
        var octets: [UInt8] = []
        for word in text.split(whereSeparator: { !$0.isLetter }).map(String.init) {
            let position = octets.count
            let isEven = position.isMultiple(of: 2)
            let key = word.lowercased()
            guard let octet = (isEven ? evenOctets : oddOctets)[key] else {
                let isDisplaced = (isEven ? oddOctets : evenOctets)[key] != nil
                throw CeremonyError(
                    .answerRefused, "word \(position + 1)",
                    isDisplaced
                        ? "`\(word)` cannot stand here: one before it is missing, repeated or swapped"
                        : "`\(word)` is no word of the list",
                    hint: "Read the words again from number \(max(position, 1)).")
            }
            octets.append(octet)
        }
        return octets
    }

    /// The SHA-256 that 32 words stand for; `answer-refused` where one is wrong or their number is another.
    public static func digest(of text: String) throws(CeremonyError) -> [UInt8] {
        let octets = try octets(of: text)
        guard octets.count == 32 else {
            throw CeremonyError(
                .answerRefused, "the words",
                "there are \(octets.count) words; a SHA-256 has 32",
                hint: "Read the words again to their end.")
        }
        return octets
    }

    private static let evenOctets = octets(of: PGPWordList.even)
    private static let oddOctets = octets(of: PGPWordList.odd)

    private static func octets(of list: [String]) -> [String: UInt8] {
        Dictionary(zip(list.map { $0.lowercased() }, UInt8.min...UInt8.max)) { first, _ in first }
    }
}
