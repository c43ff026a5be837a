import CanonicalJSON

/// What a member of a transcript's line may be; see the specification, "Lines".
indirect enum Shape: Sendable {
    /// Any text.
    case text
    /// One of these words.
    case word(Set<String>)
    /// A SHA-256 in 64 lower-case hexadecimal digits.
    case digest
    /// Octets in lower-case hexadecimal.
    case hexadecimal
    /// UTC in whole seconds.
    case time
    /// Octets in canonical base64.
    case octets
    /// 0 to 2^53 − 1.
    case number
    case flag
    case optional(Shape)
    case list(Shape)
    /// Exactly these members, those of `may` at will.
    case object([String: Shape], may: [String: Shape] = [:])
    /// Any names, each with such a value.
    case map(Shape)
    /// A roster's document, which is read by the roster's own rules.
    case document

    /// Where a value breaks the shape, as a path such as `token.serial`; nil where it does not.
    func fault(_ value: JSONValue, at path: String) -> String? {
        switch (self, value) {
        case (.text, .string), (.flag, .bool), (.document, .object): return nil
        case (.word(let words), .string(let text)): return words.contains(text) ? nil : path
        case (.digest, .string(let text)): return text.count == 64 && Self.isHexadecimal(text) ? nil : path
        case (.hexadecimal, .string(let text)):
            return text.count % 2 == 0 && Self.isHexadecimal(text) ? nil : path
        case (.time, .string(let text)): return Self.isTime(text) ? nil : path
        case (.octets, .string): return value.octets == nil ? path : nil
        case (.number, .integer(let number)):
            return (0...JSONValue.largestInteger).contains(number) ? nil : path
        case (.optional, .null): return nil
        case (.optional(let shape), _): return shape.fault(value, at: path)
        case (.list(let shape), .array(let items)):
            for (index, item) in items.enumerated() {
                if let fault = shape.fault(item, at: "\(path)[\(index)]") { return fault }
            }
            return nil
        case (.map(let shape), .object(let members)):
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                if let fault = shape.fault(member, at: Self.path(path, name)) { return fault }
            }
            return nil
        case (.object(let must, let may), .object(let members)):
            for (name, shape) in must.sorted(by: { $0.key < $1.key }) {
                guard let member = members[name] else { return Self.path(path, name) }
                if let fault = shape.fault(member, at: Self.path(path, name)) { return fault }
            }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) where must[name] == nil {
                guard let shape = may[name] else { return Self.path(path, name) }
                if let fault = shape.fault(member, at: Self.path(path, name)) { return fault }
            }
            return nil
        default: return path
        }
    }

    private static func path(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }

    private static func isHexadecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
    }

    /// `YYYY-MM-DDThh:mm:ssZ`, of a moment that exists.
    static func isTime(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        guard bytes.count == pattern.count else { return false }
        for (byte, sample) in zip(bytes, pattern) {
            let fits = sample == UInt8(ascii: "0") ? 0x30...0x39 ~= byte : byte == sample
            guard fits else { return false }
        }
        func number(_ range: Range<Int>) -> Int { range.reduce(0) { $0 * 10 + Int(bytes[$1] - 0x30) } }
        let isDay = CRLRequest.day(String(text.prefix(10))) != nil
        return isDay && number(11..<13) < 24 && number(14..<16) < 60 && number(17..<19) < 60
    }
}
