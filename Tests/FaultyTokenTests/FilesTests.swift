import FaultyToken
import Foundation
import Testing

@Suite("Writes to a file fail, fall short or are the program's last as the plan says")
struct FilesTests {
    /// The program writes `one`, `two!` and `three` by write, pwrite and writev, and flushes after each.
    private static let pieces = ["one", "two!", "three"]

    struct Outcome {
        let ending: Child.Ending
        let contents: String
        let calls: [FaultyToken.FileCall]
    }

    private func run(_ plan: String, suffix: String = "/ledger") throws -> Outcome {
        let scratch = try ScratchFolder()
        let (file, log) = (scratch.path + "/ledger", scratch.path + "/calls")
        let ending = try Child(
            "write-program", [file] + Self.pieces,
            environment: [
                "LD_PRELOAD": FaultyToken.filesShim(), "FAULTY_FILES_PATH": suffix,
                "FAULTY_FILES_PLAN": plan, "FAULTY_FILES_LOG": log,
            ]
        ).wait()
        let contents = FileManager.default.contents(atPath: file) ?? Data()
        return Outcome(
            ending: ending, contents: String(decoding: contents, as: UTF8.self),
            calls: try FaultyToken.fileCalls(log: log))
    }

    @Test("Without a plan everything is written, and the log has each write's number and length")
    func counted() throws {
        let outcome = try run("")
        #expect(outcome.ending.code == 0)
        #expect(outcome.contents == "onetwo!three")
        #expect(outcome.calls.map(\.number) == [1, 1, 2, 2, 3, 3])
        #expect(outcome.calls.map(\.kind) == [.write, .fsync, .write, .fsync, .write, .fsync])
        #expect(outcome.calls.filter { $0.kind == .write }.map(\.length) == [3, 4, 5])
    }

    @Test("Files whose path does not end so are left alone")
    func otherFiles() throws {
        let outcome = try run("kill-before:1", suffix: "/ledger2")
        #expect(outcome.ending.code == 0)
        #expect(outcome.contents == "onetwo!three")
        #expect(outcome.calls.isEmpty)
    }

    @Test(
        "Killed before, in the middle of and after each way of writing, and at a flush",
        arguments: [
            ("kill-before:1", ""), ("kill-before:2", "one"), ("kill-before:3", "onetwo!"),
            ("kill-torn:1", "o"), ("kill-torn:2", "onetw"), ("kill-torn:3", "onetwo!th"),
            ("kill-after:1", "one"), ("kill-after:2", "onetwo!"), ("kill-after:3", "onetwo!three"),
            ("kill-fsync:2", "onetwo!"),
        ])
    func killed(_ plan: String, _ contents: String) throws {
        let outcome = try run(plan)
        #expect(outcome.ending.code == Child.killed)
        #expect(outcome.contents == contents)
        #expect(outcome.calls.last?.kind == (plan.hasPrefix("kill-fsync") ? .fsync : .write))
        // The program heard nothing of the write that killed it.
        let heard = outcome.ending.lines.filter { $0.hasPrefix("write") }.count
        #expect(
            heard == outcome.calls.filter { $0.kind == .write }.count - (plan.hasPrefix("kill-fsync") ? 0 : 1)
        )
    }

    @Test(
        "A write or a flush fails with the plan's error, once or from then on, and nothing is written",
        arguments: [
            ("fail:2:ENOSPC", "onethree", "write 3, fsync 0, write ENOSPC, fsync 0, write 5, fsync 0"),
            ("fail:2+:ENOSPC", "one", "write 3, fsync 0, write ENOSPC, fsync 0, write ENOSPC, fsync 0"),
            ("fail:1:122", "two!three", "write EDQUOT, fsync 0, write 4, fsync 0, write 5, fsync 0"),
            ("fail-fsync:2:EIO", "onetwo!three", "write 3, fsync 0, write 4, fsync EIO, write 5, fsync 0"),
            ("short:3", "onetwo!th", "write 3, fsync 0, write 4, fsync 0, write 2, fsync 0"),
        ])
    func fails(_ plan: String, _ contents: String, _ lines: String) throws {
        let outcome = try run(plan)
        #expect(outcome.ending.code == 0)
        #expect(outcome.contents == contents)
        #expect(outcome.ending.lines.joined(separator: ", ") == lines)
    }

    @Test(
        "A malformed plan ends the program before it does anything",
        arguments: [
            "kill", "kill-torn", "kill-torn:0", "kill-torn:x", "kill-torn:1+", "kill-torn:1:EIO", "fail:1",
            "fail:1:ENOTHING", "fail:1:", "fail-fsync:1:0",
        ])
    func malformed(_ plan: String) throws {
        let outcome = try run(plan)
        #expect(outcome.ending.code == 99)
        #expect(outcome.ending.errors.hasPrefix("faulty-files: "))
        #expect(outcome.contents == "")
    }
}
