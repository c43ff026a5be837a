extension YAMLReader {
    /// The keys of one mapping, each with its value.
    package struct Fields {
        package let node: YAMLNode
        package fileprivate(set) var entries: [(name: String, key: YAMLNode, value: YAMLNode)] = []

        package var position: YAMLPosition { node.position }
        package func path(of key: String) -> String { YAMLPath.key(node.path, key).description }
        package subscript(key: String) -> YAMLNode? { entries.first { $0.name == key }?.value }
        /// The place of a key's value, or of the mapping when the key is absent.
        package func place(of key: String) -> YAMLPosition { self[key]?.position ?? position }
    }

    /// Reads a mapping of any keys.
    package mutating func fields(_ node: YAMLNode) -> Fields? {
        guard case .mapping(let pairs) = node.content else {
            refuse(node, "a mapping of keys to values is wanted here")
            return nil
        }
        var fields = Fields(node: node)
        for (key, value) in pairs {
            if case .refused = key.content { continue }
            guard let name = key.scalar else {
                report(key, codes.unknownKey, "a key is a plain word")
                continue
            }
            fields.entries.append((name, key, value))
        }
        return fields
    }

    /// Reads a mapping with exactly these keys.
    ///
    /// Unknown and missing keys are reported and the rest is still returned, so that one run shows everything.
    ///
    /// - Parameter isReported: for keys that the caller has refused already.
    package mutating func fields(
        _ node: YAMLNode, required: [String], optional: [String] = [],
        isReported: (String) -> Bool = { _ in false }
    ) -> Fields? {
        guard var fields = fields(node) else { return nil }
        let known = Set(required).union(optional)
        for entry in fields.entries where !known.contains(entry.name) && !isReported(entry.name) {
            report(
                entry.key, codes.unknownKey,
                "this key is not known; known: \((required + optional).joined(separator: ", "))")
        }
        fields.entries.removeAll { !known.contains($0.name) }
        for key in required where fields[key] == nil {
            report(
                fields.position, fields.path(of: key), codes.missingKey, "the key \(key) has to be given")
        }
        return fields
    }

    /// Reads a list; nil and a report when it is something else.
    package mutating func list(_ node: YAMLNode) -> [YAMLNode]? {
        if case .list(let items) = node.content { return items }
        refuse(node, "a list is wanted here")
        return nil
    }

    /// Reads text; an unquoted word that YAML takes for a number, a truth value or nothing is refused.
    package mutating func text(_ node: YAMLNode) -> String? {
        guard case .scalar(let text, let isPlain) = node.content else {
            refuse(node, "text is wanted here")
            return nil
        }
        guard !isPlain || Self.isPlainText(text) else {
            refuse(
                node,
                "text is wanted here; YAML reads \(text.isEmpty ? "nothing" : text) as something else, "
                    + "so put it in quotes")
            return nil
        }
        return text
    }

    /// Reads a decimal integer within the range, ends included.
    package mutating func integer(_ node: YAMLNode, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, isPlain: true) = node.content, let value = Int(text),
            String(value) == text
        else {
            refuse(node, "a whole decimal number without quotes is wanted here")
            return nil
        }
        guard range.contains(value) else {
            report(
                node, codes.value,
                "\(value) is out of range; from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// Reads `true` or `false`, and no other spelling.
    package mutating func flag(_ node: YAMLNode) -> Bool? {
        if case .scalar(let text, isPlain: true) = node.content {
            if text == "true" { return true }
            if text == "false" { return false }
        }
        refuse(node, "true or false is wanted here")
        return nil
    }

    /// Reads one word out of a closed set; `refusal` gives the code and the reason where another word has its own.
    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ node: YAMLNode, of type: Choice.Type,
        refusal: (String) -> (code: String, message: String)? = { _ in nil }
    ) -> Choice? where Choice.RawValue == String {
        guard let word = text(node) else { return nil }
        if let choice = Choice(rawValue: word) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        let (code, message) = refusal(word) ?? (codes.value, "\(word) is not one of: \(known)")
        report(node, code, message)
        return nil
    }

    /// Reports a node that is not of the kind that is wanted, unless it is reported already.
    private mutating func refuse(_ node: YAMLNode, _ message: String) {
        if case .refused = node.content { return }
        report(node, codes.type, message)
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

extension YAMLReader {
    package mutating func text(_ fields: Fields, _ key: String) -> String? {
        fields[key].flatMap { text($0) }
    }

    package mutating func integer(_ fields: Fields, _ key: String, in range: ClosedRange<Int>) -> Int? {
        fields[key].flatMap { integer($0, in: range) }
    }

    package mutating func flag(_ fields: Fields, _ key: String) -> Bool? {
        fields[key].flatMap { flag($0) }
    }

    package mutating func list(_ fields: Fields, _ key: String) -> [YAMLNode]? {
        fields[key].flatMap { list($0) }
    }

    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ fields: Fields, _ key: String, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        fields[key].flatMap { choice($0, of: type) }
    }

    /// Reports a key's value, or the mapping where the key is absent.
    package mutating func refuse(_ fields: Fields, _ key: String, _ code: String, _ message: String) {
        report(fields.place(of: key), fields.path(of: key), code, message)
    }
}
