/// An open-addressing table of fingerprints over memory that something else owns: a mapped file's, or its own.
///
/// A slot of 64 bits holds a fingerprint in its upper 36 and a chunk's number in its lower 28; 0 is empty. A
/// fingerprint's first place is given by its upper bits, so that a larger table is filled in the order of a smaller
/// one; where it is taken, the next free one is used. Nothing is ever taken out.
struct FingerprintTable {
    static let chunkBits = 28
    /// The highest chunk number that a slot can hold.
    static let maximumChunk = Int64(1) << chunkBits - 1
    static let fingerprintMask = ~UInt64(maximumChunk)
    static let minimumCapacity = 1 << 12

    let slots: UnsafeMutablePointer<UInt64>
    /// A power of two.
    let capacity: Int
    private let shift: UInt64

    init(slots: UnsafeMutablePointer<UInt64>, capacity: Int) {
        self.slots = slots
        self.capacity = capacity
        shift = UInt64(64 - capacity.trailingZeroBitCount)
    }

    /// The smallest power of two that `entries` fill to three fifths at most.
    static func capacity(for entries: Int) -> Int {
        var capacity = minimumCapacity
        while entries > capacity / 5 * 3 { capacity <<= 1 }
        return capacity
    }

    @inline(__always)
    func home(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot &>> shift) }

    @inline(__always)
    func next(_ place: Int) -> Int { (place &+ 1) & (capacity &- 1) }

    /// The first slot that a fingerprint may stand in; read ahead of the search, so that the waits for memory overlap.
    @inline(__always)
    func touch(_ fingerprint: UInt64) -> UInt64 { slots[home(fingerprint)] }

    /// Calls `body` with the number of each chunk that has this fingerprint.
    @inline(__always)
    func forEachChunk(of fingerprint: UInt64, _ body: (Int64) -> Void) {
        var place = home(fingerprint)
        while true {
            let slot = slots[place]
            if slot == 0 { return }
            if slot & FingerprintTable.fingerprintMask == fingerprint {
                body(Int64(slot & UInt64(FingerprintTable.maximumChunk)))
            }
            place = next(place)
        }
    }

    /// Puts a slot in, unless the same is there; answers whether it was new.
    @discardableResult
    @inline(__always)
    func insert(_ slot: UInt64) -> Bool {
        var place = home(slot)
        while true {
            let there = slots[place]
            if there == slot { return false }
            if there == 0 {
                slots[place] = slot
                return true
            }
            place = next(place)
        }
    }

    /// The slots of chunks up to `chunk`, summed up, and those of later ones; nil where one of the former is not where
    /// a search would find it.
    func sums(through chunk: Int64) -> (through: FingerprintSum, later: FingerprintSum)? {
        // From an empty slot on and round: no search passes one.
        guard let start = (0..<capacity).first(where: { slots[$0] == 0 }) else { return nil }
        var through = FingerprintSum()
        var later = FingerprintSum()
        var distance = 0
        for step in 1..<capacity {
            let place = (start &+ step) & (capacity &- 1)
            let slot = slots[place]
            if slot == 0 {
                distance = 0
                continue
            }
            // `distance` slots before this one are filled.
            if Int64(slot & UInt64(FingerprintTable.maximumChunk)) <= chunk {
                if (place &- home(slot)) & (capacity &- 1) > distance { return nil }
                through.add(slot)
            } else {
                later.add(slot)
            }
            distance &+= 1
        }
        return (through, later)
    }

    /// Puts everything of another table in.
    func fill(from other: FingerprintTable, through chunk: Int64) {
        for place in 0..<other.capacity {
            let slot = other.slots[place]
            if slot != 0, Int64(slot & UInt64(FingerprintTable.maximumChunk)) <= chunk { insert(slot) }
        }
    }
}

/// Count and order-independent checksum of a set of slots: what the ledger keeps of what must be in the table.
struct FingerprintSum: Equatable {
    var count = 0
    var sum: UInt64 = 0

    @inline(__always)
    mutating func add(_ slot: UInt64) {
        count &+= 1
        // The finaliser of MurmurHash3: each bit of the slot changes half of the sum's.
        var mixed = slot
        mixed ^= mixed &>> 33
        mixed = mixed &* 0xff51_afd7_ed55_8ccd
        mixed ^= mixed &>> 33
        mixed = mixed &* 0xc4ce_b9fe_1a85_ec53
        mixed ^= mixed &>> 33
        sum = sum &+ mixed
    }

    static func + (one: FingerprintSum, other: FingerprintSum) -> FingerprintSum {
        FingerprintSum(count: one.count &+ other.count, sum: one.sum &+ other.sum)
    }
}
