import Foundation

/// What goes wrong while a ceremony runs; `faulty-token.c` and `faulty-files.c` explain the plans.
struct Fault: Sendable, CustomStringConvertible {
    /// The files whose writes the plan for files counts.
    enum Files: String, Sendable {
        case journal
        /// Every other file of a ceremony: it is written beside its place, under a name with the process's number.
        case documents

        /// As `/bin/sh` reads it: `$$` is the number of the process that it becomes.
        var path: String {
            switch self {
            case .journal: return "/transcript.jsonl"
            case .documents: return ".new-$$"
            }
        }
    }

    var token = ""
    var files = ""
    var counted = Files.journal

    static let none = Fault()

    static func token(_ plan: String) -> Fault { Fault(token: plan) }
    static func journal(_ plan: String) -> Fault { Fault(files: plan) }
    static func documents(_ plan: String) -> Fault { Fault(files: plan, counted: .documents) }

    var description: String {
        if token.isEmpty && files.isEmpty { return "no fault" }
        return token.isEmpty ? "\(counted) \(files)" : "token \(token)"
    }

    /// The shell's words in front of the program.
    func assignments(shim: String) -> String {
        var words = ["FAULTY_TOKEN_PLAN='\(token)'"]
        if !files.isEmpty {
            words += [
                "FAULTY_FILES_PATH=\"\(counted.path)\"", "FAULTY_FILES_PLAN='\(files)'",
                "LD_PRELOAD='\(shim)'",
            ]
        }
        return words.joined(separator: " ")
    }
}

/// What an undisturbed run of a ceremony does, so that each of it can be the place of a fault.
struct Measure: Sendable {
    /// Lines of the transcript.
    let journalWrites: Int
    let documentWrites: Int
    /// The functions that it calls, in order, with those that change state marked.
    let calls: [(function: String, changesState: Bool)]

    var stateCalls: Int { calls.count { $0.changesState } }

    func count(of function: String) -> Int { calls.count { $0.function == function } }
}

/// A small generator with a seed, so that a case that failed can be had again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
