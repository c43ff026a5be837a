/// A to-be-signed certificate with its variable parts cut out, compiled so that filling them in is a few copies.
///
/// The steps run from the last octet to the first: by the time a length has to be written, everything that it counts
/// already stands behind it, so one pass is enough and no length is computed beforehand.
struct PatchProgram: Sendable {
    enum Slot: Hashable, Sendable {
        case serialNumber
        case point
        case keyIdentifier
        /// The text of a column, and the octets that may stand in it wherever the column is used.
        case text(column: Int, OctetSet)

        var isFixed: Bool { if case .text = self { false } else { true } }
    }

    private enum Step: Sendable {
        case literal(start: Int, count: Int)
        case fill(Slot)
        /// Remembers where a container of variable length ends.
        case end
        /// Writes the tag and the length of the container that was remembered last.
        case header(tag: UInt8)
    }

    /// A slot's place in the sample that the program is compiled from.
    struct Occurrence: Hashable, Sendable {
        var range: Range<Int>
        var slot: Slot
    }

    private var steps: [Step] = []
    private var literals: [UInt8] = []
    /// Octets of everything but the texts, with five for each header that varies.
    private var fixedCount = 0
    private var depth = 0

    /// Compiles the sample; nil when a slot does not lie inside primitive contents.
    init?(sample: [UInt8], occurrences: [Occurrence]) {
        guard let root = DERElement(sample) else { return nil }
        var compiler = Compiler(sample: sample, occurrences: occurrences)
        guard compiler.compile(root, path: 0, inExtensions: false) else { return nil }
        var nesting = 0
        for step in compiler.forward.reversed() {
            switch step {
            case .literal(let start, let count):
                fixedCount += count
                steps.append(.literal(start: literals.count, count: count))
                literals += sample[start..<start + count]
                continue
            case .fill(let slot):
                switch slot {
                case .serialNumber, .keyIdentifier: fixedCount += 20
                case .point: fixedCount += EllipticCurve.p384.pointOctets
                case .text: break
                }
            case .end:
                nesting += 1
                depth = max(depth, nesting)
            case .header:
                nesting -= 1
                fixedCount += 6
            }
            steps.append(step)
        }
    }

    private struct Compiler {
        let sample: [UInt8]
        let occurrences: [Occurrence]
        var forward: [Step] = []

        private func inside(_ range: Range<Int>) -> [Occurrence] {
            occurrences.filter {
                range.lowerBound <= $0.range.lowerBound && $0.range.upperBound <= range.upperBound
            }
        }

        private mutating func literal(_ range: Range<Int>) {
            guard !range.isEmpty else { return }
            if case .literal(let start, let count) = forward.last, start + count == range.lowerBound {
                forward[forward.count - 1] = .literal(start: start, count: count + range.count)
            } else {
                forward.append(.literal(start: range.lowerBound, count: range.count))
            }
        }

        /// - Parameter path: how deep below the TBSCertificate the element lies: an extension's value is at 4,
        ///   below [3], Extensions and Extension.
        mutating func compile(_ element: DERElement, path: Int, inExtensions: Bool) -> Bool {
            let slots = inside(element.whole)
            guard !slots.isEmpty else {
                literal(element.whole)
                return true
            }
            guard inside(element.contents).count == slots.count else { return false }
            let varies = slots.contains { !$0.slot.isFixed }
            if varies {
                forward.append(.header(tag: element.tag))
            } else {
                literal(element.start..<element.contents.lowerBound)
            }
            let holdsElement = inExtensions && path == 4 && element.tag == 0x04
            if element.isConstructed || holdsElement {
                guard let children = element.children(in: sample) else { return false }
                for child in children {
                    guard
                        compile(
                            child, path: path + 1,
                            inExtensions: inExtensions || child.tag == 0xA3 && path == 0)
                    else { return false }
                }
            } else {
                var offset = element.contents.lowerBound
                for occurrence in slots.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
                    guard occurrence.range.lowerBound >= offset else { return false }
                    literal(offset..<occurrence.range.lowerBound)
                    forward.append(.fill(occurrence.slot))
                    offset = occurrence.range.upperBound
                }
                literal(offset..<element.contents.upperBound)
            }
            if varies { forward.append(.end) }
            return true
        }
    }

    /// Writes the certificate of one row; nil when a text holds an octet that its string type does not allow.
    ///
    /// The caller has checked the counts: one text a column, a point of the plan's curve.
    func run(
        serialNumber: CertificateSerialNumber, point: [UInt8], keyIdentifier: [UInt8], texts: [String]
    ) -> [UInt8]? {
        var capacity = fixedCount
        for step in steps {
            if case .fill(.text(let column, _)) = step { capacity += texts[column].utf8.count }
        }
        var allowed = true
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            var position = capacity
            literals.withUnsafeBufferPointer { literals in
                withUnsafeTemporaryAllocation(of: Int.self, capacity: depth) { ends in
                    var nesting = 0
                    for step in steps {
                        switch step {
                        case .literal(let start, let length):
                            position -= length
                            guard let source = literals.baseAddress else { return }
                            (base + position).update(from: source + start, count: length)
                        case .fill(.serialNumber):
                            position -= CertificateSerialNumber.octets
                            serialNumber.write(
                                to: UnsafeMutableRawBufferPointer(
                                    start: base + position, count: CertificateSerialNumber.octets))
                        case .fill(.point): position = Self.copy(point, to: base, before: position)
                        case .fill(.keyIdentifier):
                            position = Self.copy(keyIdentifier, to: base, before: position)
                        case .fill(.text(let column, let octets)):
                            var utf8 = texts[column].utf8
                            utf8.withContiguousBytes { text in
                                position -= text.count
                                for (offset, byte) in text.enumerated() {
                                    allowed = allowed && octets.contains(byte)
                                    base[position + offset] = byte
                                }
                            }
                        case .end:
                            ends[nesting] = position
                            nesting += 1
                        case .header(let tag):
                            nesting -= 1
                            var length = ends[nesting] - position
                            if length < 0x80 {
                                position -= 1
                                base[position] = UInt8(truncatingIfNeeded: length)
                            } else {
                                var octets: UInt8 = 0
                                while length > 0 {
                                    position -= 1
                                    base[position] = UInt8(truncatingIfNeeded: length)
                                    length >>= 8
                                    octets += 1
                                }
                                position -= 1
                                base[position] = 0x80 | octets
                            }
                            position -= 1
                            base[position] = tag
                        }
                    }
                }
            }
            count = capacity - position
            base.update(from: base + position, count: count)
        }
        return allowed ? bytes : nil
    }

    @inline(__always)
    private static func copy(
        _ bytes: [UInt8], to base: UnsafeMutablePointer<UInt8>, before position: Int
    ) -> Int {
        let start = position - bytes.count
        bytes.withUnsafeBufferPointer { source in
            guard let address = source.baseAddress else { return }
            (base + start).update(from: address, count: source.count)
        }
        return start
    }
}

extension String.UTF8View {
    /// The octets as one buffer; a string that is not contiguous is copied first.
    @inline(__always)
    mutating func withContiguousBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        if withContiguousStorageIfAvailable(body) == nil {
            Array(self).withUnsafeBufferPointer(body)
        }
    }
}
