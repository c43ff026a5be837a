import Allowlist
import Synchronization
import TransparencyLog

/// One list that C has open.
final class OpenList: Sendable {
    let source: any BundleSource
    let pins: Pins
    let serialKey: SerialKey?
    let reader: BundleReader

    init(source: any BundleSource, pins: Pins, serialKey: SerialKey?, reader: BundleReader) {
        self.source = source
        self.pins = pins
        self.serialKey = serialKey
        self.reader = reader
    }

    /// Throws where the files are no longer those of the checkpoint that was opened.
    func checkUnchanged(size: UInt64, root: Digest32) throws(CallFailure) {
        guard size == reader.checkpoint.size, root == reader.checkpoint.root else {
            throw CallFailure(
                StatusCode.number(of: "bundle-changed"), "the list was replaced since it was opened")
        }
    }
}

/// The open lists by their numbers.
///
/// C holds a number and no pointer, so that a number that was closed, or never was one, is found out instead of
/// followed.
enum OpenLists {
    private struct Table {
        var lists: [UInt64: OpenList] = [:]
        var last: UInt64 = 0
    }

    private static let table = Mutex(Table())

    static func insert(_ list: OpenList) -> UInt64 {
        table.withLock { table in
            table.last += 1
            table.lists[table.last] = list
            return table.last
        }
    }

    static func list(_ handle: UInt64) throws(CallFailure) -> OpenList {
        guard let list = table.withLock({ $0.lists[handle] }) else {
            throw CallFailure(StatusCode.closed, "\(handle) is not the handle of an open list")
        }
        return list
    }

    static func close(_ handle: UInt64) {
        // The list itself goes outside the lock, since unmapping its files takes a while.
        let list = table.withLock { $0.lists.removeValue(forKey: handle) }
        withExtendedLifetime(list) {}
    }
}
