import Allowlist
import Crypto
import TransparencyLog

/// One entry by itself: whether a strict decoder takes it.
struct EntryVector: Codable, Equatable {
    var name: String
    var what: String
    /// The entry's octets.
    var hex: String
    /// The kind's name where it is an entry.
    var kind: String?
    /// The refusal's code where it is none.
    var refused: String?
}

extension EntryVector {
    /// What the library says about these octets.
    static func answer(_ octets: [UInt8]) -> (kind: String?, refused: String?) {
        do {
            return (try AllowlistEntry(decoding: octets).kind.name, nil)
        } catch {
            return (nil, error.code.rawValue)
        }
    }

    private init(_ name: String, _ what: String, _ octets: [UInt8], refused: Bool) throws {
        let answer = EntryVector.answer(octets)
        guard (answer.refused != nil) == refused else {
            throw VectorCase.Unexpected(description: "entry \(name): \(answer.refused ?? "read")")
        }
        self.init(
            name: name, what: what,
            hex: octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(),
            kind: answer.kind, refused: answer.refused)
    }

    /// The whole table.
    static func made() throws -> [EntryVector] { try good() + bounds() + encodings() + fields() }

    // MARK: Entries

    private static func good() throws -> [EntryVector] {
        let log = VectorLog()
        var seal = log.seal(released: 3)
        seal.packageIndex = VectorLog.digest(1, "package index")
        let rotation = AllowlistEntry.rotateSigner(
            .init(
                oldKey: log.publicKey,
                newKey: Array(VectorLog.key("next log key").publicKey.derRepresentation),
                isEmergency: false, authorisation: VectorLog.digest(1, "rotation"), trustedSize: 7,
                trustedRoot: VectorLog.digest(1, "root"), rotatedAt: VectorLog.time))
        let segment = Segment(
            kind: .key, start: 0, end: 9, recordCount: 3, root: VectorLog.digest(1, "segment"))
        let second = Segment(
            kind: .serial, start: 0, end: 9, recordCount: 3, root: VectorLog.digest(2, "segment"))
        let entries: [(String, AllowlistEntry)] = [
            ("open-run", log.openRun()), ("open-run-hashed", log.openRun(serials: .hashed)),
            ("add", .add(VectorLog.device(1))),
            ("add-hashed", .add(VectorLog.device(1, serialKey: Vector.serialKey(VectorCase.serialKey)))),
            ("revoke", VectorLog.revoke(1)), ("burn", VectorLog.burn(1)), ("scrap", VectorLog.scrap(1)),
            ("replace", VectorLog.replace(1, 2)),
            ("seal", .seal(log.seal(released: 3, scrapped: 1, burned: [4]))),
            ("seal-with-package-index", .seal(seal)), ("state-empty", .state(.init(segments: []))),
            ("state", .state(.init(segments: [segment, second]))), ("rotate-signer", rotation),
        ]
        return try entries.map { name, entry in
            try EntryVector("good-\(name)", "A good entry.", try entry.encoded(), refused: false)
        }
    }

    /// An `add` with one field in another encoding.
    private static func add(_ change: (inout [(UInt64, [UInt8])]) -> Void) -> [UInt8] {
        let hash = [0x58, 0x20] + [UInt8](repeating: 0x11, count: 32)
        var fields: [(UInt64, [UInt8])] = [
            (0, [0x01]), (1, [0x02]), (2, [0x61, 0x52]), (3, [0x61, 0x50]), (4, [0x61, 0x53]), (5, hash),
            (6, hash), (7, [0x41, 0x01]), (8, [0x41, 0x02]),
            (9, [0x1b, 0, 0, 0, 0x3a, 0xff, 0xf4, 0x41, 0x7f]),
            (10, [0xf4]),
        ]
        change(&fields)
        return [0xa0 | UInt8(fields.count)] + fields.flatMap { [UInt8($0.0)] + $0.1 }
    }

    private static func text(_ count: Int, _ byte: UInt8 = 0x61) -> [UInt8] {
        (count < 24
            ? [0x60 | UInt8(count)]
            : count < 256 ? [0x78, UInt8(count)] : [0x79, UInt8(count >> 8), UInt8(count & 255)])
            + [UInt8](repeating: byte, count: count)
    }

    private static func bytes(_ count: Int) -> [UInt8] {
        var head = text(count, 0x11)
        head[0] -= 0x20
        return head
    }

    // MARK: Bounds of fields

    private static func bounds() throws -> [EntryVector] {
        let hash = [0x58, 0x20] + [UInt8](repeating: 0x11, count: 32)
        let cases: [(String, Int, [UInt8], Bool)] = [
            ("as in the specification", 2, text(1), false), ("the longest run id", 2, text(128), false),
            ("a run id of 129 bytes", 2, text(129), true), ("an empty run id", 2, text(0), true),
            ("a run id with a newline", 2, text(3, 0x0a), true),
            ("a run id with DEL", 2, text(3, 0x7f), true),
            ("a run id with a NUL", 2, text(3, 0), true), ("a run id of bytes", 2, bytes(3), true),
            ("a product of 129 bytes", 3, text(129), true), ("the longest serial", 4, text(255), false),
            ("a serial of 256 bytes", 4, text(256), true), ("an empty serial", 4, text(0), true),
            ("a serial's hash of 31 bytes", 4, bytes(31), true),
            ("a serial's hash of 33 bytes", 4, bytes(33), true),
            ("a serial that is a number", 4, [0x01], true), ("a key digest of 31 bytes", 5, bytes(31), true),
            ("a key digest of text", 5, text(32), true),
            ("an empty certificate serial number", 7, bytes(0), true),
            ("the longest certificate serial number", 7, bytes(20), false),
            ("a certificate serial number of 21 bytes", 7, bytes(21), true),
            ("an empty key identifier", 8, bytes(0), true),
            ("the longest key identifier", 8, bytes(64), false),
            ("a key identifier of 65 bytes", 8, bytes(65), true),
            ("a second after the year 9999", 9, [0x1b, 0, 0, 0, 0x3a, 0xff, 0xf4, 0x41, 0x80], true),
            ("the largest number as a time", 9, [0x1b] + [UInt8](repeating: 0xff, count: 8), true),
            ("a negative time", 9, [0x20], true), ("a flag that is a number", 10, [0x00], true),
            ("a flag that is null", 10, [0xf6], true), ("a flag that is undefined", 10, [0xf7], true),
        ]
        var vectors = try cases.map { what, key, value, refused in
            try EntryVector(
                "bound-\(what.replacing(" ", with: "-"))", "An `add` with \(what).",
                add { $0[key].1 = value }, refused: refused)
        }
        let arrays: [(String, [(UInt64, [UInt8])], Bool)] = [
            ("a GUID without a voucher", [(11, bytes(16))], true),
            ("a voucher without a GUID", [(12, hash)], true),
            ("a GUID and a voucher", [(11, bytes(16)), (12, hash)], false),
            ("a GUID of 15 bytes", [(11, bytes(15)), (12, hash)], true),
            ("one firmware digest", [(13, [0x81] + hash)], false),
            ("no firmware digest in a list", [(13, [0x80])], true),
            ("sixteen firmware digests", [(13, [0x90] + (0..<16).flatMap { _ in hash })], false),
            ("seventeen firmware digests", [(13, [0x91] + (0..<17).flatMap { _ in hash })], true),
            ("a firmware digest that is a list", [(13, [0x81, 0x81] + hash)], true),
        ]
        vectors += try arrays.map { what, added, refused in
            try EntryVector(
                "bound-\(what.replacing(" ", with: "-"))", "An `add` with \(what).", add { $0 += added },
                refused: refused)
        }
        return vectors
    }

    // MARK: Encodings that RFC 8949 allows and the deterministic form does not, or nobody allows

    private static func encodings() throws -> [EntryVector] {
        let good = add { _ in }
        func value(_ key: Int, _ bytes: [UInt8]) -> [UInt8] { add { $0[key].1 = bytes } }
        let cases: [(String, String, [UInt8])] = [
            ("empty", "No bytes.", []), ("trailing-byte", "A byte behind the map.", good + [0]),
            ("trailing-entry", "A second entry behind the first.", good + good),
            ("cut", "The last byte is missing.", Array(good.dropLast())),
            ("head-only", "Nothing but the map's head.", [0xab]),
            (
                "count-too-small", "The map's head counts one pair less than there are.",
                [0xaa] + good.dropFirst()
            ),
            (
                "count-too-large", "The map's head counts one pair more than there are.",
                [0xac] + good.dropFirst()
            ),
            ("count-not-shortest", "The map's count in two bytes.", [0xb8, 0x0b] + good.dropFirst()),
            (
                "count-in-eight-bytes", "The map's count in nine bytes.",
                [0xbb, 0, 0, 0, 0, 0, 0, 0, 0x0b] + good.dropFirst()
            ),
            (
                "count-overflow", "A map of 2^64 - 1 pairs.",
                [0xbb] + [UInt8](repeating: 0xff, count: 8) + good.dropFirst()
            ),
            (
                "count-huge", "A map of 2^32 pairs in a short entry.",
                [0xbb, 0, 0, 0, 1, 0, 0, 0, 0] + good.dropFirst()
            ),
            ("indefinite-map", "A map of indefinite length.", [0xbf] + good.dropFirst() + [0xff]),
            ("array", "An array instead of a map.", [0x80]), ("number", "A number instead of a map.", [0x00]),
            ("tagged", "The map under the tag 55799.", [0xd9, 0xd9, 0xf7] + good),
            ("key-twice", "The key 2 twice.", add { $0.insert($0[2], at: 3) }),
            ("key-twice-apart", "The key 2 once more at the end.", add { $0.append($0[2]) }),
            ("keys-unsorted", "The keys 2 and 3 exchanged.", add { $0.swapAt(2, 3) }),
            ("keys-unsorted-version", "The version behind the kind.", add { $0.swapAt(0, 1) }),
            (
                "key-not-shortest", "The key 2 in two bytes.",
                [0xab, 0, 1, 1, 2, 0x18, 0x02] + good.dropFirst(6)
            ),
            ("key-text", "The key 2 as text.", [0xab, 0, 1, 1, 2, 0x61, 0x32] + good.dropFirst(6)),
            ("key-negative", "A negative key.", [0xab, 0, 1, 1, 2, 0x21] + good.dropFirst(6)),
            (
                "key-overflow", "The key 2^64 - 1 at the end.",
                [0xac] + good.dropFirst() + [0x1b] + [UInt8](repeating: 0xff, count: 8) + [0]
            ),
            ("version-not-shortest", "The version 1 in two bytes.", value(0, [0x18, 0x01])),
            ("time-not-shortest", "A small time in nine bytes.", value(9, [0x1b, 0, 0, 0, 0, 0, 0, 0, 1])),
            ("time-in-two-bytes", "The time 23 in two bytes.", value(9, [0x18, 23])),
            ("time-in-three-bytes", "The time 255 in three bytes.", value(9, [0x19, 0, 255])),
            ("time-in-five-bytes", "The time 65535 in five bytes.", value(9, [0x1a, 0, 0, 255, 255])),
            (
                "time-float", "A time as a floating-point number.",
                value(9, [0xfb, 0x41, 0, 0, 0, 0, 0, 0, 0])
            ),
            ("time-half-float", "A time as a half-precision number.", value(9, [0xf9, 0x3c, 0])),
            ("time-bignum", "A time as a bignum.", value(9, [0xc2, 0x41, 1])),
            ("reserved-28", "A reserved additional information value.", value(9, [0x1c])),
            ("reserved-30", "Another reserved additional information value.", value(9, [0x1e])),
            ("break", "A break where a value must be.", value(9, [0xff])),
            ("simple-value", "A simple value.", value(10, [0xe5])),
            ("simple-value-in-two-bytes", "`false` in two bytes.", value(10, [0xf8, 20])),
            ("text-not-shortest", "A text's length in two bytes.", value(2, [0x78, 1, 0x52])),
            ("text-indefinite", "A text of indefinite length.", value(2, [0x7f, 0x61, 0x52, 0xff])),
            (
                "text-overflow", "A text of 2^64 - 1 bytes.",
                value(2, [0x7b] + [UInt8](repeating: 0xff, count: 8))
            ),
            (
                "text-longest", "A text of 2^63 - 1 bytes.",
                value(2, [0x7b, 0x7f] + [UInt8](repeating: 0xff, count: 7))
            ),
            ("text-beyond", "A text that is longer than the entry.", value(2, [0x79, 0xff, 0xff, 0x52])),
            ("text-not-utf8", "A text with the byte 0xff.", value(2, [0x61, 0xff])),
            ("text-overlong", "An overlong form of a slash.", value(2, [0x62, 0xc0, 0xaf])),
            ("text-surrogate", "A surrogate in UTF-8.", value(2, [0x63, 0xed, 0xa0, 0x80])),
            (
                "text-beyond-unicode", "A code point beyond U+10FFFF.",
                value(2, [0x64, 0xf4, 0x90, 0x80, 0x80])
            ),
            ("text-cut-character", "A text that ends within a character.", value(2, [0x61, 0xc3])),
            ("bytes-not-shortest", "A byte string's length in three bytes.", value(7, [0x59, 0, 1, 1])),
            ("bytes-indefinite", "A byte string of indefinite length.", value(7, [0x5f, 0x41, 1, 0xff])),
            (
                "bytes-overflow", "A byte string of 2^64 - 1 bytes.",
                value(7, [0x5b] + [UInt8](repeating: 0xff, count: 8))
            ),
            (
                "array-overflow", "A list of 2^64 - 1 digests.",
                add { $0.append((13, [0x9b] + [UInt8](repeating: 0xff, count: 8))) }
            ),
            (
                "array-indefinite", "A list of indefinite length.",
                add { $0.append((13, [0x9f, 0x58, 0x20] + [UInt8](repeating: 0x11, count: 32) + [0xff])) }
            ),
            ("nesting-arrays", "Thousand arrays in each other.", [UInt8](repeating: 0x81, count: 1000) + [0]),
            (
                "nesting-maps", "Thousand maps in each other.",
                (0..<1000).flatMap { _ in [0xa1, 0x00] as [UInt8] } + [0]
            ),
            ("nesting-tags", "Thousand tags in each other.", [UInt8](repeating: 0xc1, count: 1000) + [0]),
            (
                "nesting-in-a-field", "Thousand arrays in the place of a run id.",
                value(2, [UInt8](repeating: 0x81, count: 1000) + [0])
            ),
            (
                "nesting-indefinite", "Thousand arrays of indefinite length.",
                [UInt8](repeating: 0x9f, count: 1000)
            ),
            (
                "too-long", "An `add` with more digests than an entry has bytes.",
                add {
                    $0.append(
                        (
                            13,
                            [0x99, 0x08, 0x00]
                                + (0..<2048).flatMap { _ in [0x58, 0x20] + [UInt8](repeating: 1, count: 32) }
                        ))
                }
            ),
        ]
        return try cases.map { name, what, octets in
            try EntryVector("encoding-\(name)", what, octets, refused: true)
        }
    }

    // MARK: Fields that have no place, and kinds with a rule of their own

    private static func fields() throws -> [EntryVector] {
        let hash = [0x58, 0x20] + [UInt8](repeating: 0x11, count: 32)
        let log = VectorLog()
        func octets(_ entry: AllowlistEntry, _ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
            var octets = try entry.encoded()
            change(&octets)
            return octets
        }
        /// Head, version and kind, then these pairs.
        func entry(_ kind: UInt8, _ pairs: [(UInt8, [UInt8])]) -> [UInt8] {
            [0xa0 | UInt8(pairs.count + 2), 0, 1, 1, kind] + pairs.flatMap { [$0.0] + $0.1 }
        }
        func segment(_ kind: UInt8, _ start: UInt8, _ end: UInt8) -> [UInt8] {
            [0xa5, 0, kind, 1, start, 2, end, 3, 1, 4] + hash
        }
        let cases: [(String, String, [UInt8])] = [
            ("version-0", "Version 0.", add { $0[0].1 = [0] }),
            ("version-2", "Version 2.", add { $0[0].1 = [2] }),
            ("kind-0", "Kind 0.", add { $0[1].1 = [0] }), ("kind-9", "Kind 9.", add { $0[1].1 = [9] }),
            ("kind-missing", "No kind.", add { $0.remove(at: 1) }),
            ("field-missing", "An `add` without its key digest.", add { $0.remove(at: 5) }),
            ("field-unknown", "An `add` with a key 14.", add { $0.append((14, [0])) }),
            ("kind-of-another", "An `add` that says it is an `open-run`.", add { $0[1].1 = [1] }),
            (
                "open-run-serials-2", "A form of serials that nobody knows.",
                try octets(log.openRun()) { $0[$0.count - 1] = 2 }
            ),
            (
                "open-run-quantity-large", "A quantity above 2^48.",
                try octets(log.openRun()) { octets in
                    // The quantity 10 stands behind key 5, the spoilage 2 behind key 6.
                    if let at = (0..<octets.count - 3).first(where: {
                        Array(octets[$0..<$0 + 4]) == [5, 10, 6, 2]
                    }) {
                        octets.replaceSubrange(at + 1..<at + 2, with: [0x1b, 0, 1, 0, 0, 0, 0, 0, 1])
                    }
                }
            ),
            (
                "revoke-reason-6", "The reason 6, certificateHold.",
                entry(3, [(2, [0x61, 0x52]), (3, [6]), (4, [0]), (5, [1])])
            ),
            (
                "revoke-reason-8", "The reason 8, removeFromCRL.",
                entry(3, [(2, [0x61, 0x52]), (3, [8]), (4, [0]), (5, [1])])
            ),
            (
                "revoke-of-nothing", "A `revoke` without a subject.",
                entry(3, [(2, [0x61, 0x52]), (3, [1]), (4, [0])])
            ),
            (
                "revoke-of-both", "A `revoke` of an index and of a burned certificate.",
                entry(
                    3, [(2, [0x61, 0x52]), (3, [1]), (4, [0]), (5, [1]), (6, [0x41, 1]), (7, [0x41, 1])])
            ),
            (
                "revoke-without-issuer", "A burned certificate without its issuer.",
                entry(3, [(2, [0x61, 0x52]), (3, [1]), (4, [0]), (6, [0x41, 1])])
            ),
            ("scrap-reason-long", "A reason of 257 bytes.", entry(4, [(2, [1]), (3, text(257)), (4, [0])])),
            (
                "replace-by-itself", "A device that replaces itself.",
                entry(5, [(2, [1]), (3, [1]), (4, [0x61, 0x61]), (5, [0])])
            ),
            (
                "replace-by-an-older", "A device that replaces a newer one.",
                entry(5, [(2, [2]), (3, [1]), (4, [0x61, 0x61]), (5, [0])])
            ),
            (
                "seal-activation-2", "An activation that nobody knows.",
                entry(
                    6,
                    [
                        (2, [0x61, 0x52]), (3, [0]), (4, [1]), (5, [1]), (6, [0]), (7, [0]), (8, hash),
                        (9, [2]), (10, [0]),
                        (11, [0xf4]),
                    ])
            ),
            (
                "seal-sum", "Reserved is not released, scrapped and burned.",
                entry(
                    6,
                    [
                        (2, [0x61, 0x52]), (3, [0]), (4, [2]), (5, [1]), (6, [0]), (7, [0]), (8, hash),
                        (9, [1]), (10, [0]),
                        (11, [0xf4]),
                    ])
            ),
            (
                "state-gap", "Segments with a gap.",
                entry(7, [(2, [0x82] + segment(1, 0, 3) + segment(1, 4, 5))])
            ),
            (
                "state-overlap", "Segments that overlap.",
                entry(7, [(2, [0x82] + segment(1, 0, 3) + segment(1, 2, 5))])
            ),
            (
                "state-not-from-0", "Segments that begin behind entry 0.",
                entry(7, [(2, [0x81] + segment(1, 1, 3))])
            ),
            (
                "state-second-kind-not-from-0", "Segments of serials that begin behind entry 0.",
                entry(7, [(2, [0x82] + segment(1, 0, 3) + segment(2, 1, 3))])
            ),
            (
                "state-kinds-unsorted", "Serials before keys.",
                entry(7, [(2, [0x82] + segment(2, 0, 3) + segment(1, 0, 3))])
            ),
            (
                "state-kind-3", "A kind of index that nobody knows.",
                entry(7, [(2, [0x81] + segment(3, 0, 3))])
            ),
            (
                "state-empty-segment", "A segment that covers nothing.",
                entry(7, [(2, [0x81] + segment(1, 0, 0))])
            ),
            (
                "rotate-to-the-same", "A rotation to the same key.",
                entry(
                    8,
                    [(2, [0x41, 1]), (3, [0x41, 1]), (4, [0xf4]), (5, hash), (6, [0]), (7, hash), (8, [0])])
            ),
            (
                "rotate-to-nothing", "A rotation to a key of no bytes.",
                entry(
                    8, [(2, [0x41, 1]), (3, [0x40]), (4, [0xf4]), (5, hash), (6, [0]), (7, hash), (8, [0])])
            ),
        ]
        return try cases.map { name, what, octets in
            try EntryVector("field-\(name)", what, octets, refused: true)
        }
    }
}
