import Allowlist
import Foundation
import TransparencyLog

/// One question to a verifier, with the answer that the specification demands; `README.md` has the fields.
struct Vector: Codable, Equatable {
    var version = 1
    var name: String
    var what: String
    /// The archive beside the vector, or a receipt's or proof's file.
    var bundle: String?
    var pins: PinnedForVector
    var allowRehearsal = false
    /// Base64 of the `checkpoint` that the consumer accepted before.
    var kept: String?
    /// What the clock shows, where an age is asked for: UTC seconds since 1970.
    var now: UInt64?
    var question: Question
    var expected: Expected

    /// The consumer's pins, in the form of a file of pins.
    struct PinnedForVector: Codable, Equatable {
        var version = 1
        var origin: String
        /// Base64 of the DER SubjectPublicKeyInfo.
        var logKey: String
        var maxAge: UInt64?
        /// SHA-256 of a version of the roster, in hexadecimal.
        var roster: String?
        var witnesses: PinnedWitnesses?
    }

    struct PinnedWitnesses: Codable, Equatable {
        var quorum: Int
        /// Verifier keys (C2SP signed-note).
        var keys: [String]
    }

    /// Exactly one of these is there.
    struct Question: Codable, Equatable {
        /// Verify the whole bundle.
        var verify: Bool?
        var lookup: Lookup?
        var receipt: ProofQuestion?
        var absence: ProofQuestion?
        var apply: ApplyQuestion?
    }

    /// The bundle is a delta, which a receiver applies.
    struct ApplyQuestion: Codable, Equatable {
        /// The archive of the receiver's bundle; he has none where it is left out.
        var base: String?
    }

    struct Lookup: Codable, Equatable {
        var serial: String?
        var product: String?
        /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal.
        var key: String?
        /// SHA-256 of the certificate, in hexadecimal.
        var certificate: String?
        /// The log's serial key, in hexadecimal.
        var serialKey: String?
    }

    struct ProofQuestion: Codable, Equatable {
        /// The receipt or the proof of absence beside the vector.
        var file: String
        /// Of the device that presents itself.
        var key: String?
        var certificate: String?
        var serial: String?
        var serialKey: String?
    }

    struct Expected: Codable, Equatable {
        /// `ok` or `refused`.
        var outcome: String
        /// The refusal's code.
        var code: String?
        var file: String?
        var index: UInt64?
        var list: ListFacts?
        var device: DeviceFacts?
    }

    struct ListFacts: Codable, Equatable {
        var treeSize: UInt64
        var root: String
        var rehearsal: Bool
        var authorised: String
        var entries: [String: UInt64]
        var runs: [RunFacts]
    }

    struct RunFacts: Codable, Equatable {
        var run: String
        var product: String
        var quantity: UInt64
        var spoilage: UInt64
        var reserved: UInt64
        var released: UInt64
        var scrapped: UInt64
        var burned: UInt64
        var sealed: Bool
    }

    struct DeviceFacts: Codable, Equatable {
        var status: String
        var entryIndex: UInt64?
        var keyChecked: Bool
        /// The code of the reason of the last event, or its words.
        var reason: String?
        var replacedBy: UInt64?
    }

    /// The codes whose refusals the specification lets name an entry.
    static let codesWithIndex: Set<AllowlistError.Code> = [
        .entryMismatch, .tileMismatch, .entryMalformed, .entryReference, .run, .quantity, .seal, .duplicate,
        .rehearsal, .approval,
    ]
    /// The codes whose refusals the specification lets name a file.
    static let codesWithFile: Set<AllowlistError.Code> = [
        .fileMissing, .fileSize, .entryMismatch, .tileMismatch, .entriesMalformed, .checkpointText,
        .authorisation,
    ]
}

extension Vector {
    /// Where the vectors lie.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("vectors")

    static func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + Data("\n".utf8)
    }

    /// What the library answers to the question, in the form of an expectation.
    func answer() throws -> Expected {
        do {
            return try accepted()
        } catch let error as AllowlistError {
            return Expected(
                outcome: "refused", code: error.code.rawValue,
                file: Self.codesWithFile.contains(error.code) ? error.file : nil,
                index: Self.codesWithIndex.contains(error.code) ? error.index : nil)
        }
    }

    private func accepted() throws -> Expected {
        var trusted = try PinsFile.read(Array(try Self.encoded(pins)), allowRehearsal: allowRehearsal)
        if let now { trusted.clock = { now } }
        if let receipt = question.receipt {
            let answer = try Receipt(parsing: receipt.bytes())
                .verify(
                    pins: trusted, device: receipt.device,
                    serialKey: receipt.serialKey.flatMap(Self.serialKey))
            return Expected(
                outcome: "ok",
                device: DeviceFacts(
                    status: "listed", entryIndex: answer.entryIndex, keyChecked: answer.keyChecked))
        }
        if let absence = question.absence {
            let answer = try AbsenceProof(parsing: absence.bytes()).verify(
                pins: trusted, device: absence.device)
            return Expected(
                outcome: "ok",
                device: DeviceFacts(status: "not-listed", keyChecked: answer.deviceChecked))
        }
        let archive = try TarArchive(Self.folder.appendingPathComponent(bundle ?? "").path)
        if let lookup = question.lookup {
            let reader = try BundleReader(in: archive, pins: trusted, checkingIndex: true)
            let answer: LookupAnswer
            if let certificate = lookup.certificate.flatMap({ Digest32(hex: $0) }),
                let key = lookup.key.flatMap({ Digest32(hex: $0) })
            {
                answer = try reader.lookup(certificate: certificate, key: key)
            } else {
                answer = try reader.lookup(
                    serial: lookup.serial ?? "", product: lookup.product,
                    key: lookup.key.flatMap { Digest32(hex: $0) },
                    serialKey: lookup.serialKey.flatMap(Self.serialKey))
            }
            return Expected(
                outcome: "ok",
                device: DeviceFacts(
                    status: answer.status.rawValue, entryIndex: answer.entryIndex,
                    keyChecked: answer.keyChecked, reason: answer.events.last?.reason,
                    replacedBy: answer.events.last?.replacedBy))
        }
        if let apply = question.apply {
            return Expected(outcome: "ok", list: try applied(archive, to: apply.base, pins: trusted))
        }
        let list = try BundleVerifier.verify(archive, pins: trusted)
        if let kept = kept.flatMap({ Data(base64Encoded: $0) }) {
            try KeptCheckpoint(note: Array(kept), origin: trusted.origin)
                .requireExtended(by: SignedHead(in: archive, pins: trusted), in: archive)
        }
        return Expected(outcome: "ok", list: ListFacts(list))
    }

    /// Applies a delta to a folder with the base's files, and verifies what comes of it.
    private func applied(_ delta: TarArchive, to base: String?, pins: Pins) throws -> ListFacts {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("vector-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        if let base {
            let archive = try TarArchive(Self.folder.appendingPathComponent(base).path)
            for path in try BundleContents(of: archive, pins: pins).paths {
                let place = folder.appendingPathComponent(path)
                try FileManager.default.createDirectory(
                    at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(try archive.bytes(of: path, maximum: 1 << 24)).write(to: place)
            }
        }
        _ = try BundleDelta.apply(delta, to: folder.path, pins: pins, verifying: true)
        return ListFacts(try BundleVerifier.verify(directory: folder.path, pins: pins))
    }

    static func serialKey(_ hex: String) -> SerialKey? {
        Array(hex.utf8).withUnsafeBytes { SerialKey(file: $0) }
    }
}

extension Vector.ListFacts {
    init(_ list: VerifiedList) {
        self.init(
            treeSize: list.treeSize, root: list.root.hex, rehearsal: list.isRehearsal,
            authorised: list.authorised.rawValue,
            entries: Dictionary(uniqueKeysWithValues: list.counts.map { ($0.key.name, $0.value) }),
            runs: list.runs.map {
                Vector.RunFacts(
                    run: $0.id, product: $0.product, quantity: $0.quantity, spoilage: $0.spoilage,
                    reserved: $0.reserved, released: $0.released, scrapped: $0.scrapped, burned: $0.burned,
                    sealed: $0.isSealed)
            })
    }
}

extension Vector.ProofQuestion {
    func bytes() throws -> [UInt8] {
        Array(try Data(contentsOf: Vector.folder.appendingPathComponent(file)))
    }

    var device: PresentedDevice? {
        key.flatMap { Digest32(hex: $0) }.map {
            PresentedDevice(key: $0, certificate: certificate.flatMap { Digest32(hex: $0) }, serial: serial)
        }
    }
}
