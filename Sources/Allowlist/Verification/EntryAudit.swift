import TransparencyLog

/// Takes the entries in order and checks each against those before it.
struct EntryAudit {
    let pins: Pins
    /// For entries that later ones cite.
    var files: EntryFiles
    /// The index records of the entries that were visited one by one.
    var index: IndexFacts
    var books = RunBooks()
    /// Their certificates.
    var certificates: CertificateUniqueness
    var counts: [AllowlistEntry.Kind: UInt64] = [:]
    /// The new device's `add` by the replaced one's.
    var replacements: [UInt64: UInt64] = [:]
    var authorisations: Set<Digest32> = []
    var lastState: (index: UInt64, state: AllowlistEntry.State)?
    /// Entries that the checkpoint before this one covers, as its `state` tells.
    private(set) var publishedBefore: UInt64 = 0
    var rotations = RotationAudit()
    private var replacing: Set<UInt64> = []
    private var scrapped: Set<UInt64> = []

    init(
        pins: Pins, files: EntryFiles, index: IndexFacts, certificates: CertificateUniqueness.Secret
    ) {
        self.pins = pins
        self.files = files
        self.index = index
        self.certificates = CertificateUniqueness(certificates)
        for kind in AllowlistEntry.Kind.allCases { counts[kind] = 0 }
    }

    /// Takes what a pass over the tree found; index records and certificates of `add` entries are its own concern.
    mutating func visit(_ item: TreePass.Item) throws(AllowlistError) {
        switch item {
        case .adds(let device, let count):
            counts[.add, default: 0] += count
            try books.add(device, count: count)
        case .entry(let entry, let index):
            try visit(entry, at: index)
        }
    }

    mutating func visit(_ entry: AllowlistEntry, at index: UInt64) throws(AllowlistError) {
        counts[entry.kind, default: 0] += 1
        certificates.insert(entry)
        switch entry {
        case .openRun(let run):
            try check(isRehearsal: run.isRehearsal)
            authorisations.insert(run.authorisation)
            try books.open(run, at: index)
        case .add(let device):
            try books.add(device)
            self.index.insert([device], at: index)
        case .revoke(let revoke):
            try visit(revoke, at: index)
        case .scrap(let scrap):
            let device = try device(scrap.index, citedAt: index)
            guard scrapped.insert(scrap.index).inserted else {
                throw AllowlistError(.entryReference, "the device was scrapped before")
            }
            try books.scrap(device)
            self.index.insert([device], at: index)
        case .replace(let replace):
            try visit(replace, at: index)
        case .seal(let seal):
            try check(isRehearsal: seal.isRehearsal)
            try books.seal(seal)
        case .state(let state):
            try state.check(covers: index)
            if let last = lastState { publishedBefore = last.index + 1 }
            lastState = (index, state)
        case .rotateSigner(let rotation):
            try rotations.visit(rotation, at: index)
        }
    }

    private mutating func visit(
        _ revoke: AllowlistEntry.Revoke, at index: UInt64
    ) throws(AllowlistError) {
        switch revoke.subject {
        case .device(let cited):
            let device = try device(cited, citedAt: index)
            guard device.run.isSpelled(revoke.run) else {
                throw AllowlistError(
                    .entryReference, "the revoked device is of the run \(device.run), not \(revoke.run)")
            }
            self.index.insert([device], at: index)
        case .burned(let serial, let authorityKeyID):
            try books.burn(serial, authorityKeyID: authorityKeyID, run: revoke.run)
        }
    }

    private mutating func visit(
        _ replace: AllowlistEntry.Replace, at index: UInt64
    ) throws(AllowlistError) {
        let prior = try device(replace.priorIndex, citedAt: index)
        let new = try device(replace.newIndex, citedAt: index)
        guard replacements.updateValue(replace.newIndex, forKey: replace.priorIndex) == nil,
            replacing.insert(replace.newIndex).inserted
        else {
            throw AllowlistError(.entryReference, "one of the two devices is in another replacement")
        }
        self.index.insert([prior, new], at: index)
    }

    private mutating func device(
        _ cited: UInt64, citedAt index: UInt64
    ) throws(AllowlistError) -> AllowlistEntry.Add {
        guard cited < index, case .add(let device) = try files.entry(at: cited) else {
            throw AllowlistError(.entryReference, "entry \(cited) is not an `add` before this one")
        }
        return device
    }

    private func check(isRehearsal: Bool) throws(AllowlistError) {
        guard isRehearsal == pins.isRehearsal else {
            throw AllowlistError(
                .rehearsal, "the entry's rehearsal flag does not agree with the origin \(pins.origin)")
        }
    }
}
