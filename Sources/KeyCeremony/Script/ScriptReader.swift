import StrictYAML

extension YAMLReader.Codes {
    /// Those of ceremony scripts.
    static let script = YAMLReader.Codes(
        unknownKey: "script.unknown-key", missingKey: "script.missing-key", type: "script.type",
        value: "script.value")
}

extension YAMLNode {
    var place: ScriptPlace {
        ScriptPlace(line: position.line, column: position.column, field: path.description)
    }
}

extension YAMLReader.Fields {
    var place: ScriptPlace { node.place }
    /// The place of a key's value, or of the mapping where the key is absent.
    func place(of key: String) -> ScriptPlace {
        let position: YAMLPosition = place(of: key)
        return ScriptPlace(line: position.line, column: position.column, field: path(of: key))
    }
}

/// Reads a script's YAML: values with their places, and none of the keys that no script may have.
struct ScriptReader {
    typealias Fields = YAMLReader.Fields

    let file: String
    private var yaml = YAMLReader(codes: .script)

    init(file: String) {
        self.file = file
    }

    /// Every fault so far, in the order in which a person goes through the file.
    var faults: [ScriptFault] {
        ScriptFault.sorted(
            yaml.problems.map {
                ScriptFault(
                    file: file, line: $0.line, column: $0.column, field: $0.field, code: $0.code,
                    message: $0.message)
            })
    }

    mutating func report(_ place: ScriptPlace, _ code: String, _ message: String) {
        yaml.report(YAMLPosition(line: place.line, column: place.column), place.field, code, message)
    }

    /// Reads the document; nil when there is nothing to go on with.
    mutating func document(_ bytes: [UInt8]) -> YAMLNode? {
        let root = yaml.document(bytes)
        if let root { refuseForbidden(root) }
        return root
    }

    /// Refuses forbidden keys and PINs in URIs wherever they stand.
    private mutating func refuseForbidden(_ node: YAMLNode) {
        switch node.content {
        case .scalar(let text, _):
            if text.contains("pin-value=") {
                yaml.report(node, "script.secret", "a PIN in a pkcs11: URI; a script holds no secret")
            }
        case .list(let items):
            for item in items { refuseForbidden(item) }
        case .mapping(let pairs):
            for (key, value) in pairs {
                if let name = key.scalar, let reason = ForbiddenKey.reason(name),
                    !ForbiddenKey.isRevokedSerial(key.path)
                {
                    yaml.report(key, "script.forbidden-key", "`\(name)` is refused: \(reason)")
                }
                refuseForbidden(value)
            }
        case .refused: break
        }
    }

    // MARK: Values

    /// Reads a mapping; unknown and missing keys are reported and the rest is still answered.
    mutating func fields(_ node: YAMLNode, required: [String], optional: [String] = []) -> Fields? {
        yaml.fields(
            node, required: required, optional: optional, isReported: { ForbiddenKey.reason($0) != nil })
    }

    /// Reads a mapping of any keys.
    mutating func fields(_ node: YAMLNode) -> Fields? { yaml.fields(node) }

    mutating func list(_ node: YAMLNode) -> [YAMLNode]? { yaml.list(node) }

    /// Reads text that is more than blanks.
    mutating func text(_ node: YAMLNode) -> Placed<String>? {
        guard let text = yaml.text(node) else { return nil }
        guard !text.allSatisfy(\.isWhitespace) else {
            yaml.report(node, "script.value", "the text is empty")
            return nil
        }
        return Placed(value: text, place: node.place)
    }

    /// Reads a name of 1 to 48 of `a-z 0-9 -`, which may stand in file names and key labels.
    mutating func word(_ node: YAMLNode) -> Placed<String>? {
        guard let text = text(node) else { return nil }
        let bytes = text.value.utf8
        let isWord = bytes.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2D }
        guard isWord, (1...48).contains(bytes.count), bytes.first != 0x2D else {
            yaml.report(node, "script.value", "a name of 1 to 48 of a-z, 0-9 and - is wanted here")
            return nil
        }
        return text
    }

    mutating func integer(_ node: YAMLNode, in range: ClosedRange<Int>) -> Placed<Int>? {
        yaml.integer(node, in: range).map { Placed(value: $0, place: node.place) }
    }

    mutating func flag(_ node: YAMLNode) -> Placed<Bool>? {
        yaml.flag(node).map { Placed(value: $0, place: node.place) }
    }

    /// Reads one word out of a closed set; `code` and `reason` say what another word means here.
    mutating func choice<Choice: RawRepresentable & CaseIterable & Sendable & Hashable>(
        _ node: YAMLNode, of type: Choice.Type, code: String = "script.value",
        reason: (String) -> String? = { _ in nil }
    ) -> Placed<Choice>? where Choice.RawValue == String {
        yaml.choice(node, of: type, refusal: { word in reason(word).map { (code, $0) } }).map {
            Placed(value: $0, place: node.place)
        }
    }
}

extension ScriptReader {
    mutating func text(_ fields: Fields, _ key: String) -> Placed<String>? {
        fields[key].flatMap { text($0) }
    }

    mutating func word(_ fields: Fields, _ key: String) -> Placed<String>? {
        fields[key].flatMap { word($0) }
    }

    mutating func integer(_ fields: Fields, _ key: String, in range: ClosedRange<Int>) -> Placed<Int>? {
        fields[key].flatMap { integer($0, in: range) }
    }

    mutating func flag(_ fields: Fields, _ key: String) -> Placed<Bool>? {
        fields[key].flatMap { flag($0) }
    }

    mutating func list(_ fields: Fields, _ key: String) -> [YAMLNode]? {
        fields[key].flatMap { list($0) }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable & Sendable & Hashable>(
        _ fields: Fields, _ key: String, of type: Choice.Type, code: String = "script.value",
        reason: (String) -> String? = { _ in nil }
    ) -> Placed<Choice>? where Choice.RawValue == String {
        fields[key].flatMap { choice($0, of: type, code: code, reason: reason) }
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

    /// Whether the key says which certificate a revocation list revokes: that serial number is no token's, and it is
    /// the one forbidden word that has a right place.
    static func isRevokedSerial(_ path: YAMLPath) -> Bool {
        if case .key(.item(.key(.key(.item(.key(.document, "steps"), _), "crl"), "revoked"), _), "serial") =
            path
        {
            true
        } else {
            false
        }
    }
}
