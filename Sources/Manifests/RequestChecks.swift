import Dispatch
import Foundation
import Synchronization

/// What the caller has to say to the rows' certification requests; this library knows no ASN.1.
public struct RequestChecks {
    public struct Row: Sendable {
        public let serial: String
        /// The octets of the list's value, or of the request's file.
        public let request: [UInt8]
    }

    public enum Verdict: Sendable {
        /// The request is sound: its public key, by which reuse is found, and a name in it that is not the serial.
        case sound(key: [UInt8], otherName: String?)
        case fault(code: String, message: String)
    }

    let verdict: @Sendable (Row) -> Verdict
    let key: @Sendable ([UInt8]) -> [UInt8]?
    let certifiedBy: (([[UInt8]]) -> [[UInt8]: String])?

    /// - Parameters:
    ///   - verdict: judges one row; called on all cores at once, for every row.
    ///   - key: the public key of a request that was found sound, to compare with others'.
    ///   - certifiedBy: answers which of some public keys an earlier run has certified, each with that run; nil asks
    ///     nothing. Called on the thread that checks the rows.
    public init(
        verdict: @escaping @Sendable (Row) -> Verdict, key: @escaping @Sendable ([UInt8]) -> [UInt8]?,
        certifiedBy: (([[UInt8]]) -> [[UInt8]: String])? = nil
    ) {
        self.verdict = verdict
        self.key = key
        self.certifiedBy = certifiedBy
    }
}

/// Requests that name somebody else than their row's serial, where that is not a fault.
public struct OtherNames: Hashable, Sendable {
    public internal(set) var count = 0
    /// The first of them, as `file:line: name`.
    public internal(set) var first: String?
}

/// A row's request on its way to be judged, with its place.
struct PlacedRequest: Sendable {
    var file: String
    var line: Int
    var column: Int
    var field: String
    var row: RequestChecks.Row
}

/// Has requests judged on all cores while the list is read on, and takes the verdicts in the order of the rows.
struct RequestQueue {
    private static let batch = 128

    private let checks: RequestChecks
    private let shared: Shared
    private var batch: [PlacedRequest] = []
    private var inFlight: [Int: [PlacedRequest]] = [:]
    private var submitted = 0
    private var taken = 0
    private let mostHashes: Int
    /// One 64-bit hash a key, keyed anew in every process.
    private var hashes: [UInt64] = []
    private(set) var otherNames = OtherNames()

    private enum Judged: Sendable {
        case sound(key: [UInt8], hash: UInt64, otherName: String?)
        case fault(code: String, message: String)
    }

    private final class Shared: Sendable {
        let finished = Mutex<[Int: [Judged]]>([:])
        /// Batches that may be in flight, so that memory is flat however fast the list is read.
        let slots: DispatchSemaphore
        let group = DispatchGroup()
        let queue = DispatchQueue(label: "rootline.requests", attributes: .concurrent)

        init(slots count: Int) { slots = DispatchSemaphore(value: count) }
    }

    init(_ checks: RequestChecks, quantity: Int?) {
        self.checks = checks
        mostHashes = (quantity ?? 10_000_000) + 1_000_000
        hashes.reserveCapacity(min(quantity ?? 0, 1 << 20))
        shared = Shared(slots: 2 * ProcessInfo.processInfo.activeProcessorCount)
    }

    mutating func add(_ request: PlacedRequest, _ faults: inout FaultLog) {
        batch.append(request)
        if batch.count == Self.batch {
            submit()
            take(&faults)
        }
    }

    /// Waits for every verdict.
    mutating func finish(_ faults: inout FaultLog) {
        if !batch.isEmpty { submit() }
        shared.group.wait()
        take(&faults)
    }

    private mutating func submit() {
        let (index, requests, verdict, shared) = (submitted, batch, checks.verdict, shared)
        inFlight[index] = requests
        submitted += 1
        batch = []
        batch.reserveCapacity(Self.batch)
        shared.slots.wait()
        shared.queue.async(group: shared.group) {
            let judged = requests.map { request -> Judged in
                switch verdict(request.row) {
                case .sound(let key, let otherName):
                    .sound(key: key, hash: keyHash(key), otherName: otherName)
                case .fault(let code, let message): .fault(code: code, message: message)
                }
            }
            shared.finished.withLock { $0[index] = judged }
            shared.slots.signal()
        }
    }

    private mutating func take(_ faults: inout FaultLog) {
        while let judged = shared.finished.withLock({ $0.removeValue(forKey: taken) }) {
            let requests = inFlight.removeValue(forKey: taken) ?? []
            taken += 1
            lookUp(requests, judged, &faults)
            for (request, verdict) in zip(requests, judged) {
                switch verdict {
                case .sound(_, let hash, let otherName):
                    if hashes.count < mostHashes { hashes.append(hash) }
                    guard let otherName else { continue }
                    if otherNames.count == 0 {
                        otherNames.first = "\(request.file):\(request.line): \(otherName)"
                    }
                    otherNames.count += 1
                case .fault(let code, let message):
                    faults.add(file: request.file, line: request.line) {
                        ManifestFault(
                            file: request.file, line: request.line, column: request.column,
                            field: request.field, code: code, message: message)
                    }
                }
            }
        }
    }

    private func lookUp(_ requests: [PlacedRequest], _ judged: [Judged], _ faults: inout FaultLog) {
        guard let certifiedBy = checks.certifiedBy else { return }
        let keys = judged.map { if case .sound(let key, _, _) = $0 { key } else { [UInt8]() } }
        let known = certifiedBy(keys.filter { !$0.isEmpty })
        guard !known.isEmpty else { return }
        for (request, key) in zip(requests, keys) {
            guard let run = known[key] else { continue }
            faults.add(file: request.file, line: request.line) {
                ManifestFault(
                    file: request.file, line: request.line, column: request.column, field: request.field,
                    code: "request.key-known",
                    message: "run \(run) has certified this public key; a key is certified once")
            }
        }
    }

    /// The hashes that more than one key has.
    mutating func repeatedHashes() -> Set<UInt64> {
        defer { hashes = [] }
        return repeated(in: &hashes)
    }
}

/// The hash of a public key; its own key is drawn once a process, so that nobody can prepare keys that collide.
func keyHash(_ key: [UInt8]) -> UInt64 {
    var hasher = Hasher()
    key.withUnsafeBytes { hasher.combine(bytes: $0) }
    return UInt64(bitPattern: Int64(hasher.finalize()))
}

/// The hashes that stand more than once; sorts the array.
func repeated(in hashes: inout [UInt64]) -> Set<UInt64> {
    hashes.sort()
    var repeated: Set<UInt64> = []
    for (left, right) in zip(hashes, hashes.dropFirst()) where left == right { repeated.insert(left) }
    return repeated
}
