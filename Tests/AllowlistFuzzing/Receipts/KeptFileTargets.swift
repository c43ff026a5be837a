import Allowlist
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension FuzzTarget {
    /// `PinsFile`: what is read is written again with the same meaning.
    static let pinsFile = FuzzTarget("pins-file", maximumLength: 900, seeds: SampleProofs.pinsFiles) {
        (input) throws(BrokenProperty) in
        let pins: Pins
        do throws(AllowlistError) {
            pins = try PinsFile.read(input)
        } catch {
            try hold(error.code == .pins, "pins are refused as \(error.code.rawValue)")
            return .refused(error.message)
        }
        let written = PinsFile.write(pins)
        guard let again = try? PinsFile.read(written) else {
            throw BrokenProperty("pins are written in a form that is not read")
        }
        try hold(PinsFile.write(again) == written, "pins change when they are written and read")
        try hold(!again.allowRehearsal, "a file allows a rehearsal")
        return .accepted
    }

    /// `DecisionJournal.check`: any file is read, or refused, as an auditor would.
    static let journal = FuzzTarget(
        "journal", maximumLength: 3000, casesInTests: 2000, seeds: SampleProofs.journals
    ) { (input) throws(BrokenProperty) in
        guard let file = FileInMemory.filled(with: input) else { throw BrokenProperty("no memory file") }
        defer { close(file) }
        var lines = 0
        let summary: DecisionJournal.Summary
        do throws(JournalError) {
            summary = try DecisionJournal.check("/proc/self/fd/\(file)", pins: SampleLog.pins) { _, _ in
                lines += 1
            }
        } catch {
            return .refused(error.code.rawValue + error.message.prefix(16))
        }
        try hold(summary.lineCount == lines, "other lines are counted than visited")
        try hold(summary.tornBytes <= input.count, "more octets are torn than there are")
        return .accepted
    }
}

extension SampleProofs {
    static let pinsFiles: [[UInt8]] = {
        guard var pins = SampleLog.pins else { return [] }
        var files = [PinsFile.write(pins)]
        pins.roster = Digest32.sha256([1])
        pins.maxAge = 86_400
        files.append(PinsFile.write(pins))
        return files
    }()

    /// A journal with a checkpoint and a decision; its times are those of the clock.
    static let journals: [[UInt8]] = {
        guard let pins = SampleLog.pins, let reader, let device = devices.first?.device else { return [] }
        let path = "/dev/shm/journal-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        do {
            let journal = try DecisionJournal.open(path, pins: pins)
            try journal.advance(to: reader)
            let answer = try reader.lookup(serial: device.listedSerial, key: device.key)
            try journal.record(JournalDecision(answer, isAccepted: true, key: device.key, reference: "T-1"))
        } catch {
            return []
        }
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = fread(&bytes, 1, bytes.count, file)
        return [Array(bytes[..<count])]
    }()
}
