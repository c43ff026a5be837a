#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes files below one folder and knows what still has to reach the disk.
///
/// Every file is written under another name and renamed, so no reader sees half of one. `flush` is the
/// only promise of durability, except for `writeDurably`, which keeps it for one file at once.
package struct DurableFolder {
    package let root: String
    private var knownFolders: Set<String> = []
    private var dirtyFolders: Set<String> = []
    private var dirtyFiles: [String] = []

    /// Files that wait at most, so that the list of names stays small.
    private static let maximumListed = 1 << 14

    package init(_ root: String) throws(AllowlistError) {
        self.root = root
        try makeFolder("")
    }

    /// Writes a file without waiting for the disk.
    package mutating func write(_ bytes: [UInt8], to path: String) throws(AllowlistError) {
        try makeFolder(Self.parent(of: path))
        let temporary = path + ".tmp"
        let descriptor = try create(temporary)
        defer { close(descriptor) }
        try Self.writeAll(bytes, descriptor, path)
        try rename(temporary, to: path)
        try note(path)
    }

    /// Writes a file and waits until it is on the disk; where it existed, the old or the new bytes
    /// survive a crash, never a mixture.
    package mutating func writeDurably(_ bytes: [UInt8], to path: String) throws(AllowlistError) {
        try makeFolder(Self.parent(of: path))
        let temporary = path + ".tmp"
        let descriptor = try create(temporary)
        defer { close(descriptor) }
        try Self.writeAll(bytes, descriptor, path)
        guard fsync(descriptor) == 0 else { throw Self.failure(path, "flush") }
        try rename(temporary, to: path)
        try syncFolder(Self.parent(of: path))
    }

    /// Takes note of a file that was written by other means.
    package mutating func note(_ path: String) throws(AllowlistError) {
        dirtyFolders.insert(Self.parent(of: path))
        dirtyFiles.append(path)
        if dirtyFiles.count >= Self.maximumListed { try flush() }
    }

    /// Waits until every file and name noted so far is on the disk.
    package mutating func flush() throws(AllowlistError) {
        // Many files are written back faster together; the flush of each one then reports its errors.
        if dirtyFiles.count > 64 { syncEverything() }
        for path in dirtyFiles { try sync(path, O_RDONLY) }
        for folder in dirtyFolders { try syncFolder(folder) }
        dirtyFiles.removeAll()
        dirtyFolders.removeAll()
    }

    /// Makes a folder and those above it; `""` is the root.
    package mutating func makeFolder(_ path: String) throws(AllowlistError) {
        guard !knownFolders.contains(path) else { return }
        if !path.isEmpty { try makeFolder(Self.parent(of: path)) }
        if mkdir(location(path), 0o755) == 0 {
            // The root's own name lies outside it and is flushed at once.
            if path.isEmpty { try syncFolder("..") } else { dirtyFolders.insert(Self.parent(of: path)) }
        } else if errno != EEXIST {
            throw Self.failure(path, "create the folder")
        }
        knownFolders.insert(path)
    }

    package func rename(_ old: String, to new: String) throws(AllowlistError) {
        guard renameFile(location(old), location(new)) == 0 else { throw Self.failure(new, "put in place") }
    }

    package func syncFolder(_ path: String) throws(AllowlistError) {
        try sync(path, O_RDONLY | O_DIRECTORY)
    }

    /// Removes a file; one that is not there is no error.
    package func remove(_ path: String) throws(AllowlistError) {
        guard unlink(location(path)) == 0 || errno == ENOENT else { throw Self.failure(path, "remove") }
    }

    /// Removes a folder that holds only files; one that is not there is no error.
    package mutating func removeFolder(_ path: String) throws(AllowlistError) {
        for name in names(in: path) { try remove("\(path)/\(name)") }
        guard rmdir(location(path)) == 0 || errno == ENOENT else { throw Self.failure(path, "remove") }
        knownFolders.remove(path)
    }

    package func exists(_ path: String) -> Bool {
        access(location(path), F_OK) == 0
    }

    /// The names in a folder, sorted; none where it is not there.
    package func names(in path: String) -> [String] {
        guard let stream = opendir(location(path)) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(
                    to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)
                ) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package func location(_ path: String) -> String { path.isEmpty ? root : "\(root)/\(path)" }

    /// Opens an empty file for writing, whatever stood under the name before.
    package func create(_ path: String) throws(AllowlistError) -> Int32 {
        let descriptor = open(location(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path, "create") }
        return descriptor
    }

    package static func writeAll(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(AllowlistError)
    {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                systemWrite(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "write") }
            written += count
        }
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }

    package static func failure(_ path: String, _ action: String) -> AllowlistError {
        AllowlistError(
            .fileAccess, file: path, "cannot \(action): \(String(cString: strerror(errno)))",
            hint: "check the disk and the folder's permissions; what was published before is untouched")
    }

    private func sync(_ path: String, _ flags: Int32) throws(AllowlistError) {
        let descriptor = open(location(path), flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path, "open for flushing") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure(path, "flush") }
    }
}

// The methods above have the names of these calls.
private func renameFile(_ old: String, _ new: String) -> Int32 { rename(old, new) }

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

private func syncEverything() { sync() }
