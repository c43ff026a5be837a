import Allowlist
import TransparencyLog

/// Logs to begin from, with every kind of entry but rotations.
enum SampleLog {
    /// Two runs, the first one sealed: the parts of a log without its last `state`.
    static let parts: [AllowlistEntry] = {
        var parts = [SampleEntries.openRun()]
        parts += (1...5).map { .add(SampleEntries.device($0)) }
        parts += [
            .scrap(.init(index: 2, reason: "dropped", scrappedAt: SampleEntries.time)),
            .revoke(
                .init(
                    run: SampleEntries.run, reason: .keyCompromise, effectiveAt: SampleEntries.time,
                    subject: .device(index: 3))),
            SampleEntries.burn(9),
            .replace(.init(priorIndex: 1, newIndex: 4, reason: "RMA", replacedAt: SampleEntries.time)),
            SampleEntries.seal(openIndex: 0, released: 4, scrapped: 1, burned: [9]),
            SampleEntries.openRun("R-2", quantity: 2, spoilage: 1),
        ]
        parts += (6...7).map { .add(SampleEntries.device($0, run: "R-2")) }
        return parts
    }()

    /// A small log of one tile, its index in two segments.
    static let small: ComposedLog = {
        var log = ComposedLog()
        for part in parts { log.append(part) }
        log.appendState(starts: [0, 8])
        return log
    }()

    /// A log whose tiles have a level above the leaves.
    static let tall: ComposedLog = {
        var log = ComposedLog()
        log.append(SampleEntries.openRun(quantity: 1000))
        for number in 0..<280 { log.append(.add(SampleEntries.device(number))) }
        log.append(.scrap(.init(index: 7, reason: "dropped", scrappedAt: SampleEntries.time)))
        log.appendState(starts: [0, 256])
        return log
    }()

    static let pins = try? Pins(origin: SampleNote.origin, logKeySPKI: SampleNote.spki)
}
