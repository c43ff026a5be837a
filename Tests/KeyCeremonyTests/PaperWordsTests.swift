import Crypto
import Foundation
import KeyCeremony
import Testing

@Suite struct PaperWordsTests {
    /// The example that goes with the list wherever it is published.
    private let octets: [UInt8] = [
        0xE5, 0x82, 0x94, 0xF2, 0xE9, 0xA2, 0x27, 0x48, 0x6E, 0x8B, 0x06, 0x1B, 0x31, 0xCC, 0x52, 0x8F, 0xD7,
        0xFA, 0x3F, 0x19,
    ]
    private let words =
        "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa afflict bravado "
        + "chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless"

    @Test("The published example reads as published, both ways")
    func example() throws {
        #expect(PGPWords.words(of: octets).joined(separator: " ") == words)
        #expect(try PGPWords.octets(of: words) == octets)
    }

    @Test("The list is the published one: two sources that do not copy each other have this digest")
    func list() {
        // Of every even word, then every odd one, each followed by a newline, in the order of their octets.
        // Sources: the manual of PGPfreeware 6.5.1, appendix D, as Crypt::OpenPGP 1.21 has it, and Magic
        // Wormhole 0.24.0.
        let pairs = (UInt8.min...UInt8.max).map { PGPWords.words(of: [$0, $0]) }
        let text = pairs.map { $0[0] + "\n" }.joined() + pairs.map { $0[1] + "\n" }.joined()
        let digest = SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(digest == "7e5237abee2c4ed4374b29a853b0ac3ac108a0ea11e8c7f50f6dc667402a49b6")
        #expect(Set(pairs.flatMap { $0 }.map { $0.lowercased() }).count == 512)
    }

    @Test("Words are read with any capitals, blanks, line breaks, numbers and commas")
    func tolerant() throws {
        #expect(try PGPWords.octets(of: "  1. TOPMOST\t2. istanbul,\n3. pluto \n") == [0xE5, 0x82, 0x94])
        #expect(try PGPWords.octets(of: "") == [])
    }

    @Test("Every octet in both positions comes back")
    func roundTrip() throws {
        for octet in UInt8.min...UInt8.max {
            let text = PGPWords.words(of: [octet, octet]).joined(separator: " ")
            #expect(try PGPWords.octets(of: text) == [octet, octet])
        }
    }

    @Test(
        "A word that is wrong is named by its position",
        arguments: [
            ("topmost Istanbull Pluto", "word 2", "is no word of the list"),
            ("topmost Pluto", "word 2", "missing, repeated or swapped"),
            ("topmost Istanbul Istanbul", "word 3", "missing, repeated or swapped"),
            ("Istanbul topmost", "word 1", "missing, repeated or swapped"),
        ])
    func wrong(text: String, subject: String, message: String) throws {
        let error = try #require(throws: CeremonyError.self) { try PGPWords.octets(of: text) }
        #expect(error.code == .answerRefused)
        #expect(error.subject == subject)
        #expect(error.message.contains(message))
    }

    @Test("A digest has 32 words, neither fewer nor more")
    func count() throws {
        let digest = (0..<32).map { UInt8($0 * 8) }
        let all = PGPWords.words(of: digest)
        #expect(try PGPWords.digest(of: all.joined(separator: " ")) == digest)
        for words in [Array(all.dropLast()), all + ["topmost"]] {
            let error = try #require(throws: CeremonyError.self) {
                try PGPWords.digest(of: words.joined(separator: " "))
            }
            #expect(error.message.contains("there are \(words.count) words"))
        }
    }
}
