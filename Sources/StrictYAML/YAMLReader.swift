import Yams

/// Reads one YAML document strictly and gathers everything that is wrong with it.
///
/// Stricter than YAML: one document in UTF-8, no anchors, aliases or tags, no repeated keys, no text that YAML takes
/// for something else (`no`, `1.0`, `0x10`): such text has to be quoted. A byte order mark and CRLF are accepted.
package struct YAMLReader {
    /// The most bytes of a document; a configuration file is small.
    static let largestDocument = 1 << 18
    /// How many mappings and lists may lie in one another.
    static let deepestNode = 32
    /// How many repeated keys are looked for before reading ends.
    private static let mostRepeats = 100
    /// Stands for every `*` while Yams reads, so that there is no alias for it to resolve.
    private static let asterisk: Unicode.Scalar = "\u{E000}"
    /// The first of the letters that hide repeated keys.
    private static let firstDisguise: UInt32 = 0xE001

    /// The problems found so far, in the order in which they were found.
    package private(set) var problems: [YAMLProblem] = []
    let codes: Codes
    /// Keys that repeat another one; they are passed over.
    private var disguisedKeys: Set<YAMLPosition> = []

    package init(codes: Codes = .fields) {
        self.codes = codes
    }

    package mutating func report(
        _ position: YAMLPosition, _ field: String, _ code: String, _ message: String
    ) {
        problems.append(
            YAMLProblem(
                line: position.line, column: position.column, field: field, code: code, message: message))
    }

    package mutating func report(_ node: YAMLNode, _ code: String, _ message: String) {
        report(node.position, node.path.description, code, message)
    }

    /// Decodes the bytes and reads the document; nil when there is nothing to go on with.
    package mutating func document(_ bytes: [UInt8]) -> YAMLNode? {
        let start = YAMLPosition(line: 1, column: 1)
        guard bytes.count <= Self.largestDocument else {
            report(
                start, "", "yaml.too-large",
                "the file has \(bytes.count) bytes; at most \(Self.largestDocument) are read")
            return nil
        }
        guard let text = decode(bytes) else { return nil }
        // A few nested aliases unfold to gigabytes, and Yams walks into those that stand in keys: so that there are
        // none, whatever YAML makes of a `*`, each is another letter until the document is read.
        var source = text.unicodeScalars.map { $0 == "*" ? Self.asterisk : $0 }
        // Yams stops at the first repeated key. Disguising it and reading again finds the other problems too.
        for round in 0..<Self.mostRepeats {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: source)
            do {
                let parser = try Parser(yaml: String(view), resolver: .basic, encoding: .utf8)
                guard let root = try parser.singleRoot() else {
                    report(start, "", "yaml.empty", "the file holds no document")
                    return nil
                }
                // Nodes hold their anchors weakly: without the parser they would look as if they had none.
                return withExtendedLifetime(parser) { node(root, .document) }
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let place = YAMLPosition(line: context.mark.line, column: context.mark.column)
                report(
                    place, Self.plain(names.first ?? ""), "yaml.duplicate-key",
                    "the key is given more than once in its mapping; keep one")
                guard disguise(place, round, in: &source) else { return nil }
            } catch {
                report(error: error)
                return nil
            }
        }
        return nil
    }

    // MARK: Characters

    /// Checks the encoding and the characters before YAML sees them, so that positions are exact.
    private mutating func decode(_ bytes: [UInt8]) -> String? {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard let text = String(validating: body, as: UTF8.self) else {
            reportEncoding(body)
            return nil
        }
        var place = YAMLPosition(line: 1, column: 1)
        var isClean = true
        var scalars = text.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            switch scalar.value {
            case 0x0A:
                place.line += 1
                place.column = 0
            case 0x09: break
            case 0x0D where next == "\n": break
            // Controls, characters that make a reviewer see other text than the parser does, and those of private
            // use, some of which have a meaning here.
            case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xE000...0xF8FF, 0xFEFF:
                report(
                    place, "", "yaml.control",
                    "the character U+\(String(scalar.value, radix: 16, uppercase: true)) is not accepted")
                isClean = false
            default: break
            }
            place.column += 1
        }
        return isClean ? text : nil
    }

    private mutating func reportEncoding(_ bytes: ArraySlice<UInt8>) {
        var place = YAMLPosition(line: 1, column: 1)
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        decoding: while true {
            switch decoder.decode(&iterator) {
            case .scalarValue("\n"): place = YAMLPosition(line: place.line + 1, column: 1)
            case .scalarValue: place.column += 1
            case .emptyInput, .error: break decoding
            }
        }
        report(place, "", "yaml.encoding", "the bytes here are not UTF-8; save the file as UTF-8")
    }

    /// The text as it stands in the file.
    private static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(asterisk) else { return text }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text.unicodeScalars.map { $0 == asterisk ? "*" : $0 })
        return String(view)
    }

    // MARK: Repeated keys

    /// Gives the key at the place another name; false where its first character is no letter or digit.
    private mutating func disguise(
        _ place: YAMLPosition, _ round: Int, in source: inout [Unicode.Scalar]
    ) -> Bool {
        guard var index = Self.index(of: place, in: source) else { return false }
        if source[index] == "\"" || source[index] == "'" { index += 1 }
        guard source.indices.contains(index),
            source[index].properties.isAlphabetic || source[index].properties.numericType != nil,
            let mask = Unicode.Scalar(Self.firstDisguise + UInt32(round))
        else { return false }
        source[index] = mask
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
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let prefix = context.map { $0.text + ": " } ?? ""
            report(
                YAMLPosition(line: mark.line, column: mark.column), "", "yaml.syntax", prefix + problem)
        default:
            report(YAMLPosition(line: 1, column: 1), "", "yaml.syntax", "not readable as YAML")
        }
    }

    // MARK: Nodes

    /// Takes over what Yams read, while its parser is still there; anchors, aliases and tags are reported.
    private mutating func node(_ node: Node, _ path: YAMLPath, isKey: Bool = false) -> YAMLNode {
        let position = YAMLPosition(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        return YAMLNode(content: content(node, position, path, isKey), position: position, path: path)
    }

    private mutating func content(
        _ node: Node, _ position: YAMLPosition, _ path: YAMLPath, _ isKey: Bool
    ) -> YAMLNode.Content {
        func refuse(_ code: String, _ message: String) -> YAMLNode.Content {
            report(position, path.description, code, message)
            return .refused
        }
        guard node.anchor == nil else {
            return refuse("yaml.anchor", "anchors and aliases are not accepted: write the text out")
        }
        guard path.depth <= Self.deepestNode else {
            return refuse("yaml.too-deep", "more than \(Self.deepestNode) mappings and lists in one another")
        }
        switch node {
        case .scalar(let scalar):
            // Yams gives quoted text and every key the tag of text.
            let tag = scalar.tag.description
            guard tag.isEmpty || (isKey || scalar.style != .plain) && tag == Tag.Name.str.rawValue else {
                return refuse("yaml.tag", "tags are not accepted")
            }
            let isPlain = scalar.style == .plain
            guard !isPlain || scalar.string.unicodeScalars.first != Self.asterisk else {
                return refuse(
                    "yaml.anchor", "aliases are not accepted; a text that begins with * goes in quotes")
            }
            return .scalar(Self.plain(scalar.string), isPlain: isPlain)
        case .sequence(let sequence):
            guard isKey || sequence.tag.description.isEmpty else {
                return refuse("yaml.tag", "tags are not accepted")
            }
            var items: [YAMLNode] = []
            for (index, item) in sequence.enumerated() { items.append(self.node(item, .item(path, index))) }
            return .list(items)
        case .mapping(let mapping):
            guard isKey || mapping.tag.description.isEmpty else {
                return refuse("yaml.tag", "tags are not accepted")
            }
            var pairs: [(key: YAMLNode, value: YAMLNode)] = []
            for (key, value) in mapping {
                let name = key.scalar.map { YAMLPath.key(path, Self.plain($0.string)) }
                let keyNode = self.node(key, name ?? path, isKey: true)
                if disguisedKeys.contains(keyNode.position) { continue }
                pairs.append((keyNode, self.node(value, name ?? path)))
            }
            return .mapping(pairs)
        case .alias:
            return refuse("yaml.anchor", "anchors and aliases are not accepted: write the text out")
        }
    }
}
