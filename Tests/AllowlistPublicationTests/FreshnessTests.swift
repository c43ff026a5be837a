import Allowlist
import Testing

@Suite("How old a checkpoint may be") struct FreshnessTests {
    private func pins(_ log: TestLog, maxAge: UInt64?, now: UInt64) throws -> Pins {
        var pins = try log.pins()
        pins.maxAge = maxAge
        pins.clock = { now }
        return pins
    }

    private func refusal(_ log: TestLog, maxAge: UInt64, now: UInt64) throws -> AllowlistError? {
        let pins = try pins(log, maxAge: maxAge, now: now)
        let error = #expect(throws: AllowlistError.self) {
            try BundleVerifier.verify(directory: log.path, pins: pins)
        }
        #expect(throws: AllowlistError.self) { try BundleReader(directory: log.path, pins: pins) }
        return error
    }

    @Test("Up to the pinned age it is accepted, and refused a second later")
    func age() throws {
        let log = try TestLog.full(devices: 20)
        let signed = TestLog.signedAt
        for now in [signed, signed + 1, signed + 3600, signed - 300] {
            let list = try BundleVerifier.verify(
                directory: log.path, pins: pins(log, maxAge: 3600, now: now))
            #expect(list.signedAt == signed)
            #expect(list.time == signed)
        }
        let error = try refusal(log, maxAge: 3600, now: signed + 3601)
        #expect(error?.code == .stale)
        #expect(error?.message == "the checkpoint is 1 hour 1 second old; at most 1 hour is allowed")
    }

    @Test("A checkpoint from more than five minutes ahead of the clock is refused")
    func future() throws {
        let log = try TestLog.full(devices: 20)
        let error = try refusal(log, maxAge: 3600, now: TestLog.signedAt - 301)
        #expect(error?.code == .stale)
        #expect(error?.message == "the checkpoint's time is 5 minutes 1 second ahead of this machine's clock")
        #expect(try refusal(log, maxAge: .max, now: 0)?.code == .stale)
    }

    @Test("Without a pinned age the clock is not asked")
    func unasked() throws {
        let log = try TestLog.full(devices: 20)
        for now in [0, UInt64.max] {
            let pins = try pins(log, maxAge: nil, now: now)
            _ = try BundleVerifier.verify(directory: log.path, pins: pins)
        }
    }
}
