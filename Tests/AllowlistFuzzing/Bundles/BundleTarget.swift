import Allowlist
import TransparencyLog

extension FuzzTarget {
    /// A bundle whose files were changed after it was signed: it verifies only if nothing that counts was
    /// changed, and a reader that checks the index answers as the untouched bundle does, or refuses.
    static let bundle = FuzzTarget(
        "bundle", maximumLength: 48, casesInTests: 400,
        seeds: [[0], [0, 0, 1, 0, 7, 0x80], [1, 4, 1, 2, 9, 1], [0, 3, 3, 0, 3], [1, 2, 2, 0, 40]]
    ) { (input) throws(BrokenProperty) in
        var choices = Choices(input)
        let base = choices.byte() % 8 == 1 ? SampleBundle.tall : SampleBundle.small
        guard let pins = SampleLog.pins else { throw BrokenProperty("the sample pins are none") }
        var files = base.files
        while !choices.isAtEnd { change(&files, base.names, &choices) }
        let source = BundleBytes(files)
        let isTouched = base.isTouched(files)

        let outcome: Outcome
        do throws(AllowlistError) {
            _ = try BundleVerifier.verify(source, pins: pins)
            outcome = .accepted
        } catch {
            outcome = .refused(error.code.rawValue)
        }
        try hold(
            outcome == .accepted ? !base.isOtherwise(files) : isTouched,
            "changed \(isTouched), verified \(outcome)")
        for checkingIndex in [true, false] {
            let reader: BundleReader
            do throws(AllowlistError) {
                reader = try BundleReader(in: source, pins: pins, checkingIndex: checkingIndex)
            } catch {
                try hold(isTouched, "an untouched bundle cannot be opened: \(error)")
                continue
            }
            try base.compareAnswers(reader, isIndexChecked: checkingIndex, isTouched: isTouched)
        }
        return outcome
    }

    private static func change(
        _ files: inout [String: [UInt8]], _ names: [String], _ choices: inout Choices
    ) {
        let name = names[choices.below(names.count)]
        var bytes = files[name] ?? []
        switch choices.below(7) {
        case 0: files[name] = nil
        case 1 where !bytes.isEmpty:
            bytes[(choices.below(256) << 8 | choices.below(256)) % bytes.count] ^= max(1, choices.byte())
            files[name] = bytes
        case 2:
            bytes.removeLast(min(bytes.count, choices.below(64)))
            files[name] = bytes
        case 3: files[name] = bytes + choices.bytes(choices.below(41))
        case 4: files[name] = files[names[choices.below(names.count)]]
        case 5 where bytes.count >= 64:
            // Records and hashes have 32 or 40 bytes: two of them change places.
            let width = choices.bool() ? 40 : 32
            let (first, second) = (choices.below(bytes.count / width), choices.below(bytes.count / width))
            for place in 0..<width { bytes.swapAt(first * width + place, second * width + place) }
            files[name] = bytes
        default: files["tile/entries/000.p/\(choices.below(20) + 1)"] = bytes
        }
    }
}

/// A bundle with what it answers while it is whole.
struct SampleBundle: Sendable {
    static let small = SampleBundle(SampleLog.small)
    static let tall = SampleBundle(SampleLog.tall)

    let files: [String: [UInt8]]
    let names: [String]
    private let questions: [AllowlistEntry.Add]
    private let answers: [LookupAnswer?]

    init(_ log: ComposedLog) {
        files = log.files()
        names = files.keys.sorted()
        var devices: [AllowlistEntry.Add] = []
        for bytes in log.entries {
            if case .add(let device)? = try? AllowlistEntry(decoding: bytes) { devices.append(device) }
        }
        questions = devices.prefix(5) + devices.suffix(2) + [SampleEntries.device(999)]
        let reader = SampleLog.pins.flatMap { try? BundleReader(in: BundleBytes(log.files()), pins: $0) }
        answers = questions.map { device in
            try? reader?.lookup(serial: device.listedSerial, key: device.key)
        }
    }

    /// Whether what was signed is another text, or a file is another one than it asks for. A note may carry
    /// further signatures.
    func isOtherwise(_ files: [String: [UInt8]]) -> Bool {
        var files = files
        if let note = files["checkpoint"].flatMap({ try? SignedNote(parsing: $0) }),
            note.text == self.files["checkpoint.txt"]
        {
            files["checkpoint"] = self.files["checkpoint"]
        }
        return isTouched(files)
    }

    /// Whether a file that counts has other bytes.
    func isTouched(_ files: [String: [UInt8]]) -> Bool {
        names.contains { files[$0] != self.files[$0] }
    }

    /// A reader answers as the whole bundle does, or throws. Only where the index was not checked may it
    /// know too little.
    func compareAnswers(
        _ reader: BundleReader, isIndexChecked: Bool, isTouched: Bool
    ) throws(BrokenProperty) {
        for (device, expected) in zip(questions, answers) {
            guard let expected else { throw BrokenProperty("the whole bundle does not answer") }
            let answer: LookupAnswer
            do throws(AllowlistError) {
                answer = try reader.lookup(serial: device.listedSerial, key: device.key)
            } catch {
                try hold(isTouched, "an untouched bundle does not answer: \(error)")
                continue
            }
            if isIndexChecked || !isTouched {
                try hold(answer == expected, "another answer: \(answer.status), not \(expected.status)")
            } else if answer.status != .notListed {
                try hold(answer.device == expected.device, "a device that the tree does not hold")
            }
        }
    }
}

extension AllowlistEntry.Add {
    /// The serial to ask for.
    var listedSerial: String { serial.description }
}
