import Allowlist
import Synchronization
import TransparencyLog

/// One list that C has open.
final class OpenList: Sendable {
    let source: any BundleSource
    let pins: Pins
    let serialKey: SerialKey?
    /// What a full verification found, where the list was opened with one.
    let verified: VerifiedList?
    let reader: BundleReader

    init(
        source: any BundleSource, pins: Pins, serialKey: SerialKey?, verified: VerifiedList?,
        reader: BundleReader
    ) {
        self.source = source
        self.pins = pins
        self.serialKey = serialKey
        self.verified = verified
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

/// What C has open, by numbers.
///
/// C holds a number and no pointer, so that a number that was closed, or never was one, is found out instead of
/// followed. Numbers are never used twice by a process, for lists and for anything else.
final class HandleTable<Value: Sendable>: Sendable {
    private let values = Mutex<[UInt64: Value]>([:])

    func insert(_ value: Value) -> UInt64 {
        let handle = lastHandle.add(1, ordering: .relaxed).newValue
        values.withLock { $0[handle] = value }
        return handle
    }

    subscript(_ handle: UInt64) -> Value? {
        values.withLock { $0[handle] }
    }

    func remove(_ handle: UInt64) {
        // The value itself goes outside the lock, since unmapping a list's files takes a while.
        let value = values.withLock { $0.removeValue(forKey: handle) }
        withExtendedLifetime(value) {}
    }
}

private let lastHandle = Atomic<UInt64>(0)

/// The open lists.
enum OpenLists {
    static let table = HandleTable<OpenList>()

    static func list(_ handle: UInt64) throws(CallFailure) -> OpenList {
        guard let list = table[handle] else {
            throw CallFailure(StatusCode.closed, "\(handle) is not the handle of an open list")
        }
        return list
    }
}
