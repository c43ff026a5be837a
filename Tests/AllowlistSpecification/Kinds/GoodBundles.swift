import Allowlist
import TransparencyLog

extension VectorCase {
    static let goodBundles: [VectorCase] = [
        .accepted("good-empty", "A list of nothing but its `state`.") {
            var log = VectorLog()
            try log.appendState()
            return Made(log: log, files: try log.files(authorisations: []))
        },
        .accepted("good-one-run", "A sealed run of six devices.") {
            let log = try VectorLog.published()
            return Made(log: log, files: try log.files())
        },
        .accepted("good-open-run", "A run that is not sealed yet.") {
            var log = VectorLog()
            try log.append(log.openRun())
            for number in 1...3 { try log.append(.add(VectorLog.device(number))) }
            try log.appendState()
            return Made(log: log, files: try log.files())
        },
        .accepted(
            "good-every-event",
            "Two runs over two publications with scrapped, revoked, burned and replaced devices; two segments of each kind."
        ) {
            let log = try everyEvent()
            return Made(log: log, files: try log.files())
        },
        .accepted("good-two-tiles", "300 devices: two level-0 tiles, one of level 1.") {
            let log = try VectorLog.published(devices: 300)
            return Made(log: log, files: try log.files())
        },
        .accepted("good-full-tile", "256 entries: no partial tile on level 0.") {
            let log = try VectorLog.published(devices: 253)
            return Made(log: log, files: try log.files())
        },
        .accepted("good-hashed-serials", "A log that lists hashes of serials; verifying needs no key.") {
            let log = try hashed()
            return Made(log: log, files: try log.files())
        },
        .accepted("good-rehearsal", "A rehearsal's list, whose consumer allows that.") {
            var log = try VectorLog.oneRun(origin: "rehearsal.invalid/line")
            try log.appendState()
            return Made(log: log, files: try log.files(), allowRehearsal: true)
        },
        .accepted("good-optional-fields", "FDO identity, firmware digests, a station, a package index.") {
            var log = VectorLog()
            guard case .openRun(var run) = log.openRun() else { return Made(log: log, files: [:]) }
            run.station = VectorLog.digest(0, "station")
            try log.append(.openRun(run))
            var device = VectorLog.device(1)
            device.fdo = .init(
                guid: Array(VectorLog.digest(1, "guid").bytes.prefix(16)),
                voucher: VectorLog.digest(1, "voucher"))
            device.firmware = [VectorLog.digest(1, "firmware"), VectorLog.digest(2, "firmware")]
            device.rotates = true
            try log.append(.add(device))
            var seal = log.seal(released: 1)
            seal.packageIndex = VectorLog.digest(0, "package index")
            try log.append(.seal(seal))
            try log.appendState()
            return Made(log: log, files: try log.files())
        },
        .rule("good-serial-twice-in-two-products", "A serial is unique within its product only.", nil) {
            log in
            try log.append(log.openRun("R-2", product: "Syringe pump"))
            try log.append(
                .add(VectorLog.device(5, run: "R-2", product: "Syringe pump", serial: "SN-1")))
        },
        .rule(
            "good-serial-again-for-a-replacement", "The new device of a `replace` may have the old serial.",
            nil
        ) {
            log in
            try log.append(.add(VectorLog.device(5, serial: "SN-1")))
            try log.append(VectorLog.replace(1, 5))
        },
        .rule(
            "good-events-after-the-seal", "After the seal its devices may still be revoked and scrapped.", nil
        ) {
            log in
            try log.append(.seal(log.seal(released: 4)))
            try log.append(VectorLog.revoke(1))
            try log.append(VectorLog.scrap(2))
        },
        .rule(
            "good-spoilage-used-up",
            "Ten released and two burned, of a quantity of ten and a spoilage of two.", nil
        ) {
            log in
            for number in 5...10 { try log.append(.add(VectorLog.device(number))) }
            for number in 11...12 { try log.append(VectorLog.burn(number)) }
            try log.append(.seal(log.seal(released: 10, burned: [11, 12])))
        },
    ]

    /// The first of two publications.
    static func firstPublication() throws -> VectorLog {
        var log = VectorLog()
        try log.append(log.openRun())
        for number in 1...8 { try log.append(.add(VectorLog.device(number))) }
        try log.append(VectorLog.scrap(2))
        try log.append(VectorLog.revoke(3))
        try log.append(VectorLog.burn(9))
        try log.append(.seal(log.seal(released: 7, scrapped: 1, burned: [9])))
        try log.appendState()
        return log
    }

    /// Two runs over two publications with every event.
    static func everyEvent() throws -> VectorLog {
        var log = try firstPublication()
        log.segmentEnds = [log.size - 1]
        let second = try log.append(log.openRun("R-2"))
        let first = log.size
        for number in 20...23 { try log.append(.add(VectorLog.device(number, run: "R-2"))) }
        try log.append(VectorLog.replace(4, first))
        try log.append(VectorLog.revoke(5))
        try log.append(.seal(log.seal("R-2", openIndex: second, released: 4)))
        try log.appendState()
        return log
    }

    static let serialKey = String(repeating: "5a", count: 32)

    static func hashed() throws -> VectorLog {
        var log = VectorLog()
        let key = Vector.serialKey(serialKey)
        try log.append(log.openRun(serials: .hashed))
        for number in 1...5 { try log.append(.add(VectorLog.device(number, serialKey: key))) }
        try log.append(VectorLog.revoke(3))
        try log.append(.seal(log.seal(released: 5)))
        try log.appendState()
        return log
    }
}
