import Testing

@testable import SecretSharing

@Suite("Mnemonics")
struct MnemonicTests {
    static let words = """
        shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist rescue view \
        short owner flip making coding armed
        """

    static func replacing(_ changes: [Int: String]) -> String {
        var list = words.split(separator: " ").map(String.init)
        for (position, word) in changes { list[position] = word }
        return list.joined(separator: " ")
    }

    @Test("The word list is the standard's: sorted, 1024 words of 4 to 8 letters, told apart by four")
    func wordList() {
        let words = (0..<WordList.count).map { String(decoding: WordList.word($0), as: UTF8.self) }
        #expect(words.first == "academic" && words.last == "zero")
        #expect(words == words.sorted())
        #expect(Set(words.map { $0.prefix(4) }).count == 1024)
        #expect(words.allSatisfy { (4...8).contains($0.count) && $0.allSatisfy { ("a"..."z").contains($0) } })
    }

    @Test("A share's fields are those of its words")
    func fields() throws {
        let share = try SLIP39.Share(Self.words)
        #expect(share.groupIndex == 0 && share.groupThreshold == 1 && share.groupCount == 1)
        #expect(share.memberIndex == 2 && share.memberThreshold == 2)
        #expect(share.iterationExponent == 2 && !share.extendable && share.value.count == 16)
    }

    /// The same words as people write them.
    static let typedForms: [String] = {
        let list = words.split(separator: " ").map(String.init)
        let blanks = "  \r\n\t "
        return [
            words.uppercased(),
            blanks + list.joined(separator: blanks) + blanks,
            list.map { String($0.prefix(4)) }.joined(separator: " "),
            list.map { String($0.prefix(5)) }.joined(separator: " "),
            list.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: " "),
        ]
    }()

    @Test("Words are read as people type them", arguments: typedForms.indices)
    func typed(_ form: Int) throws {
        let text = Self.typedForms[form]
        #expect(try SLIP39.Share(text) == SLIP39.Share(Self.words))
        #expect(try SLIP39.Share(text).mnemonic.text == Self.words)
    }

    @Test(
        "A share with a wrong word is refused; the word is named by its position and not repeated",
        arguments: [
            "pis", "pist0l", "pistols", "pistolpistol", "pistil", "pistöl", "pistol,", "zzzz", "aaaa",
            "\u{0}",
        ])
    func wrongWord(_ word: String) {
        let error = refusal { try SLIP39.Share(Self.replacing([1: word])) }
        #expect(error?.code == .wordUnknown)
        #expect(error?.subject == "word 2")
        #expect(error.map { "\($0) \($0.hint ?? "")".contains(word) } == false)
    }

    @Test("A share with words too few or too many is refused", arguments: [0, 1, 19, 21, 24, 26])
    func length(_ count: Int) {
        let list = (Self.words + " " + Self.words).split(separator: " ")
        let error = refusal { try SLIP39.Share(list.prefix(count).joined(separator: " ")) }
        #expect(error?.code == .lengthInvalid)
    }

    @Test("A group index or group threshold above the number of groups is refused")
    func group() throws {
        let share = try SLIP39.Share(Self.words)
        for impossible in [share.changed(groupIndex: 1), share.changed(groupThreshold: 2)] {
            #expect(refusal { try SLIP39.Share(mnemonic: impossible.mnemonic) }?.code == .groupInvalid)
        }
        let possible = share.changed(groupIndex: 1, groupThreshold: 2, groupCount: 2)
        #expect(try SLIP39.Share(mnemonic: possible.mnemonic) == possible)
    }

    @Test("Every single wrong word out of the list is found by the checksum")
    func everySubstitution() throws {
        let list = Self.words.split(separator: " ").map(String.init)
        var refused = 0
        for position in list.indices {
            for index in 0..<WordList.count {
                let word = String(decoding: WordList.word(index), as: UTF8.self)
                guard word != list[position] else { continue }
                // Fields outside their range are checked after the checksum, so that no other error comes first.
                do {
                    _ = try SLIP39.Share(Self.replacing([position: word]))
                    Issue.record("word \(position + 1) may be \(word)")
                } catch {
                    if error.code == .checksumInvalid { refused += 1 }
                }
            }
        }
        #expect(refused == 20 * 1023)
    }

    @Test("Two words in each other's place are found by the checksum")
    func swapped() {
        let list = Self.words.split(separator: " ").map(String.init)
        for first in list.indices {
            for second in list.indices where first < second {
                let text = Self.replacing([first: list[second], second: list[first]])
                #expect(
                    refusal { try SLIP39.Share(text) }?.code
                        == .checksumInvalid)
            }
        }
    }

    @Test("A share reads back as it was, in every place and for every length of secret")
    func roundTrip() throws {
        for length in stride(from: 16, through: 66, by: 2) {
            let share = SLIP39.Share(
                identifier: 0x7FFF - length, extendable: length % 4 == 0, iterationExponent: length % 16,
                groupIndex: length % 7, groupThreshold: 1 + length % 5, groupCount: 7 + length % 10,
                memberIndex: length % 16, memberThreshold: 1 + length % 16, value: try .random(count: length))
            #expect(try SLIP39.Share(mnemonic: share.mnemonic) == share)
        }
    }

    @Test("A share and a secret print nothing of what they hold")
    func redacted() throws {
        let share = try SLIP39.Share(Self.words)
        #expect("\(share)" == "SLIP-39 share \(share.identifier), group 1, member 3")
        #expect(String(reflecting: share) == "\(share)")
        #expect("\(share.value) \(String(reflecting: share.mnemonic))" == "<redacted> <redacted>")
        var dumped = ""
        dump(share.mnemonic, to: &dumped)
        #expect(!dumped.contains("shadow") && dumped.contains("<redacted>"))
        #expect(Mirror(reflecting: share.value).children.isEmpty)
    }
}
