import Allowlist
import CAllowlist
import TransparencyLog

/// Copies a structure to where the caller has room for it; `size` is what the caller set as its size.
///
/// A caller with an older, shorter structure gets the members that it knows.
func give<Structure>(
    _ value: Structure, to room: UnsafeMutablePointer<Structure>?, atLeast least: Int
) throws(CallFailure) {
    guard let room else { return }
    let raw = UnsafeMutableRawPointer(room)
    let size = raw.load(as: Int.self)
    guard size >= least else { throw .invalid("struct_size is \(size), at least \(least) are needed") }
    withUnsafeBytes(of: value) { bytes in
        // What the caller wrote as the size stays.
        let count = min(size, bytes.count)
        UnsafeMutableRawBufferPointer(start: raw, count: count)[8...].copyBytes(from: bytes[8..<count])
    }
}

extension rootline_allowlist_answer {
    /// The size of the structure in version 1 of the interface.
    static let firstSize = 960

    /// What stands in the answer before there is one, so that nobody reads an older one as this one.
    static var nothing: rootline_allowlist_answer {
        var answer = rootline_allowlist_answer()
        let none = UInt64.max
        answer.entry_index = none
        answer.not_after = none
        answer.event_time = none
        answer.replaced_by = none
        return answer
    }

    init(_ answer: LookupAnswer) {
        if let device = answer.device, let index = answer.entryIndex {
            self.init(device, at: index, in: answer.checkpoint)
        } else {
            self = .nothing
            tree_size = answer.checkpoint.size
            fill(&root, answer.checkpoint.root)
        }
        event_time = answer.events.last?.at ?? event_time
        replaced_by = answer.events.last?.replacedBy ?? replaced_by
        state = Int32(Self.state(of: answer.status))
        key_checked = answer.keyChecked ? 1 : 0
        serial_checked = answer.serialChecked ? 1 : 0
        fill(&reason, answer.reason ?? "")
    }

    /// A device as its `add` lists it.
    init(_ device: AllowlistEntry.Add, at index: UInt64, in checkpoint: Checkpoint) {
        self = .nothing
        entry_index = index
        not_after = device.notAfter
        tree_size = checkpoint.size
        fill(&root, checkpoint.root)
        state = Int32(ROOTLINE_ALLOWLIST_LISTED)
        fill(&key_sha256, device.key)
        fill(&certificate_sha256, device.certificate)
        rotates = device.rotates ? 1 : 0
        fill(&run, device.run)
        fill(&product, device.product)
        fill(&serial, device.serial.plainText ?? "")
    }

    private static func state(of status: LookupAnswer.Status) -> Int {
        switch status {
        case .notListed: ROOTLINE_ALLOWLIST_NOT_LISTED
        case .listed: ROOTLINE_ALLOWLIST_LISTED
        case .revoked: ROOTLINE_ALLOWLIST_REVOKED
        case .scrapped: ROOTLINE_ALLOWLIST_SCRAPPED
        case .replaced: ROOTLINE_ALLOWLIST_REPLACED
        }
    }
}

extension rootline_allowlist_summary {
    /// The size of the structure in version 1 of the interface.
    static let firstSize = 104

    init(_ list: VerifiedList) {
        self.init()
        tree_size = list.treeSize
        fill(&root, list.root)
        devices = list.counts[.add] ?? 0
        revocations = list.counts[.revoke] ?? 0
        scrapped = list.counts[.scrap] ?? 0
        replacements = list.counts[.replace] ?? 0
        runs = UInt64(list.runs.count)
        open_runs = UInt64(list.runs.filter { !$0.isSealed }.count)
        approved = list.authorised.rawValue == "approved" ? 1 : 0
        rehearsal = list.isRehearsal ? 1 : 0
    }
}

/// Writes the 32 bytes of a digest to the caller's room for them.
func copy(_ digest: Digest32, to room: UnsafeMutablePointer<UInt8>) {
    digest.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(start: room, count: Digest32.byteCount).copyMemory(from: $0)
    }
}

/// Fills an array of bytes.
private func fill<Bytes>(_ room: inout Bytes, _ digest: Digest32) {
    withUnsafeMutableBytes(of: &room) { room in
        digest.withUnsafeBytes { room.copyMemory(from: $0) }
    }
}

/// Fills an array of characters that is zero, and keeps its last NUL.
private func fill<Characters>(_ room: inout Characters, _ text: String) {
    withUnsafeMutableBytes(of: &room) { room in
        room.copyBytes(from: text.utf8.prefix(room.count - 1))
    }
}

extension Slice<UnsafeMutableRawBufferPointer> {
    fileprivate func copyBytes(from bytes: Slice<UnsafeRawBufferPointer>) {
        UnsafeMutableRawBufferPointer(rebasing: self).copyBytes(from: bytes)
    }
}
