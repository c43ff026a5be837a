import Allowlist
import AllowlistPublication
import Testing
import TransparencyLog

@Suite("Deciding about a device")
struct DecisionTests {
    @Test("The short answer is the long one's status, with the index checked, verified, or neither")
    func agrees() throws {
        let log = try TestLog.full(devices: 1000)
        let source = BundleFolder(log.path)
        let held = try Dictionary(uniqueKeysWithValues: log.files().map { ($0, try log.contents($0)) })
        let readers = [
            try log.reader(), try log.reader(checkingIndex: true),
            try VerifiedBundle(source, pins: log.pins()).reader,
            try VerifiedBundle(BundleBytes(held), pins: log.pins()).reader,
        ]
        #expect(readers.map(\.isIndexChecked) == [false, true, true, true])
        for reader in readers {
            for number in 0..<1100 {
                for key in [number, number + 1] {
                    let digest = TestLog.digest(key, 1)
                    let answer = try reader.lookup(serial: "SN-\(number)", key: digest)
                    let decision = try reader.decide(serial: "SN-\(number)", key: digest)
                    #expect(decision.status == answer.status, "\(number) with \(key)")
                    #expect(decision.entryIndex == answer.entryIndex, "\(number) with \(key)")
                    #expect(decision.isListed == (answer.status == .listed))
                }
            }
        }
    }

    @Test("A key or a serial that occurs again over a replacement is answered as in the long form")
    func repeated() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        var second = TestLog.device(2, run: "R", serial: "S-2")
        second.key = TestLog.digest(1, 1)
        let prior = try writer.append(.add(TestLog.device(1, run: "R", serial: "S-1")))
        let new = try writer.append(.add(second))
        try writer.append(.replace(.init(priorIndex: prior, newIndex: new, reason: "RMA", replacedAt: 1)))
        try log.publish(writer)
        let reader = try VerifiedBundle(BundleFolder(log.path), pins: log.pins()).reader
        #expect(try reader.decide(serial: "S-1", key: TestLog.digest(1, 1)).status == .replaced)
        let decision = try reader.decide(serial: "S-2", key: TestLog.digest(1, 1))
        #expect(decision.status == .listed)
        #expect(decision.entryIndex == new)
        #expect(try !reader.decide(serial: "S-3", key: TestLog.digest(1, 1)).isListed)
    }

    @Test("In a log of hashed serials the serial key decides, and without it the device's key alone")
    func hashed() throws {
        let key = SerialKey()
        let log = TestLog(serialKey: key)
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<2000 {
            try writer.append(.add(TestLog.device(number, run: "R", serialKey: key)))
        }
        try writer.append(TestLog.revoke(8, run: "R"))
        try log.publish(writer)
        for workers in [1, 2, 5] {
            let bundle = try BundleVerifier.verify(BundleFolder(log.path), pins: log.pins(), workers: workers)
            #expect(bundle.list.counts[.add] == 2000)
            for number in 0..<2001 {
                for asked in [key, SerialKey()] {
                    for device in [number, number + 1] {
                        let digest = TestLog.digest(device, 1)
                        let serial = "SN-\(number)"
                        let answer = try bundle.reader.lookup(serial: serial, key: digest, serialKey: asked)
                        let decision = try bundle.reader.decide(serial: serial, key: digest, serialKey: asked)
                        #expect(decision.status == answer.status)
                        #expect(decision.entryIndex == answer.entryIndex)
                    }
                }
            }
            #expect(
                try bundle.reader.decide(serial: "SN-5", key: TestLog.digest(5, 1), serialKey: key).isListed)
            let byKey = try bundle.reader.decide(serial: "whatever", key: TestLog.digest(5, 1))
            #expect(byKey.status == .listed)
        }
    }

    @Test("A device that was revoked in a later publication is not listed any more")
    func revokedLater() throws {
        let log = TestLog()
        let writer = try log.writer()
        try writer.append(log.openRun("R"))
        for number in 0..<500 { try writer.append(.add(TestLog.device(number, run: "R"))) }
        try log.publish(writer)
        let before = try VerifiedBundle(BundleFolder(log.path), pins: log.pins()).reader
        #expect(try before.decide(serial: "SN-7", key: TestLog.digest(7, 1)).isListed)
        try writer.append(TestLog.revoke(8, run: "R"))
        try log.publish(writer)
        let after = try VerifiedBundle(BundleFolder(log.path), pins: log.pins()).reader
        #expect(after.state.segments.count == 4)
        #expect(try after.decide(serial: "SN-7", key: TestLog.digest(7, 1)).status == .revoked)
    }

    @Test("Many threads ask one reader and get the same answers")
    func threads() async throws {
        let log = try TestLog.full(devices: 1000)
        let reader = try VerifiedBundle(BundleFolder(log.path), pins: log.pins()).reader
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try (0..<1000).count { number in
                        try reader.decide(serial: "SN-\(number)", key: TestLog.digest(number, 1)).isListed
                    }
                }
            }
            for try await count in group { #expect(count == 1000 - 9) }
        }
    }
}
