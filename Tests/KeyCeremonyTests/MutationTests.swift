import CanonicalJSON
import Dispatch
import Foundation
import KeyCeremony
import Synchronization
import Testing

/// A generator whose sequence is given by its seed, so that a failing case can be had again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// One way to spoil a transcript.
private enum Mutation: Int, CaseIterable {
    case bit, byte, insertByte, dropByte, dropLine, repeatLine, swapLines, truncate, truncateLine, splice
    case changeMember, dropMember, addMember, moveLine

    /// The spoiled bytes; nil where the mutation changed nothing.
    func apply(
        _ original: [UInt8], _ lines: [ArraySlice<UInt8>], other: [ArraySlice<UInt8>],
        _ random: inout SeededGenerator
    ) -> [UInt8]? {
        var bytes = original
        let place = Int.random(in: 0..<bytes.count, using: &random)
        func joined(_ lines: [ArraySlice<UInt8>]) -> [UInt8] { lines.flatMap { $0 + [0x0A] } }
        var list = lines
        let index = Int.random(in: 0..<lines.count, using: &random)
        switch self {
        case .bit: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case .byte: bytes[place] = UInt8.random(in: 0x20..<0x7F, using: &random)
        case .insertByte: bytes.insert(UInt8.random(in: 0x20..<0x7F, using: &random), at: place)
        case .dropByte: bytes.remove(at: place)
        case .dropLine:
            list.remove(at: index)
            bytes = joined(list)
        case .repeatLine:
            list.insert(list[index], at: Int.random(in: 0...list.count, using: &random))
            bytes = joined(list)
        case .swapLines:
            list.swapAt(index, Int.random(in: 0..<lines.count, using: &random))
            bytes = joined(list)
        case .moveLine:
            let line = list.remove(at: index)
            list.insert(line, at: Int.random(in: 0...list.count, using: &random))
            bytes = joined(list)
        case .truncate: bytes = Array(bytes.prefix(place))
        case .truncateLine: bytes = joined(Array(list.prefix(index)))
        case .splice:
            list[index] = other[Int.random(in: 0..<other.count, using: &random)]
            bytes = joined(list)
        case .changeMember, .dropMember, .addMember:
            guard case .object(var members)? = JSONValue(canonical: list[index]) else { return nil }
            let name = members.keys.sorted()[Int.random(in: 0..<members.count, using: &random)]
            switch self {
            case .dropMember: members[name] = nil
            case .addMember: members["x\(place)"] = .integer(place)
            default: members[name] = members[name] == "x" ? "y" : "x"
            }
            list[index] = JSONValue.object(members).canonical[...]
            bytes = joined(list)
        }
        return bytes == original ? nil : bytes
    }
}

@Suite struct MutationTests {
    /// 12 000 cases, of which half have their chain made anew, as somebody without keys could.
    @Test("No mutation of a transcript is accepted, with its chain broken or made anew")
    func fuzz() throws {
        let place = try TestSite()
        let path = try place.rehearse("root-ca").transcript
        let other = try Data(contentsOf: URL(fileURLWithPath: place.rehearse("run-authority").transcript))
        let original = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let expectations = TranscriptExpectations(allowsRehearsal: true)
        _ = try VerifiedTranscript.verify(original, expectations)
        let lines = original.split(separator: 0x0A)
        let others = Array(other).split(separator: 0x0A)
        let accepted = Mutex<[String]>([])
        let counts = Mutex((refused: 0, rechained: 0))
        DispatchQueue.concurrentPerform(iterations: 12) { batch in
            var random = SeededGenerator(UInt64(batch))
            for number in 0..<1_000 {
                let mutation = Mutation.allCases[number % Mutation.allCases.count]
                guard var bytes = mutation.apply(original, lines, other: others, &random) else { continue }
                if batch % 2 == 1, let forge = try? TranscriptForge(bytes, seed: []),
                    let rechained = try? forge.bytes(keepingSignatures: true)
                {
                    // A mutation that the new chain has undone is none.
                    if rechained == original { continue }
                    bytes = rechained
                    counts.withLock { $0.rechained += 1 }
                }
                if (try? VerifiedTranscript.verify(bytes, expectations)) != nil {
                    accepted.withLock { $0.append("batch \(batch), case \(number): \(mutation)") }
                } else {
                    counts.withLock { $0.refused += 1 }
                }
            }
        }
        #expect(accepted.withLock { $0 } == [])
        #expect(counts.withLock { $0.refused } >= 10_000)
        #expect(counts.withLock { $0.rechained } >= 3_000)
    }
}
