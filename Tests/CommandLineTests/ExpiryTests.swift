import Foundation
import Testing

@Suite("An authorisation counts in its time alone")
struct ExpiryTests {
    /// A library that shifts what a process takes for the time, by `SHIFT` seconds.
    static let clock = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        int clock_gettime(clockid_t clock, struct timespec *time) {
            static int (*next)(clockid_t, struct timespec *);
            if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            int answer = next(clock, time);
            const char *shift = getenv("SHIFT");
            if (clock == CLOCK_REALTIME && shift) time->tv_sec += atol(shift);
            return answer;
        }
        """

    @Test("Before and after its time it starts nothing")
    func expiry() throws {
        let place = try Workplace()
        try place.succeed("make-run batch 2")
        try Self.clock.write(toFile: place.folder + "/clock.c", atomically: true, encoding: .utf8)
        // The compiler is the one that links Swift's programs.
        let path = ["PATH": (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/bin"]
        try place.succeed(
            "$(command -v clang || command -v cc) -shared -fPIC -o clock.so clock.c -ldl", with: path)
        func run(_ command: String, after seconds: Int) throws -> Outcome {
            try place.run(
                "rootline run \(command) batch/manifest.yaml",
                with: ["LD_PRELOAD": place.folder + "/clock.so", "SHIFT": "\(seconds)"])
        }
        // Approved an hour from now, for two hours.
        let (begin, end) = (3600, 3600 + 7200)
        #expect(try run("approve --hours 2", after: begin).code == 0)
        let before = try place.books()
        for (seconds, words) in [(begin - 60, "its time has not come"), (end + 60, "its time is over")] {
            let outcome = try run("start", after: seconds)
            #expect(outcome.code == 77 && outcome.errors.contains(words), "\(outcome.errors)")
            #expect(try place.books().difference(from: before) == nil)
        }
        let outcome = try run("start", after: end - 60)
        #expect(outcome.code == 0, "\(outcome.errors)")
        try place.audit([("batch", Workplace.serials(2))])
    }
}
