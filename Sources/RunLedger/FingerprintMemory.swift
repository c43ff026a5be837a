import Foundation
import Glibc

/// The memory of a fingerprint table: a file beside the ledger, mapped and shared, or this process's own.
///
/// The file has a page of header (magic, ledger's identifier, capacity, last chunk applied) and then the slots. Its disk
/// space is taken when it is made, so that writing to the mapping cannot fail for want of it. It is derived from
/// the ledger and never flushed: after a power cut its sums disagree, and it is made anew.
final class FingerprintMemory {
    let table: FingerprintTable
    /// Whether slots may be written.
    let isWritable: Bool
    private let base: UnsafeMutableRawPointer
    private let length: Int
    /// Whose lock lasts as long as this does; nil where the memory is no file's.
    private let file: TableFile?

    private static let headerOctets = 4096
    private static let magic: UInt64 = 0x3130_5450_4752_4e46
    private enum Word { static let magic = 0, ledger = 1, capacity = 3, applied = 4 }

    private init(base: UnsafeMutableRawPointer, capacity: Int, file: TableFile?, isWritable: Bool) {
        self.base = base
        self.file = file
        self.isWritable = isWritable
        length = FingerprintMemory.octets(capacity)
        table = FingerprintTable(
            slots: (base + FingerprintMemory.headerOctets).assumingMemoryBound(to: UInt64.self),
            capacity: capacity)
    }

    deinit { munmap(base, length) }

    static func octets(_ capacity: Int) -> Int { headerOctets + 8 * capacity }

    /// An empty table that no other process sees.
    static func anonymous(capacity: Int) throws(LedgerError) -> FingerprintMemory {
        guard let base = map(octets(capacity), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1) else {
            throw LedgerError(.io, "fingerprints", reason())
        }
        return FingerprintMemory(base: base, capacity: capacity, file: nil, isWritable: true)
    }

    /// An empty table in a new file at `path`, locked.
    static func create(
        _ path: String, capacity: Int, ledger: LedgerIdentity
    ) throws(LedgerError) -> FingerprintMemory {
        // A fingerprint has bits for no more places.
        guard capacity <= 1 << 34 else {
            throw LedgerError(.diskFull, path, "so many devices are more than one ledger tells apart")
        }
        unlink(path)
        let file = try TableFile(locking: path)
        let size = octets(capacity)
        try file.allocate(size)
        guard let base = map(size, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor) else {
            throw LedgerError(.io, path, reason())
        }
        let memory = FingerprintMemory(base: base, capacity: capacity, file: file, isWritable: true)
        memory[Word.magic] = magic
        memory[Word.ledger] = ledger.identifier.0
        memory[Word.ledger + 1] = ledger.identifier.1
        memory[Word.capacity] = UInt64(capacity)
        return memory
    }

    /// The table in `file`, mapped; nil where it is none, or not this ledger's.
    static func open(
        _ file: TableFile, ledger: LedgerIdentity, writing: Bool
    ) throws(LedgerError) -> FingerprintMemory? {
        let slots = (file.size - headerOctets) / 8
        guard slots >= FingerprintTable.minimumCapacity, slots.nonzeroBitCount == 1,
            file.size == octets(slots),
            let base = map(
                octets(slots), writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file.descriptor)
        else { return nil }
        let memory = FingerprintMemory(base: base, capacity: slots, file: file, isWritable: writing)
        guard memory[Word.magic] == magic, memory[Word.ledger] == ledger.identifier.0,
            memory[Word.ledger + 1] == ledger.identifier.1, memory[Word.capacity] == UInt64(slots)
        else { return nil }
        return memory
    }

    /// The number of the last chunk whose fingerprints are all in; nil where what stands there was never written.
    ///
    /// It is one word with its own check, so that a damaged one is not taken for a later chunk's.
    func applied(_ hash: SipHash) -> Int64? {
        let word = self[Word.applied]
        let chunk = Int64(word & UInt64(FingerprintTable.maximumChunk))
        return word == FingerprintMemory.appliedWord(chunk, hash) ? chunk : nil
    }

    func setApplied(_ chunk: Int64, _ hash: SipHash) {
        self[Word.applied] = FingerprintMemory.appliedWord(chunk, hash)
    }

    private static func appliedWord(_ chunk: Int64, _ hash: SipHash) -> UInt64 {
        let check = hash.hash(UInt64(bitPattern: chunk), UnsafeRawBufferPointer(start: nil, count: 0))
        return check & FingerprintTable.fingerprintMask | UInt64(bitPattern: chunk)
    }

    private subscript(word: Int) -> UInt64 {
        get { base.load(fromByteOffset: 8 * word, as: UInt64.self) }
        set { base.storeBytes(of: newValue, toByteOffset: 8 * word, as: UInt64.self) }
    }

    private static func map(
        _ length: Int, _ protection: Int32, _ flags: Int32, _ descriptor: Int32
    ) -> UnsafeMutableRawPointer? {
        let base = mmap(nil, length, protection, flags, descriptor, 0)
        return base == MAP_FAILED ? nil : base
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

/// Which ledger this is, and the key of its fingerprints: 256 random bits, made with it.
struct LedgerIdentity: Sendable {
    let identifier: (UInt64, UInt64)
    /// Secret from whoever chooses serials: with it fingerprints could be made to meet.
    let hash: SipHash

    /// From 32 octets; nil where they are not as many.
    init?(_ octets: [UInt8]) {
        guard octets.count == 32 else { return nil }
        let words = octets.withUnsafeBytes { octets in
            (0..<4).map {
                UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
            }
        }
        identifier = (words[0], words[1])
        hash = SipHash(key: (words[2], words[3]))
    }
}
