import Foundation
import Glibc
import Testing

@Suite("Deltas and journals, whatever stops them")
struct KeptListTests {
    /// A site whose list grew since `kept` was taken, and the delta between the two.
    private func grown() throws -> Workplace {
        let place = try Workplace(.sealed)
        try place.succeed("cp -R site/log kept && rm -rf kept/.publication")
        try place.make("second", devices: 260, first: 2000)
        try place.succeed(
            "rootline allowlist diff --from kept/checkpoint --out delta.tar --allow-rehearsal")
        return place
    }

    /// SHA-256 of everything that the checkpoint of a bundle covers.
    private func digest(_ place: Workplace, _ folder: String) throws -> String {
        try place.succeed("rm -f packed.tar")
        try place.succeed("rootline allowlist pack --bundle \(folder) --out packed.tar --allow-rehearsal")
        return try place.succeed("sha256sum <packed.tar")
    }

    @Test("A delta whose application is killed at any step leaves the old list or the new one")
    func killedApplication() throws {
        let place = try grown()
        let apply = "rootline allowlist apply delta.tar --to trial --allow-rehearsal"
        let verify = "rootline allowlist verify --bundle trial --allow-rehearsal --format json"
        /// What is said of a list but for its age, which goes on.
        func told(_ text: String) -> String { text.replacing(/"age" ?: ?-?[0-9]+,?/, with: "") }
        let (old, new) = (
            told(try place.succeed(verify.replacingOccurrences(of: "trial", with: "kept"))),
            told(try place.succeed(verify.replacingOccurrences(of: "trial", with: "site/log")))
        )
        let published = try digest(place, "site/log")
        let segments = try place.succeed("ls site/log/index")
        var between = 0
        var step = 1
        while true {
            try place.succeed("rm -rf trial && cp -R kept trial")
            let outcome = try place.run("exec \(apply)", with: place.killed(atStep: step))
            if outcome.code == 0 { break }
            try #require(outcome.code == 128 + SIGKILL && step < 500, "step \(step): \(outcome.errors)")
            let found = try place.run(verify)
            if found.code == 0 {
                #expect([old, new].contains(told(found.output)), "step \(step)")
            } else {
                // Only between the three renames of the checkpoint's files, which no reader takes for a list.
                between += 1
                let said = found.output + found.errors
                #expect(said.contains("checkpoint"), "step \(step): \(said)")
            }
            try place.succeed(apply)
            #expect(told(try place.succeed(verify)) == new, "step \(step)")
            #expect(try digest(place, "trial") == published, "step \(step)")
            #expect(try place.succeed("ls trial/index") == segments, "step \(step)")
            step += 1
        }
        #expect(step > 10)
        #expect(between <= 3)
    }

    @Test("A journal whose writer is killed at any step is whole, and goes on")
    func killedJournal() throws {
        let place = try Workplace(.sealed)
        let lookup =
            "rootline allowlist lookup EX-00000300 --journal devices.jsonl --allow-rehearsal --format json"
        let check = "rootline allowlist journal check devices.jsonl --format json"
        var step = 1
        while true {
            try place.succeed("rm -f devices.jsonl")
            let outcome = try place.run("exec \(lookup)", with: place.killed(atStep: step))
            if outcome.code == 0 { break }
            try #require(outcome.code == 128 + SIGKILL && step < 100, "step \(step): \(outcome.errors)")
            #expect(outcome.output.isEmpty, "nothing is said that is not recorded")
            try place.succeed(lookup)
            let report = try JSONDecoder().decode(JournalReport.self, from: Data(place.succeed(check).utf8))
            #expect(report.decisions >= 1 && report.checkpoints == 1, "step \(step)")
            #expect(report.repairs == 0 && report.unfinishedBytes == 0, "step \(step)")
            step += 1
        }
        // The folder, the beginning, the checkpoint, the decision.
        #expect(step == 5)
    }

    private struct JournalReport: Decodable {
        var decisions: Int
        var checkpoints: Int
        var repairs: Int
        var unfinishedBytes: Int
    }

    /// `FULL_AT=N` lets the N-th write to a journal take half of its octets; then the disk is full.
    private static let fullDiskSource = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        static int writes, full;
        ssize_t write(int file, const void *bytes, size_t count) {
            ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 6 || strncmp(path + length - 6, ".jsonl", 6)) return next(file, bytes, count);
            if (full) { errno = ENOSPC; return -1; }
            const char *at = getenv("FULL_AT");
            if (!at || ++writes != atoi(at)) return next(file, bytes, count);
            full = 1;
            return next(file, bytes, count / 2);
        }
        """

    @Test("A disk that fills up in the middle of a journal's line takes nothing from the lines before it")
    func fillingDisk() throws {
        let place = try Workplace(.sealed)
        let lookup = "rootline allowlist lookup EX-00000300 --journal devices.jsonl --allow-rehearsal"
        let preload = try place.preload("full", Self.fullDiskSource)
        // The begin line, the checkpoint, the decision.
        for write in 1...3 {
            try place.succeed("rm -f devices.jsonl")
            let outcome = try place.run(lookup, with: ["LD_PRELOAD": preload, "FULL_AT": "\(write)"])
            #expect(outcome.code == 74, "\(write): \(outcome.errors)")
            #expect(outcome.output.isEmpty, "a device whose decision is not recorded is not answered for")
            #expect(outcome.errors.contains("cannot write the journal: No space left on device"))
            if write > 1 { try place.succeed("rootline allowlist journal check devices.jsonl") }
            try place.succeed(lookup)
            let report = try JSONDecoder().decode(
                JournalReport.self,
                from: Data(
                    place.succeed("rootline allowlist journal check devices.jsonl --format json").utf8))
            #expect(report.decisions == 1 && report.repairs == 0, "what was written in part was taken back")
        }
    }

    @Test(
        "A list that was put back is refused by a service with a journal, and by one with a kept checkpoint")
    func putBack() throws {
        let place = try grown()
        let old = "--bundle kept --allow-rehearsal"
        try place.succeed("cp site/log/checkpoint newest")
        try place.succeed("rootline allowlist verify --journal devices.jsonl --allow-rehearsal")
        for command in [
            "rootline allowlist verify --since newest \(old)",
            "rootline allowlist lookup EX-00000300 --since newest \(old)",
            "rootline allowlist verify --journal devices.jsonl \(old)",
            "rootline allowlist lookup EX-00000300 --journal devices.jsonl \(old)",
        ] {
            let outcome = try place.run(command)
            #expect(outcome.code == 1 && outcome.output.isEmpty, "\(command)")
            #expect(outcome.errors.contains("[checkpoint-older]"), "\(command): \(outcome.errors)")
        }
        try place.succeed("rootline allowlist verify --since kept/checkpoint --allow-rehearsal")
        try place.succeed("rootline allowlist apply delta.tar --to kept --allow-rehearsal --verify")
        try place.succeed("rootline allowlist lookup EX-00002000 --journal devices.jsonl \(old)")
    }
}
