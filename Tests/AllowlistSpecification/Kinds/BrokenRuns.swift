import Allowlist
import TransparencyLog

extension VectorCase {
    /// Signed lists whose runs do not add up.
    static let brokenRuns: [VectorCase] = [
        .rule("run-opened-twice", "A second `open-run` with the same id.", .run) { log in
            try log.append(log.openRun())
        },
        .rule("run-never-opened", "An `add` of a run that was never opened.", .run) { log in
            try log.append(.add(VectorLog.device(5, run: "R-9")))
        },
        .rule("run-sealed-before", "An `add` after its run's seal.", .run) { log in
            try log.append(.seal(log.seal(released: 4)))
            try log.append(.add(VectorLog.device(5)))
        },
        .rule("run-sealed-twice", "A second seal of a run.", .run) { log in
            try log.append(.seal(log.seal(released: 4)))
            try log.append(.seal(log.seal(released: 4)))
        },
        .rule("run-burned-after-the-seal", "A burned certificate after its run's seal.", .run) { log in
            try log.append(.seal(log.seal(released: 4)))
            try log.append(VectorLog.burn(5))
        },
        .rule("run-other-product", "An `add` of another product than its run's.", .run) { log in
            try log.append(.add(VectorLog.device(5, product: "Syringe pump")))
        },
        .rule("run-other-issuer", "An `add` of another issuer than its run's.", .run) { log in
            var device = VectorLog.device(5)
            device.authorityKeyID = [1, 2, 3]
            try log.append(.add(device))
        },
        .rule("run-burned-by-another-issuer", "A burned certificate of another issuer than its run's.", .run)
        { log in
            try log.append(VectorLog.burn(5, issuer: [1, 2, 3]))
        },
        .rule("run-serial-of-another-form", "A hashed serial in a run of plain ones.", .run) { log in
            try log.append(.add(VectorLog.device(5, serialKey: Vector.serialKey(serialKey))))
        },
        .rule("run-of-another-serial-form", "A run of hashed serials in a log of plain ones.", .run) { log in
            try log.append(log.openRun("R-2", serials: .hashed))
        },
        .rule("quantity-made", "Thirteen made, of a quantity of ten and a spoilage of two.", .quantity) {
            log in
            for number in 5...10 { try log.append(.add(VectorLog.device(number))) }
            for number in 11...13 { try log.append(VectorLog.burn(number)) }
        },
        .rule("quantity-released", "Eleven released of a quantity of ten, in a run that is open.", .quantity)
        { log in
            for number in 5...11 { try log.append(.add(VectorLog.device(number))) }
        },
        .rule("quantity-sealed", "A seal over eleven released of a quantity of ten.", .quantity) { log in
            for number in 5...11 { try log.append(.add(VectorLog.device(number))) }
            try log.append(.seal(log.seal(released: 11)))
        },
        .rule("seal-released", "A seal that says one released less than there are.", .seal) { log in
            try log.append(.seal(log.seal(released: 3)))
        },
        .rule("seal-scrapped", "A seal that does not tell a scrapped device.", .seal) { log in
            try log.append(VectorLog.scrap(2))
            try log.append(.seal(log.seal(released: 4)))
        },
        .rule("seal-burned", "A seal that does not tell a burned certificate.", .seal) { log in
            try log.append(VectorLog.burn(5))
            try log.append(.seal(log.seal(released: 4)))
        },
        .rule("seal-burned-digest", "A seal over another burned certificate than the log's.", .seal) { log in
            try log.append(VectorLog.burn(5))
            try log.append(.seal(log.seal(released: 4, burned: [6])))
        },
        .rule("seal-open-index", "A seal that cites another entry than its run's opening.", .seal) { log in
            try log.append(.seal(log.seal(openIndex: 1, released: 4)))
        },
        .rule("rehearsal-flag-in-a-run", "A run marked as a rehearsal in a log that is none.", .rehearsal) {
            log in
            try log.append(log.openRun("R-2", isRehearsal: true))
        },
        .rule("rehearsal-flag-in-a-seal", "A seal marked as a rehearsal in a log that is none.", .rehearsal) {
            log in
            try log.append(.seal(log.seal(released: 4, isRehearsal: true)))
        },
    ]

    /// Signed lists whose entries cite what is not there, or are no entries.
    static let brokenReferences: [VectorCase] = [
        .rule("reference-to-no-device", "A `scrap` of an entry that is no `add`.", .entryReference) { log in
            try log.append(VectorLog.scrap(0))
        },
        .rule("reference-to-itself", "A `revoke` that cites its own index.", .entryReference) { log in
            try log.append(VectorLog.revoke(5))
        },
        .rule(
            "reference-to-a-later-device", "A `scrap` of a device that is listed behind it.", .entryReference
        ) { log in
            try log.append(VectorLog.scrap(6))
            try log.append(.add(VectorLog.device(5)))
        },
        .rule("reference-beyond-the-tree", "A `revoke` of an entry beyond the tree.", .entryReference) {
            log in
            try log.append(VectorLog.revoke(1_000_000))
        },
        .rule("reference-overflow", "A `scrap` of entry 2^64 - 1.", .entryReference) { log in
            try log.append(VectorLog.scrap(.max))
        },
        .rule("reference-other-run", "A `revoke` that names another run than its device's.", .entryReference)
        { log in
            try log.append(log.openRun("R-2"))
            try log.append(VectorLog.revoke(1, run: "R-2"))
        },
        .rule("scrapped-twice", "A device is scrapped twice.", .entryReference) { log in
            try log.append(VectorLog.scrap(1))
            try log.append(VectorLog.scrap(1))
        },
        .rule("replaced-twice", "A device is replaced twice.", .entryReference) { log in
            try log.append(VectorLog.replace(1, 2))
            try log.append(VectorLog.replace(1, 3))
        },
        .rule("replacing-twice", "A device replaces two.", .entryReference) { log in
            try log.append(VectorLog.replace(1, 3))
            try log.append(VectorLog.replace(2, 3))
        },
        .rule("entry-of-another-version", "A signed entry of version 2.", .entryMalformed) { log in
            var bytes = try AllowlistEntry.add(VectorLog.device(5)).encoded()
            bytes[2] = 2
            log.append(octets: bytes)
        },
        .rule("entry-with-trailing-byte", "A signed entry with a byte behind its map.", .entryMalformed) {
            log in
            log.append(octets: try AllowlistEntry.add(VectorLog.device(5)).encoded() + [0])
        },
        .rule("entry-of-nothing", "A signed entry of no bytes.", .entryMalformed) { log in
            log.append(octets: [])
        },
        .rule("entry-nesting-bomb", "A signed entry of 60000 nested arrays.", .entryMalformed) { log in
            log.append(octets: [UInt8](repeating: 0x81, count: 60_000))
        },
        .refused("state-missing", "The last entry is no `state`.", .state) {
            var log = try VectorLog.oneRun()
            try log.appendState()
            try log.append(VectorLog.revoke(1))
            return Made(log: log, files: try log.files())
        },
        .refused("state-too-old", "A `state` in the list does not cover the entries before it.", .state) {
            var log = try VectorLog.published()
            let old = log.entries.last ?? []
            try log.append(VectorLog.revoke(1))
            log.append(octets: old)
            try log.appendState()
            return Made(log: log, files: try log.files())
        },
        .refused("tree-of-nothing", "A checkpoint over a tree without entries.", .state) {
            let log = VectorLog()
            return Made(log: log, files: try log.files(authorisations: []))
        },
    ]
}
