import Yams

/// One thing wrong with a YAML document, at the place where it stands.
///
/// Lines and columns start at 1; columns count Unicode scalars.
struct YAMLProblem: Hashable, Sendable {
    var line: Int
    var column: Int
    var field: String
    var code: String
    var message: String
}

/// A place in a YAML document; lines and columns start at 1, columns count Unicode scalars.
struct YAMLPosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    static func < (left: YAMLPosition, right: YAMLPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// Reads one YAML document strictly and gathers everything that is wrong with it.
///
/// Stricter than YAML: one document, no anchors, aliases or tags, no repeated keys, no text that YAML takes
/// for something else (`no`, `1.0`, `0x10`): such text has to be quoted.
struct StrictYAML {
    /// The problems found so far, in the order in which they were found.
    private(set) var problems: [YAMLProblem] = []
    /// Keys that repeat an earlier one; they are passed over when fields are read.
    private var disguisedKeys: Set<YAMLPosition> = []

    init() {}

    mutating func report(_ position: YAMLPosition, _ field: String, _ code: String, _ message: String) {
        problems.append(
            YAMLProblem(
                line: position.line, column: position.column, field: field, code: code, message: message))
    }

    /// Decodes the bytes and composes the document; nil when there is nothing to go on with.
    ///
    /// - Parameter limit: the most bytes accepted; a configuration file is small.
    mutating func document(_ bytes: [UInt8], limit: Int = 1 << 18) -> Node? {
        let start = YAMLPosition(line: 1, column: 1)
        guard bytes.count <= limit else {
            report(
                start, "", "yaml.too-large", "the file has \(bytes.count) bytes; at most \(limit) are read")
            return nil
        }
        guard let text = decode(bytes), !reportAnchors(text) else { return nil }
        var source = Array(text.unicodeScalars)
        // Yams stops at the first repeated key. Disguising it and composing again finds every other
        // problem in the same run; the number of rounds is bounded by the number of keys.
        for round in 0..<1000 {
            var string = String.UnicodeScalarView()
            string.append(contentsOf: source)
            do {
                let root = try Yams.compose(yaml: String(string), .default, .default, .utf8)
                guard let root else {
                    report(start, "", "yaml.empty", "the file holds no document")
                    return nil
                }
                return root
            } catch let YamlError.duplicatedKeysInMapping(names, context) {
                let place = YAMLPosition(line: context.mark.line, column: context.mark.column)
                guard disguise(place, round, in: &source) else {
                    report(
                        place, names.first ?? "", "yaml.duplicate-key",
                        "the key is given more than once; keep one")
                    return nil
                }
                report(
                    place, names.first ?? "", "yaml.duplicate-key",
                    "the key is given again further down in the same mapping; keep one")
            } catch {
                report(error: error)
                return nil
            }
        }
        return nil
    }

    /// Checks the encoding and the characters before YAML sees them, so that positions are exact.
    private mutating func decode(_ bytes: [UInt8]) -> String? {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard let text = String(validating: body, as: UTF8.self) else {
            var line = 1
            var column = 1
            var decoder = UTF8()
            var iterator = body.makeIterator()
            decoding: while true {
                switch decoder.decode(&iterator) {
                case .scalarValue("\n"):
                    line += 1
                    column = 1
                case .scalarValue: column += 1
                case .emptyInput, .error: break decoding
                }
            }
            report(
                YAMLPosition(line: line, column: column), "", "yaml.encoding",
                "the bytes here are not UTF-8; save the file as UTF-8")
            return nil
        }
        var line = 1
        var column = 1
        var clean = true
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A:
                line += 1
                column = 0
            case 0x09, 0x0D: break
            case 0..<0x20, 0x7F..<0xA0, 0xFEFF, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
                report(
                    YAMLPosition(line: line, column: column), "", "yaml.control",
                    "the control character U+\(String(scalar.value, radix: 16, uppercase: true)) is not accepted"
                )
                clean = false
            default: break
            }
            column += 1
        }
        return clean ? text : nil
    }

    /// Reports anchors and aliases before YAML resolves them: a few nested ones unfold to gigabytes.
    ///
    /// Looks at the text alone and so refuses an unquoted ` *word` or ` &word` inside a value too.
    private mutating func reportAnchors(_ text: String) -> Bool {
        var found = false
        var line = 0
        for row in text.split(separator: "\n", omittingEmptySubsequences: false) {
            line += 1
            var column = 0
            var quote: Unicode.Scalar?
            var previous: Unicode.Scalar = " "
            let scalars = Array(row.unicodeScalars)
            scanning: for (index, scalar) in scalars.enumerated() {
                column += 1
                defer { previous = scalar }
                if let open = quote {
                    if scalar == open { quote = nil }
                    continue
                }
                guard " \t[{,:-?".unicodeScalars.contains(previous) else { continue }
                switch scalar {
                case "#" where previous == " " || previous == "\t": break scanning
                case "\"", "'": quote = scalar
                case "&", "*":
                    guard index + 1 < scalars.count, scalars[index + 1].properties.isAlphabetic else {
                        continue
                    }
                    report(
                        YAMLPosition(line: line, column: column), "", "yaml.anchor",
                        "anchors and aliases are not accepted; text with \(scalar) goes in quotes")
                    found = true
                default: continue
                }
            }
        }
        return found
    }

    private mutating func disguise(
        _ place: YAMLPosition, _ round: Int, in source: inout [Unicode.Scalar]
    ) -> Bool {
        guard let index = Self.index(of: place, in: source) else { return false }
        let quoted = source[index] == "\"" || source[index] == "'"
        let target = quoted ? index + 1 : index
        guard target < source.count, let mask = Unicode.Scalar(0xE000 + UInt32(round)) else { return false }
        let isKeyText = source[target].properties.isAlphabetic || source[target].properties.numericType != nil
        guard isKeyText else { return false }
        source[target] = mask
        disguisedKeys.insert(place)
        return true
    }

    private static func index(of place: YAMLPosition, in source: [Unicode.Scalar]) -> Int? {
        var line = 1
        var index = 0
        while line < place.line, index < source.count {
            if source[index] == "\n" { line += 1 }
            index += 1
        }
        let target = index + place.column - 1
        return line == place.line && source.indices.contains(target) ? target : nil
    }

    private mutating func report(error: any Error) {
        let start = YAMLPosition(line: 1, column: 1)
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let prefix = context.map { $0.text + ": " } ?? ""
            report(
                YAMLPosition(line: mark.line, column: mark.column), "", "yaml.syntax", prefix + problem)
        default:
            report(start, "", "yaml.syntax", "not readable as YAML")
        }
    }
}

extension StrictYAML {
    /// The keys of one mapping, each with its value and the place of the key.
    struct Fields {
        var path: String
        var position: YAMLPosition
        fileprivate var entries: [String: (key: YAMLPosition, value: Node)]

        func path(of key: String) -> String { path.isEmpty ? key : path + "." + key }
        subscript(key: String) -> Node? { entries[key]?.value }
        /// The place of a key's value, or of the mapping when the key is absent.
        func place(of key: String) -> YAMLPosition {
            entries[key].map { StrictYAML.position($0.value) } ?? position
        }
    }

    static func position(_ node: Node) -> YAMLPosition {
        YAMLPosition(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }

    /// Reports what no node may have: an explicit tag.
    private mutating func isPlainNode(_ node: Node, _ path: String) -> Bool {
        let tag: String
        switch node {
        case .scalar(let scalar): tag = scalar.tag.description
        case .mapping(let mapping): tag = mapping.tag.description
        case .sequence(let sequence): tag = sequence.tag.description
        case .alias: tag = "*"
        }
        if tag.isEmpty || tag == "!" || tag.hasPrefix("tag:yaml.org,2002:") { return true }
        report(Self.position(node), path, "yaml.tag", "tags are not accepted")
        return false
    }

    /// Reads a mapping with exactly these keys.
    ///
    /// Unknown and missing keys are reported and the rest is still returned, so that one run shows everything.
    mutating func fields(
        _ node: Node, at path: String, required: [String], optional: [String] = []
    ) -> Fields? {
        guard isPlainNode(node, path) else { return nil }
        guard case .mapping(let mapping) = node else {
            report(Self.position(node), path, "field.type", "a mapping of keys to values is wanted here")
            return nil
        }
        var fields = Fields(path: path, position: Self.position(node), entries: [:])
        let known = Set(required).union(optional)
        for (key, value) in mapping {
            let place = Self.position(key)
            if disguisedKeys.contains(place) { continue }
            guard case .scalar(let name) = key else {
                report(place, path, "field.unknown", "a key is a plain word")
                continue
            }
            guard known.contains(name.string) else {
                let near = (required + optional).joined(separator: ", ")
                report(
                    place, fields.path(of: name.string), "field.unknown",
                    "this key is not known; known: \(near)")
                continue
            }
            fields.entries[name.string] = (place, value)
        }
        for key in required where fields.entries[key] == nil {
            report(fields.position, fields.path(of: key), "field.missing", "the key \(key) has to be given")
        }
        return fields
    }

    /// Reads a list; nil and a report when it is something else.
    mutating func list(_ node: Node, at path: String) -> [Node]? {
        guard isPlainNode(node, path) else { return nil }
        guard case .sequence(let sequence) = node else {
            report(Self.position(node), path, "field.type", "a list is wanted here")
            return nil
        }
        return Array(sequence)
    }

    /// Reads text; an unquoted word that YAML takes for a number, a truth value or nothing is refused.
    mutating func text(_ node: Node, at path: String) -> String? {
        guard isPlainNode(node, path) else { return nil }
        guard case .scalar(let scalar) = node else {
            report(Self.position(node), path, "field.type", "text is wanted here")
            return nil
        }
        if scalar.style == .plain {
            guard Self.isPlainText(scalar.string) else {
                report(
                    Self.position(node), path, "field.type",
                    "text is wanted here; YAML reads \(scalar.string.isEmpty ? "nothing" : scalar.string) "
                        + "as something else, so put it in quotes")
                return nil
            }
        }
        return scalar.string
    }

    /// Reads a decimal integer within the range, ends included.
    mutating func integer(_ node: Node, at path: String, in range: ClosedRange<Int>) -> Int? {
        guard isPlainNode(node, path) else { return nil }
        guard case .scalar(let scalar) = node, scalar.style == .plain,
            let value = Int(scalar.string), String(value) == scalar.string
        else {
            report(
                Self.position(node), path, "field.type",
                "a whole decimal number without quotes is wanted here")
            return nil
        }
        guard range.contains(value) else {
            report(
                Self.position(node), path, "field.value",
                "\(value) is out of range; from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// Reads `true` or `false`, and no other spelling.
    mutating func flag(_ node: Node, at path: String) -> Bool? {
        guard isPlainNode(node, path) else { return nil }
        if case .scalar(let scalar) = node, scalar.style == .plain {
            if scalar.string == "true" { return true }
            if scalar.string == "false" { return false }
        }
        report(Self.position(node), path, "field.type", "true or false is wanted here")
        return nil
    }

    /// Whether YAML 1.1 takes an unquoted word for text, rather than for a number, a truth value or nothing.
    private static func isPlainText(_ word: String) -> Bool {
        let others = [
            "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "=", ".inf", ".nan",
        ]
        let lowercased = word.lowercased()
        if others.contains(lowercased) { return false }
        var rest = lowercased.utf8[...]
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte || byte == UInt8(ascii: "_") }
        if Substring(rest) == ".inf" { return false }
        for prefix in ["0x", "0o", "0b"] where rest.starts(with: prefix.utf8) {
            return !rest.dropFirst(2).allSatisfy { isDigit($0) || 0x61...0x66 ~= $0 }
        }
        let parts = rest.split(separator: UInt8(ascii: "e"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let mantissa = parts.first, mantissa.contains(where: { 0x30...0x39 ~= $0 }),
            mantissa.count(where: { $0 == UInt8(ascii: ".") }) <= 1,
            mantissa.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") })
        else { return true }
        guard parts.count == 2, let exponent = parts.last else { return false }
        return !exponent.contains(where: isDigit)
            || !exponent.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    }
}

extension StrictYAML {
    mutating func text(_ fields: Fields, _ key: String) -> String? {
        fields[key].flatMap { text($0, at: fields.path(of: key)) }
    }

    mutating func integer(_ fields: Fields, _ key: String, in range: ClosedRange<Int>) -> Int? {
        fields[key].flatMap { integer($0, at: fields.path(of: key), in: range) }
    }

    mutating func flag(_ fields: Fields, _ key: String) -> Bool? {
        fields[key].flatMap { flag($0, at: fields.path(of: key)) }
    }

    mutating func list(_ fields: Fields, _ key: String) -> [Node]? {
        fields[key].flatMap { list($0, at: fields.path(of: key)) }
    }

    /// Reads one word out of a closed set.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ node: Node, at path: String, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let word = text(node, at: path) else { return nil }
        if let choice = Choice(rawValue: word) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        report(Self.position(node), path, "field.value", "\(word) is not one of: \(known)")
        return nil
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ fields: Fields, _ key: String, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        fields[key].flatMap { choice($0, at: fields.path(of: key), of: type) }
    }

    /// Whether the value is the word `none`.
    func isNone(_ node: Node) -> Bool {
        if case .scalar(let scalar) = node { return scalar.string == "none" }
        return false
    }

    mutating func refuse(_ fields: Fields, _ key: String, _ code: String, _ message: String) {
        report(fields.place(of: key), fields.path(of: key), code, message)
    }
}
