import Glibc
import ProductionRun

/// A file that was not there before.
enum NewFile {
    /// Creates a file with these bytes; one that stands there already is never overwritten.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(RunError) {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            throw RunError(
                .cannotCreate, path, String(cString: strerror(errno)),
                hint: isThere
                    ? "Nothing is overwritten: name another file." : "Name a file in a folder that exists.")
        }
        defer { close(descriptor) }
        guard Terminal.put(bytes, to: descriptor) else {
            let failure = RunError(
                errno == ENOSPC ? .diskFull : .io, path, String(cString: strerror(errno)),
                hint: "Free some space.")
            unlink(path)
            throw failure
        }
    }

    /// Creates a folder for new files; one that stands there has to be empty.
    static func makeFolder(_ path: String) throws(RunError) {
        if mkdir(path, 0o755) == 0 { return }
        guard errno == EEXIST else {
            throw RunError(.cannotCreate, path, String(cString: strerror(errno)))
        }
        // Only an empty folder can be removed, so that nothing that stands there is mixed with what comes.
        guard rmdir(path) == 0, mkdir(path, 0o755) == 0 else {
            throw RunError(
                .cannotCreate, path, "is there and is not an empty folder",
                hint: "Nothing is overwritten: name another folder.")
        }
    }
}
