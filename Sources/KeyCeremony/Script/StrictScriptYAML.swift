import Yams

/// Reads a script's YAML strictly and gathers everything that is wrong with it.
///
/// Stricter than YAML: one document, no anchors, aliases or tags, no repeated keys, and no text that YAML
/// takes for something else (`no`, `1.0`): such text has to be quoted.
struct StrictScriptYAML {
    let file: String
    private(set) var faults: [ScriptFault] = []
    /// Where keys stand that repeat another one of their mapping; they are passed over.
    private var repeatedKeys: Set<[Int]> = []

    /// The keys of one mapping.
    struct Fields {
        let place: ScriptPlace
        fileprivate(set) var entries: [(key: Placed<String>, value: Node)] = []

        func path(_ key: String) -> String { place.field.isEmpty ? key : place.field + "." + key }
        subscript(key: String) -> Node? { entries.first { $0.key.value == key }?.value }
        /// The place of a key's value, or of the mapping where the key is absent.
        func place(of key: String) -> ScriptPlace {
            guard let node = self[key] else {
                return ScriptPlace(line: place.line, column: place.column, field: path(key))
            }
            return StrictScriptYAML.place(node, path(key))
        }
    }

    init(file: String) {
        self.file = file
    }

    static func place(_ node: Node, _ field: String) -> ScriptPlace {
        ScriptPlace(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, field: field)
    }

    mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
        faults.append(ScriptFault(file, place, code, message))
    }

    // MARK: The document

    /// Composes the document; nil when there is nothing to go on with. A script has at most 256 KiB.
    mutating func document(_ bytes: [UInt8]) -> Node? {
        let start = ScriptPlace(line: 1, column: 1, field: "")
        guard bytes.count <= 1 << 18 else {
            report(start, "yaml.too-large", "the script has \(bytes.count) bytes; at most 262144 are read")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            report(start, "yaml.encoding", "the script is not UTF-8")
            return nil
        }
        var source = Array(text.unicodeScalars)
        guard checkCharacters(source) else { return nil }
        // Yams stops at the first repeated key. Giving that key another name and composing again finds
        // everything else in the same go.
        for round in 0..<256 {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: source)
            do {
                let parser = try Parser(yaml: String(view))
                guard let root = try parser.singleRoot() else {
                    report(start, "yaml.empty", "the script is empty")
                    return nil
                }
                // Nodes hold their anchors weakly: without the parser they would look as if they had none.
                return withExtendedLifetime(parser) { checkNodes(root, "") } ? root : nil
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let place = ScriptPlace(
                    line: context.mark.line, column: context.mark.column, field: names.first ?? "")
                report(place, "yaml.duplicate-key", "this key stands more than once in its mapping; keep one")
                guard rename(at: place, round, in: &source) else { return nil }
            } catch {
                report(error)
                return nil
            }
        }
        return nil
    }

    private mutating func checkCharacters(_ source: [Unicode.Scalar]) -> Bool {
        var place = ScriptPlace(line: 1, column: 1, field: "")
        var isClean = true
        for scalar in source {
            switch scalar.value {
            case 0x0A:
                place.line += 1
                place.column = 0
            case 0x0D: break
            // Controls, and characters that make a reviewer see other text than the parser does.
            case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xE000...0xF8FF:
                report(
                    place, "yaml.control",
                    "the character U+\(String(scalar.value, radix: 16, uppercase: true)) is not accepted")
                isClean = false
            default: break
            }
            place.column += 1
        }
        return isClean
    }

    private mutating func rename(
        at place: ScriptPlace, _ round: Int, in source: inout [Unicode.Scalar]
    ) -> Bool {
        var line = 1
        var index = 0
        while line < place.line, index < source.count {
            if source[index] == "\n" { line += 1 }
            index += 1
        }
        index += place.column - 1
        if source.indices.contains(index), source[index] == "\"" || source[index] == "'" { index += 1 }
        guard source.indices.contains(index), source[index].properties.isAlphabetic,
            let stranger = Unicode.Scalar(0xE000 + UInt32(round))
        else { return false }
        source[index] = stranger
        repeatedKeys.insert([place.line, place.column])
        return true
    }

    private mutating func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            report(
                ScriptPlace(line: mark.line, column: mark.column, field: ""), "yaml.syntax",
                (context.map { $0.text + ": " } ?? "") + problem)
        default:
            report(ScriptPlace(line: 1, column: 1, field: ""), "yaml.syntax", "not readable as YAML")
        }
    }

    /// Refuses anchors, tags and forbidden keys wherever they stand.
    private mutating func checkNodes(_ node: Node, _ path: String) -> Bool {
        var isPlain = true
        let place = Self.place(node, path)
        if node.anchor != nil {
            report(place, "yaml.anchor", "anchors and aliases are not accepted: a script reads top to bottom")
            // An alias is its anchor's node again; going into it could take as long as its author likes.
            return false
        }
        switch node {
        case .scalar(let scalar):
            isPlain = checkTag(scalar.tag, place) && isPlain
            if scalar.string.contains("pin-value=") {
                report(place, "script.secret", "a PIN in a pkcs11: URI; a script holds no secret")
            }
        case .sequence(let sequence):
            isPlain = checkTag(sequence.tag, place) && isPlain
            for (index, item) in sequence.enumerated() {
                isPlain = checkNodes(item, "\(path)[\(index)]") && isPlain
            }
        case .mapping(let mapping):
            isPlain = checkTag(mapping.tag, place) && isPlain
            for (key, value) in mapping {
                let name = key.scalar?.string ?? ""
                let keyPath = path.isEmpty ? name : "\(path).\(name)"
                if let reason = ForbiddenKey.reason(name) {
                    report(
                        Self.place(key, keyPath), "script.forbidden-key", "`\(name)` is refused: \(reason)")
                }
                isPlain = checkNodes(value, keyPath) && isPlain
            }
        case .alias:
            report(place, "yaml.anchor", "anchors and aliases are not accepted: a script reads top to bottom")
            isPlain = false
        }
        return isPlain
    }

    private mutating func checkTag(_ tag: Tag, _ place: ScriptPlace) -> Bool {
        let text = tag.description
        if text.isEmpty || text == "!" || text.hasPrefix("tag:yaml.org,2002:") { return true }
        report(place, "yaml.tag", "tags are not accepted")
        return false
    }

    // MARK: Values

    /// Reads a mapping; unknown and missing keys are reported and the rest is still answered.
    mutating func fields(
        _ node: Node, at path: String, required: [String], optional: [String] = []
    ) -> Fields? {
        guard let fields = fields(node, at: path) else { return nil }
        let known = required + optional
        for (key, _) in fields.entries
        where !known.contains(key.value) && ForbiddenKey.reason(key.value) == nil {
            report(
                key.place, "script.unknown-key",
                "this key is not known here; known: \(known.joined(separator: ", "))")
        }
        for key in required where fields[key] == nil {
            report(fields.place(of: key), "script.missing-key", "`\(key)` has to be given")
        }
        return fields
    }

    /// Reads a mapping of any keys.
    mutating func fields(_ node: Node, at path: String) -> Fields? {
        guard case .mapping(let mapping) = node else {
            report(Self.place(node, path), "script.type", "a mapping of keys to values is wanted here")
            return nil
        }
        var fields = Fields(place: Self.place(node, path))
        for (key, value) in mapping {
            let place = Self.place(key, path)
            if repeatedKeys.contains([place.line, place.column]) { continue }
            guard case .scalar(let name) = key else {
                report(place, "script.type", "a key is a plain word")
                continue
            }
            let keyPlace = Self.place(key, fields.path(name.string))
            fields.entries.append((Placed(value: name.string, place: keyPlace), value))
        }
        return fields
    }

    mutating func list(_ node: Node, at path: String) -> [Node]? {
        guard case .sequence(let sequence) = node else {
            report(Self.place(node, path), "script.type", "a list is wanted here")
            return nil
        }
        return Array(sequence)
    }

    mutating func text(_ node: Node, at path: String) -> Placed<String>? {
        let place = Self.place(node, path)
        guard case .scalar(let scalar) = node else {
            report(place, "script.type", "text is wanted here")
            return nil
        }
        if scalar.style == .plain {
            let tag = Resolver.default.resolveTag(of: .scalar(.init(scalar.string, .implicit, .plain)))
            guard tag == .str || tag == .timestamp else {
                report(place, "script.type", "text is wanted here: put it in quotes")
                return nil
            }
        }
        guard !scalar.string.allSatisfy(\.isWhitespace) else {
            report(place, "script.value", "the text is empty")
            return nil
        }
        return Placed(value: scalar.string, place: place)
    }

    /// Reads a name of 1 to 48 of `a-z 0-9 -`, which may stand in file names and key labels.
    mutating func word(_ node: Node, at path: String) -> Placed<String>? {
        guard let text = text(node, at: path) else { return nil }
        let bytes = text.value.utf8
        let isWord = bytes.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2D }
        guard isWord, (1...48).contains(bytes.count), bytes.first != 0x2D else {
            report(text.place, "script.value", "a name of 1 to 48 of a-z, 0-9 and - is wanted here")
            return nil
        }
        return text
    }

    mutating func integer(_ node: Node, at path: String, in range: ClosedRange<Int>) -> Placed<Int>? {
        let place = Self.place(node, path)
        guard case .scalar(let scalar) = node, scalar.style == .plain, let value = Int(scalar.string),
            String(value) == scalar.string, range.contains(value)
        else {
            report(
                place, "script.value",
                "a whole number from \(range.lowerBound) to \(range.upperBound) is wanted here")
            return nil
        }
        return Placed(value: value, place: place)
    }

    mutating func flag(_ node: Node, at path: String) -> Placed<Bool>? {
        let place = Self.place(node, path)
        if case .scalar(let scalar) = node, scalar.style == .plain {
            if scalar.string == "true" { return Placed(value: true, place: place) }
            if scalar.string == "false" { return Placed(value: false, place: place) }
        }
        report(place, "script.type", "true or false is wanted here")
        return nil
    }

    /// Reads one word out of a closed set; `code` and `reason` say what another word means here.
    mutating func choice<Choice: RawRepresentable & CaseIterable & Sendable & Hashable>(
        _ node: Node, at path: String, of type: Choice.Type, code: String = "script.value",
        reason: (String) -> String? = { _ in nil }
    ) -> Placed<Choice>? where Choice.RawValue == String {
        guard let word = text(node, at: path) else { return nil }
        if let choice = Choice(rawValue: word.value) { return Placed(value: choice, place: word.place) }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        report(word.place, code, reason(word.value) ?? "`\(word.value)` is not one of: \(known)")
        return nil
    }
}

extension StrictScriptYAML {
    mutating func text(_ fields: Fields, _ key: String) -> Placed<String>? {
        fields[key].flatMap { text($0, at: fields.path(key)) }
    }

    mutating func word(_ fields: Fields, _ key: String) -> Placed<String>? {
        fields[key].flatMap { word($0, at: fields.path(key)) }
    }

    mutating func integer(_ fields: Fields, _ key: String, in range: ClosedRange<Int>) -> Placed<Int>? {
        fields[key].flatMap { integer($0, at: fields.path(key), in: range) }
    }

    mutating func flag(_ fields: Fields, _ key: String) -> Placed<Bool>? {
        fields[key].flatMap { flag($0, at: fields.path(key)) }
    }

    mutating func list(_ fields: Fields, _ key: String) -> [Node]? {
        fields[key].flatMap { list($0, at: fields.path(key)) }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable & Sendable & Hashable>(
        _ fields: Fields, _ key: String, of type: Choice.Type, code: String = "script.value",
        reason: (String) -> String? = { _ in nil }
    ) -> Placed<Choice>? where Choice.RawValue == String {
        fields[key].flatMap { choice($0, at: fields.path(key), of: type, code: code, reason: reason) }
    }
}

/// Keys that no script may have at any depth, each with the reason (CEREMONIES: no secrets, loops, includes,
/// slots, module paths or PINs).
enum ForbiddenKey {
    private static let secret =
        "a script holds no secret; activation data comes from its holders at the login"
    private static let place = "a script is portable; site.yaml says where its tokens are"
    private static let flow = "a script reads top to bottom and does each step once"

    private static let reasons: [String: String] = [
        "pin": secret, "userpin": secret, "sopin": secret, "puk": secret, "pinvalue": secret,
        "pinsource": secret, "password": secret, "passphrase": secret, "secret": secret, "share": secret,
        "shares": secret, "privatekey": secret, "credential": secret, "credentials": secret,
        "slot": place, "slotid": place, "slots": place, "module": place, "modulepath": place,
        "library": place, "librarypath": place, "serial": place,
        "include": flow, "import": flow, "extends": flow, "loop": flow, "for": flow, "foreach": flow,
        "while": flow, "repeat": flow, "if": flow, "when": flow, "goto": flow, "retry": flow,
    ]

    static func reason(_ key: String) -> String? {
        reasons[key.lowercased().filter { $0 != "-" && $0 != "_" }]
    }
}
