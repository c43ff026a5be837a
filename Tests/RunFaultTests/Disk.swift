import Foundation
import Glibc

/// A disk as a power cut may leave it: built from a folder's contents before, and the operations that a program did
/// since (`SITE_FILES_RECORD`), each of them durable only once it was flushed.
///
/// The model is POSIX's and not one file system's: an fsync of a file keeps its contents and not its name, one of a
/// folder keeps the names in it, and what was not flushed may be there or not, in any combination. A rename is one
/// change, whichever folders it concerns.
final class Disk {
    /// What is left of the changes that were not flushed.
    enum Cut: Sendable, CustomStringConvertible {
        case nothing
        case everything
        /// Each change with probability one half.
        case some(seed: UInt64)

        var description: String {
            switch self {
            case .nothing: "nothing unflushed is kept"
            case .everything: "everything is kept"
            case .some(let seed): "some of it is kept (\(seed))"
            }
        }
    }

    fileprivate enum Change {
        case write(Int, Data)
        case truncate(Int)
    }

    final class Node {
        let isFolder: Bool
        /// What is on the disk for certain.
        fileprivate var contents = Data()
        fileprivate var names: [String: Node] = [:]
        fileprivate var unflushed: [Change] = []
        /// What the program sees.
        fileprivate var current: [String: Node] = [:]
        /// Written through a mapping: it may contain anything.
        fileprivate var isMapped = false

        fileprivate init(isFolder: Bool) { self.isFolder = isFolder }
    }

    /// Names that one operation gave or took.
    private struct NameChange {
        var entries: [(folder: Node, name: String, node: Node?)]
    }

    private let root: String
    private let top = Node(isFolder: true)
    private var byInode: [UInt64: Node] = [:]
    private var names: [NameChange] = []
    private let except: Set<String>

    /// Reads a folder; `except` are names in it that are no part of the disk.
    init(_ root: String, except: Set<String>) throws {
        self.root = root
        self.except = except
        try read(top, root)
    }

    private func read(_ node: Node, _ path: String) throws {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw ProgramFailure("\(path) is gone") }
        byInode[UInt64(facts.st_ino)] = node
        guard node.isFolder else {
            node.contents = try Data(contentsOf: URL(fileURLWithPath: path))
            return
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: path)
        where path != root || !except.contains(name) {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
            let child = Node(isFolder: isFolder.boolValue)
            try read(child, path + "/" + name)
            node.names[name] = child
        }
        node.current = node.names
    }

    // MARK: Replaying

    /// Does what a program did, as it was recorded.
    func replay(record path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        var at = data.startIndex
        while at < data.endIndex {
            guard let end = data[at...].firstIndex(of: 0x0A) else { break }
            let line = String(decoding: data[at..<end], as: UTF8.self)
            let fields = line.split(separator: " ", maxSplits: 5).map { String($0) }
            guard fields.count == 6, let inode = UInt64(fields[1]), let first = Int(fields[2]),
                let second = Int(fields[3]), let length = Int(fields[4])
            else { throw ProgramFailure("\(path): a malformed line: \(line)") }
            at = end + 1
            let octets = Data(data[at..<at + length])
            at += length
            try replay(fields[0], inode, first, second, fields[5], octets)
        }
    }

    private func replay(
        _ name: String, _ inode: UInt64, _ first: Int, _ second: Int, _ path: String, _ octets: Data
    ) throws {
        switch name {
        case "create":
            if first == 1 {
                let node = Node(isFolder: false)
                byInode[inode] = node
                try change([(path, node)])
            }
            if second == 1 { try node(inode, path).unflushed.append(.truncate(0)) }
        case "write": try node(inode, path).unflushed.append(.write(first, octets))
        case "truncate": try node(inode, path).unflushed.append(.truncate(first))
        case "map": try node(inode, path).isMapped = true
        case "fsync": flush(try node(inode, path))
        case "fsync-folder": flush(folder: try folder(path))
        case "sync":
            for node in byInode.values where !node.isFolder { flush(node) }
            for change in names { apply(change) }
            names = []
        case "rename":
            let (from, to) = try pair(path)
            try change([(from, nil), (to, try entry(from))])
        case "link":
            let (from, to) = try pair(path)
            try change([(to, try entry(from))])
        case "unlink", "rmdir": try change([(path, nil)])
        case "mkdir":
            let node = Node(isFolder: true)
            byInode[inode] = node
            try change([(path, node)])
        default: throw ProgramFailure("an unknown operation: \(name)")
        }
    }

    private func node(_ inode: UInt64, _ path: String) throws -> Node {
        guard let node = byInode[inode] else { throw ProgramFailure("\(path) was never made") }
        return node
    }

    private func pair(_ text: String) throws -> (String, String) {
        guard let middle = text.range(of: "//") else { throw ProgramFailure("\(text) are no two paths") }
        return (String(text[..<middle.lowerBound]), "/" + text[middle.upperBound...])
    }

    private func folder(_ path: String) throws -> Node {
        var node = top
        for name in path.dropFirst(root.count).split(separator: "/") {
            guard let next = node.current[String(name)] else { throw ProgramFailure("\(path) is not there") }
            node = next
        }
        return node
    }

    private func place(_ path: String) throws -> (Node, String) {
        let url = URL(fileURLWithPath: path)
        return (try folder(url.deletingLastPathComponent().path), url.lastPathComponent)
    }

    private func entry(_ path: String) throws -> Node {
        let (folder, name) = try place(path)
        guard let node = folder.current[name] else { throw ProgramFailure("\(path) is not there") }
        return node
    }

    private func change(_ entries: [(String, Node?)]) throws {
        var change = NameChange(entries: [])
        for (path, node) in entries {
            let (folder, name) = try place(path)
            change.entries.append((folder, name, node))
        }
        for (folder, name, node) in change.entries { folder.current[name] = node }
        names.append(change)
    }

    private func flush(_ node: Node) {
        node.contents = Disk.contents(node.contents, node.unflushed)
        node.unflushed = []
    }

    private func flush(folder: Node) {
        // A rename that is kept in one folder is kept in the other.
        for change in names where change.entries.contains(where: { $0.folder === folder }) { apply(change) }
        names.removeAll { $0.entries.contains { $0.folder === folder } }
    }

    private func apply(_ change: NameChange) {
        for (folder, name, node) in change.entries { folder.names[name] = node }
    }

    private static func contents(_ before: Data, _ changes: [Change]) -> Data {
        var contents = before
        for change in changes {
            switch change {
            case .write(let offset, let octets):
                if contents.count < offset { contents.append(Data(count: offset - contents.count)) }
                contents.replaceSubrange(offset..<min(contents.count, offset + octets.count), with: octets)
            case .truncate(let length):
                contents =
                    length <= contents.count
                    ? Data(contents.prefix(length)) : contents + Data(count: length - contents.count)
            }
        }
        return contents
    }

    // MARK: Cutting

    /// Leaves in the folder what the power cut left; files and folders that are as they were are not touched.
    func cut(_ cut: Cut) throws {
        var generator = SeededGenerator(seed: 1)
        var isKept: () -> Bool = { false }
        switch cut {
        case .nothing: break
        case .everything: isKept = { true }
        case .some(let seed):
            generator = SeededGenerator(seed: seed)
            isKept = { Bool.random(using: &generator) }
        }
        // Unflushed changes that are kept are on the disk, each whole.
        for change in names where isKept() { apply(change) }
        var left: [String: Data?] = [:]
        func walk(_ node: Node, _ path: String) {
            for (name, child) in node.names.sorted(by: { $0.key < $1.key }) {
                let place = path + "/" + name
                if child.isFolder {
                    left[place] = .some(nil)
                    walk(child, place)
                    continue
                }
                var contents = Disk.contents(child.contents, child.unflushed.filter { _ in isKept() })
                if child.isMapped {
                    for index in contents.indices {
                        contents[index] = .random(in: 0...255, using: &generator)
                    }
                }
                left[place] = contents
            }
        }
        walk(top, root)
        try write(left)
    }

    private func write(_ left: [String: Data?]) throws {
        let manager = FileManager.default
        let present = (manager.enumerator(atPath: root)?.allObjects ?? []).compactMap { $0 as? String }
        for name in present where !except.contains(String(name.split(separator: "/")[0])) {
            let path = root + "/" + name
            if left[path] == nil, manager.fileExists(atPath: path) { try manager.removeItem(atPath: path) }
        }
        for (path, contents) in left.sorted(by: { $0.key < $1.key }) {
            if let contents {
                if manager.contents(atPath: path) == contents { continue }
                guard manager.createFile(atPath: path, contents: contents) else {
                    throw ProgramFailure("\(path) cannot be written")
                }
            } else {
                try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
        }
    }
}
