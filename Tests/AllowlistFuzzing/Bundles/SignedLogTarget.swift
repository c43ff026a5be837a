import Allowlist
import TransparencyLog

extension FuzzTarget {
    /// A log whose owner signs whatever stands in it: the verifier accepts exactly the lists that keep the
    /// rules, and every device of an accepted list is found with the state that its events give.
    static let signedLog = FuzzTarget(
        "signed-log", maximumLength: 64, casesInTests: 300,
        seeds: [
            [], [0], [6, 2, 5, 19, 40, 2, 7, 1], [7, 0, 12, 2, 255], [0, 5, 0, 3], [3, 1, 4, 200], [5, 2, 9],
            [4, 1, 3], [6, 3, 4], [7, 1, 2],
        ]
    ) { (input) throws(BrokenProperty) in
        var choices = Choices(input)
        var parts = SampleLog.parts
        var log = ComposedLog()
        let form = choices.byte()
        let hasEarlierState = form & 1 == 1
        let octets = form & 6 == 6 ? (0..<choices.below(3) + 1).map { _ in choices.bytes(3) } : []
        while !choices.isAtEnd, !parts.isEmpty { change(&parts, &choices) }
        for (position, part) in parts.enumerated() {
            if hasEarlierState, position == 6 { log.appendState() }
            log.append(part)
        }
        for octet in octets where octet.count == 3 { log.change(octet) }
        log.appendState(starts: hasEarlierState ? [0, 7] : [0])
        guard let pins = SampleLog.pins else { throw BrokenProperty("the sample pins are none") }
        let entries = log.entries.compactMap { try? AllowlistEntry(decoding: $0) }
        let isKept = entries.count == log.entries.count && ListRules(entries).isKept()
        let source = BundleBytes(log.files())
        do throws(AllowlistError) {
            _ = try BundleVerifier.verify(source, pins: pins)
        } catch {
            try hold(!isKept, "a list that keeps the rules is refused: \(error)")
            return .refused(error.code.rawValue + error.message.prefix(12))
        }
        try hold(isKept, "a list that breaks a rule is accepted")
        try compareAnswers(source, pins, entries)
        return .accepted
    }

    private static func change(_ parts: inout [AllowlistEntry], _ choices: inout Choices) {
        let first = choices.below(parts.count)
        switch choices.below(6) {
        case 0: parts.remove(at: first)
        case 1: parts.insert(parts[choices.below(parts.count)], at: first)
        case 2: parts.swapAt(first, choices.below(parts.count))
        case 3: parts.append(parts.remove(at: first))
        case 4: parts[first] = parts[first].changed(&choices)
        default:
            let (cited, other) = (UInt64(choices.below(parts.count)), UInt64(choices.below(parts.count)))
            let events: [AllowlistEntry] = [
                .scrap(.init(index: cited, reason: "dropped", scrappedAt: SampleEntries.time)),
                .replace(
                    .init(priorIndex: cited, newIndex: other, reason: "RMA", replacedAt: SampleEntries.time)),
                .revoke(
                    .init(
                        run: choices.bool() ? "R-1" : "R-2", reason: .superseded,
                        effectiveAt: SampleEntries.time, subject: .device(index: cited))),
                SampleEntries.burn(Int(other), run: choices.bool() ? "R-1" : "R-2"),
                .add(SampleEntries.device(Int(cited), run: choices.bool() ? "R-1" : "R-2")),
                SampleEntries.seal(
                    "R-2", openIndex: 11, released: other, scrapped: cited % 3, burned: []),
            ]
            parts.insert(events[choices.below(events.count)], at: first)
        }
    }

    private static func compareAnswers(
        _ source: BundleBytes, _ pins: Pins, _ entries: [AllowlistEntry]
    ) throws(BrokenProperty) {
        do throws(AllowlistError) {
            let reader = try BundleReader(in: source, pins: pins)
            for (index, entry) in entries.enumerated() {
                guard case .add(let device) = entry else { continue }
                let answer = try reader.lookup(certificate: device.certificate, key: device.key)
                try check(answer, of: UInt64(index), device, entries)
            }
        } catch {
            throw BrokenProperty("a verified list does not answer: \(error)")
        }
    }

    private static func check(
        _ answer: LookupAnswer, of index: UInt64, _ device: AllowlistEntry.Add, _ entries: [AllowlistEntry]
    ) throws(AllowlistError) {
        var status = LookupAnswer.Status.listed
        for entry in entries {
            switch entry {
            case .revoke(let revoke) where revoke.subject == .device(index: index): status = .revoked
            case .scrap(let scrap) where scrap.index == index: status = .scrapped
            case .replace(let replace) where replace.priorIndex == index: status = .replaced
            default: continue
            }
        }
        guard answer.status == status, answer.device == device, answer.entryIndex == index else {
            throw AllowlistError(.state, "entry \(index) is \(answer.status), not \(status)")
        }
    }
}

extension AllowlistEntry {
    /// One field changed to something that may or may not be right.
    fileprivate func changed(_ choices: inout Choices) -> AllowlistEntry {
        let number = choices.below(20)
        switch self {
        case .openRun(var run):
            switch choices.below(6) {
            case 0: run.quantity = UInt64(number)
            case 1: run.spoilage = UInt64(number)
            case 2: run.run = "R-\(number % 3)"
            case 3: run.isRehearsal.toggle()
            case 4: run.serials = .hashed
            default: run.product = choices.bool() ? "other" : SampleEntries.otherSpelling
            }
            return .openRun(run)
        case .add(var device):
            let other = SampleEntries.device(number)
            switch choices.below(8) {
            case 0: device.serial = other.serial
            case 7: device.serial = .hashed(other.key)
            case 1: device.key = other.key
            case 2: device.certificate = other.certificate
            case 3: device.certificateSerial = other.certificateSerial
            case 4: device.authorityKeyID = [UInt8(number)]
            case 5: device.product = choices.bool() ? "other" : SampleEntries.otherSpelling
            default: device.run = "R-\(number % 3)"
            }
            return .add(device)
        case .revoke(var revoke):
            if choices.bool() { revoke.subject = .device(index: UInt64(number)) } else { revoke.run = "R-2" }
            return .revoke(revoke)
        case .scrap(var scrap):
            scrap.index = UInt64(number)
            return .scrap(scrap)
        case .replace(var replace):
            if choices.bool() {
                replace.priorIndex = UInt64(number)
            } else {
                replace.newIndex = UInt64(number)
            }
            return .replace(replace)
        case .seal(var seal):
            switch choices.below(5) {
            case 0: seal.openIndex = UInt64(number)
            case 1:
                (seal.released, seal.reserved) = (
                    UInt64(number), UInt64(number) + seal.scrapped + seal.burned
                )
            case 2: seal.burnedDigest = Digest32()
            case 3: seal.run = "R-2"
            default: seal.isRehearsal.toggle()
            }
            return .seal(seal)
        case .state, .rotateSigner:
            return self
        }
    }
}
