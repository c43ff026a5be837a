import TransparencyLog

/// Answers questions about devices from a bundle without reading the whole of it.
///
/// Opening checks the checkpoint's signature and proves the last `state` entry. A device that is found is
/// proven to the signed root. That a device or an event is absent rests on the index files: verify the
/// bundle once after it was received (`VerifiedBundle` does both), or open it with `checkingIndex`. The index
/// stays memory-mapped: put a newer bundle in another folder and open that, rather than writing over this one.
public struct BundleReader: Sendable {
    public let head: SignedHead
    public let state: AllowlistEntry.State
    /// How the log names its devices; nil where no run was opened yet.
    public let serials: SerialForm?
    /// Whether the index segments were found to have the roots in the signed state.
    public let isIndexChecked: Bool
    let live: LiveIndex
    private let bundle: any BundleSource

    public var checkpoint: Checkpoint { head.checkpoint }

    /// Opens the bundle in the folder `directory`.
    public init(
        directory: String, pins: Pins, checkingIndex: Bool = false
    ) throws(AllowlistError) {
        try self.init(in: BundleFolder(directory), pins: pins, checkingIndex: checkingIndex)
    }

    /// Opens the bundle; `checkingIndex` reads the index segments and compares their roots with the signed
    /// state, which takes some tenths of a second a million devices.
    public init(
        in bundle: any BundleSource, pins: Pins, checkingIndex: Bool = false
    ) throws(AllowlistError) {
        head = try SignedHead(in: bundle, pins: pins)
        var files = EntryFiles(in: bundle, treeSize: head.checkpoint.size)
        state = try files.provenState(root: head.checkpoint.root)
        serials = try files.provenSerialForm(root: head.checkpoint.root)
        var segments: [MappedSegment] = []
        for segment in state.segments {
            let segment = try MappedSegment(segment, in: bundle)
            if checkingIndex { try SegmentPass(segment: segment, passes: ParallelPasses()).run() }
            segments.append(segment)
        }
        live = LiveIndex(segments, withRegisters: checkingIndex)
        isIndexChecked = checkingIndex
        self.bundle = bundle
    }

    /// A reader of what was just verified.
    init(
        verified bundle: any BundleSource, head: SignedHead, state: AllowlistEntry.State,
        serials: SerialForm?, segments: [MappedSegment]
    ) {
        self.head = head
        self.state = state
        self.serials = serials
        self.bundle = bundle
        live = LiveIndex(segments, withRegisters: true)
        isIndexChecked = true
    }

    /// Looks a device up by its serial, and by its key where the caller has one.
    ///
    /// With a key, serial and key must be those of the same device. Without one, the newest device of that
    /// serial answers and `keyChecked` is false; where several products use the serial, `product` is needed.
    /// A log of hashed serials needs its `serialKey`: without one the device's key alone answers and
    /// `serialChecked` is false, and a question that has neither is refused (`serialKey`). Another log's serial key
    /// finds nothing.
    public func lookup(
        serial: String, product: String? = nil, key: Digest32? = nil, serialKey: SerialKey? = nil
    ) throws(AllowlistError) -> LookupAnswer {
        if serials == .hashed, serialKey == nil {
            guard let key else {
                throw AllowlistError(
                    .serialKey, "this log lists hashed serials: a serial alone cannot be looked up in it",
                    hint: "give the log's serial key, or the device's key or certificate")
            }
            return try lookup(key: key, product: product)
        }
        let wanted = ListedSerial(serial, key: serials == .hashed ? serialKey : nil)
        let about = try entries(.serial, wanted.indexHash)
        var matches: [(index: UInt64, device: AllowlistEntry.Add)] = []
        var isListedOtherwise = false
        for (index, entry) in about {
            guard case .add(let device) = entry, device.serial == wanted else { continue }
            guard product == nil || device.product == product, key == nil || device.key == key else {
                isListedOtherwise = true
                continue
            }
            matches.append((index, device))
        }
        guard let match = matches.last else {
            return notListed(
                keyChecked: key != nil, serialChecked: true,
                reason: isListedOtherwise ? "the serial is listed with another key or product" : nil)
        }
        guard Set(matches.map(\.device.product)).count == 1 else {
            throw AllowlistError(
                .ambiguousSerial, "several products have a device with this serial",
                hint: "name the product, or the device's key")
        }
        return answer(match.index, match.device, about, keyChecked: key != nil, serialChecked: true)
    }

    /// The newest device with this key, whatever its serial.
    private func lookup(key: Digest32, product: String?) throws(AllowlistError) -> LookupAnswer {
        let about = try entries(.key, key)
        var match: (index: UInt64, device: AllowlistEntry.Add)?
        var isListedOtherwise = false
        for (index, entry) in about {
            guard case .add(let device) = entry, device.key == key else { continue }
            if product == nil || device.product == product {
                match = (index, device)
            } else {
                isListedOtherwise = true
            }
        }
        guard let match else {
            return notListed(
                keyChecked: true, serialChecked: false,
                reason: isListedOtherwise ? "the key is listed with another product" : nil)
        }
        return answer(match.index, match.device, about, keyChecked: true, serialChecked: false)
    }

    /// Looks a device up by SHA-256 of its certificate and of its key's SubjectPublicKeyInfo.
    public func lookup(certificate: Digest32, key: Digest32) throws(AllowlistError) -> LookupAnswer {
        let about = try entries(.key, key)
        var isListedOtherwise = false
        for (index, entry) in about {
            guard case .add(let device) = entry, device.key == key else { continue }
            guard device.certificate == certificate else {
                isListedOtherwise = true
                continue
            }
            return answer(index, device, about, keyChecked: true, serialChecked: false)
        }
        return notListed(
            keyChecked: true, serialChecked: false,
            reason: isListedOtherwise ? "the key is listed with another certificate" : nil)
    }

    /// The proven entries that the index has under `hash`, in the order of the log.
    private func entries(
        _ kind: Segment.Kind, _ hash: Digest32
    ) throws(AllowlistError) -> [(index: UInt64, entry: AllowlistEntry)] {
        var files = EntryFiles(in: bundle, treeSize: checkpoint.size)
        var entries: [(index: UInt64, entry: AllowlistEntry)] = []
        for segment in live.segments where segment.segment.kind == kind {
            for index in try segment.indexes(of: hash) {
                let entry = try files.provenEntry(at: index, root: checkpoint.root)
                guard try isAbout(entry, kind, hash, &files) else {
                    throw AllowlistError(
                        .segment, file: segment.segment.path, index: index,
                        "the index leads to an entry about another device",
                        hint: "verify the whole bundle to find the damaged file")
                }
                entries.append((index, entry))
            }
        }
        return entries.sorted { $0.index < $1.index }
    }

    private func isAbout(
        _ entry: AllowlistEntry, _ kind: Segment.Kind, _ hash: Digest32, _ files: inout EntryFiles
    ) throws(AllowlistError) -> Bool {
        for index in entry.citedDevices {
            if case .add(let device) = try files.provenEntry(at: index, root: checkpoint.root),
                IndexRecord.hash(of: device, kind: kind) == hash
            {
                return true
            }
        }
        if case .add(let device) = entry { return IndexRecord.hash(of: device, kind: kind) == hash }
        return false
    }

    private func answer(
        _ index: UInt64, _ device: AllowlistEntry.Add, _ about: [(index: UInt64, entry: AllowlistEntry)],
        keyChecked: Bool, serialChecked: Bool
    ) -> LookupAnswer {
        let events = about.compactMap { LookupAnswer.Event($0.entry, at: $0.index, about: index) }
        return LookupAnswer(
            status: events.last?.status ?? .listed, reason: events.last?.reason, entryIndex: index,
            device: device, events: events, keyChecked: keyChecked, serialChecked: serialChecked,
            checkpoint: checkpoint)
    }

    private func notListed(keyChecked: Bool, serialChecked: Bool, reason: String?) -> LookupAnswer {
        LookupAnswer(
            status: .notListed, reason: reason, entryIndex: nil, device: nil, events: [],
            keyChecked: keyChecked, serialChecked: serialChecked, checkpoint: checkpoint)
    }
}

extension AllowlistEntry {
    /// The indexes of the `add` entries that an event cites, in ascending order.
    package var citedDevices: [UInt64] {
        switch self {
        case .revoke(let revoke):
            if case .device(let index) = revoke.subject { [index] } else { [] }
        case .scrap(let scrap): [scrap.index]
        case .replace(let replace): [replace.priorIndex, replace.newIndex]
        case .openRun, .add, .seal, .state, .rotateSigner: []
        }
    }
}

extension LookupAnswer.Event {
    /// The event that `entry` is for the device listed at `device`, or nil where it is none.
    fileprivate init?(_ entry: AllowlistEntry, at index: UInt64, about device: UInt64) {
        self.index = index
        switch entry {
        case .revoke(let revoke):
            guard revoke.subject == .device(index: device) else { return nil }
            (status, reason, at, replacedBy) = (.revoked, revoke.reason.name, revoke.effectiveAt, nil)
        case .scrap(let scrap):
            guard scrap.index == device else { return nil }
            (status, reason, at, replacedBy) = (.scrapped, scrap.reason, scrap.scrappedAt, nil)
        case .replace(let replace):
            guard replace.priorIndex == device else { return nil }
            (status, reason, at) = (.replaced, replace.reason, replace.replacedAt)
            replacedBy = replace.newIndex
        case .openRun, .add, .seal, .state, .rotateSigner:
            return nil
        }
    }
}
