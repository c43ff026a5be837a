import Foundation

/// A library that ends a process at one of the steps by which it changes what others see on the disk.
enum KilledAtStep {
    /// `KILL_STEP=N` sends SIGKILL instead of the N-th flush, rename or link, counted from 1.
    static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <signal.h>
        #include <stdatomic.h>
        #include <stdlib.h>
        static atomic_long steps;
        static void step(void) {
            const char *last = getenv("KILL_STEP");
            if (last && atomic_fetch_add(&steps, 1) + 1 == atol(last)) raise(SIGKILL);
        }
        int fsync(int file) {
            step();
            return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
        }
        int fdatasync(int file) {
            step();
            return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
        }
        int rename(const char *from, const char *to) {
            step();
            return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
        }
        int link(const char *from, const char *to) {
            step();
            return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link"))(from, to);
        }
        """
}

extension Workplace {
    /// What a program needs that is killed at a step.
    func killed(atStep step: Int) throws -> [String: String] {
        ["LD_PRELOAD": try preload("steps", KilledAtStep.source), "KILL_STEP": "\(step)"]
    }

    /// A library for `LD_PRELOAD`, compiled once for each workplace.
    func preload(_ name: String, _ source: String) throws -> String {
        let path = folder + "/\(name).so"
        if !FileManager.default.fileExists(atPath: path) {
            try source.write(toFile: folder + "/\(name).c", atomically: true, encoding: .utf8)
            // The compiler is the one that links Swift's programs.
            let compilers = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/bin"
            try succeed(
                "$(command -v clang || command -v cc) -shared -fPIC -o \(name).so \(name).c -ldl",
                with: ["PATH": compilers])
        }
        return path
    }
}
