import Yams

/// Reads the YAML of a template; see `Templates/certificates` for every key with its meaning.
struct TemplateParser {
    var yaml = StrictYAML()
    /// The keys of the extensions, for faults of combinations.
    var extensionFields: StrictYAML.Fields?

    mutating func template(_ bytes: [UInt8], name: String) -> CertificateTemplate? {
        guard let root = yaml.document(bytes),
            let top = yaml.fields(
                root, at: "",
                required: [
                    "version", "kind", "rotates", "key", "signatureAlgorithms", "subject", "serialNumber",
                    "validity", "extensions",
                ])
        else { return nil }
        if let version = top["version"] { _ = yaml.integer(version, at: "version", in: 1...1) }
        let kind = yaml.choice(top, "kind", of: CertificateTemplate.Kind.self)
        let rotates = yaml.flag(top, "rotates")
        let curves = curves(top)
        let algorithms = choices(top, "signatureAlgorithms", of: ECDSAAlgorithm.self)
        let subject = subject(top)
        serialNumber(top)
        let end = validity(top)
        let extensions = extensions(top)
        guard let kind, let rotates, let curves, let algorithms, let subject, let end, let extensions else {
            return nil
        }
        let template = CertificateTemplate(
            name: name, source: bytes, kind: kind, curves: curves, signatureAlgorithms: algorithms,
            rotates: rotates, subject: subject, validityEnd: end, extensions: extensions)
        if let extensionFields { checkCombinations(template, top, extensionFields) }
        return template
    }

    private mutating func curves(_ top: StrictYAML.Fields) -> [EllipticCurve]? {
        guard let node = top["key"], let key = yaml.fields(node, at: "key", required: ["type", "curves"])
        else { return nil }
        enum KeyType: String, CaseIterable { case ec }
        let type = yaml.choice(key, "type", of: KeyType.self)
        if let nodes = key["curves"], let list = yaml.list(nodes, at: "key.curves") {
            for (index, item) in list.enumerated() where item.string == "P-521" {
                yaml.report(
                    StrictYAML.position(item), "key.curves[\(index)]", "template.p521",
                    "P-521 is refused: tokens list the curve and then fail after generation")
                return nil
            }
        }
        let curves = choices(key, "curves", of: EllipticCurve.self)
        return type == nil ? nil : curves
    }

    mutating func choices<Choice: RawRepresentable & CaseIterable & Hashable>(
        _ fields: StrictYAML.Fields, _ key: String, of type: Choice.Type
    ) -> [Choice]? where Choice.RawValue == String {
        guard let list = yaml.list(fields, key) else { return nil }
        let path = fields.path(of: key)
        guard !list.isEmpty else {
            yaml.refuse(fields, key, "field.value", "the list is empty")
            return nil
        }
        var choices: [Choice] = []
        for (index, node) in list.enumerated() {
            guard let choice = yaml.choice(node, at: "\(path)[\(index)]", of: type) else { return nil }
            if choices.contains(choice) {
                yaml.report(
                    StrictYAML.position(node), "\(path)[\(index)]", "field.repeated",
                    "this is in the list already")
                return nil
            }
            choices.append(choice)
        }
        return choices
    }

    private mutating func subject(_ top: StrictYAML.Fields) -> [SubjectAttribute]? {
        guard let list = yaml.list(top, "subject") else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(
                top, "subject", "template.subject-empty",
                "a subject has at least one attribute (RFC 5280 4.1.2.6)")
            return nil
        }
        var attributes: [SubjectAttribute] = []
        for (index, node) in list.enumerated() {
            let path = "subject[\(index)]"
            guard let fields = yaml.fields(node, at: path, required: ["type", "encoding", "value"]) else {
                continue
            }
            let encoding = yaml.choice(fields, "encoding", of: StringEncoding.self)
            let typeName = yaml.text(fields, "type")
            let type = typeName.flatMap(SubjectAttributeType.init)
            if let typeName, type == nil {
                let known = SubjectAttributeType.known.map(\.name).joined(separator: ", ")
                yaml.refuse(
                    fields, "type", "template.oid",
                    "\(typeName) is neither a dotted OID nor one of: \(known)")
            }
            if let type, let encoding, !type.encodings.contains(encoding) {
                let allowed = type.encodings.map(\.rawValue).joined(separator: " or ")
                yaml.refuse(
                    fields, "encoding", "template.encoding",
                    "\(type.name) is encoded as \(allowed) (RFC 5280 A.1)")
            }
            let rule = TextRule(encoding: encoding ?? .utf8, length: type?.length ?? 1...32_768)
            let text = templateText(fields, "value", rule)
            if let type, let encoding, let text {
                attributes.append(SubjectAttribute(type: type, encoding: encoding, text: text))
            }
        }
        return attributes.count == list.count ? attributes : nil
    }

    /// Reads a text with placeholders and checks what is fixed of it.
    mutating func templateText(
        _ node: Node, at path: String, _ rule: TextRule
    ) -> TemplateText? {
        guard let string = yaml.text(node, at: path) else { return nil }
        let place = StrictYAML.position(node)
        let text: TemplateText
        do {
            text = try TemplateText(parsing: string)
        } catch {
            yaml.report(place, path, "template.placeholder", error.message)
            return nil
        }
        if text.placeholders.isEmpty {
            if let fault = rule.fault(string) {
                yaml.report(place, path, "template.text", fault)
                return nil
            }
            return text
        }
        var fixed = 0
        for case .literal(let literal) in text.parts {
            if let fault = rule.characterFault(literal) {
                yaml.report(place, path, "template.text", fault)
                return nil
            }
            fixed += literal.unicodeScalars.count
        }
        guard fixed < rule.length.upperBound else {
            yaml.report(place, path, "template.text", "the fixed part leaves no room for the placeholders")
            return nil
        }
        return text
    }

    mutating func templateText(
        _ fields: StrictYAML.Fields, _ key: String, _ rule: TextRule
    ) -> TemplateText? {
        fields[key].flatMap { templateText($0, at: fields.path(of: key), rule) }
    }

    private mutating func serialNumber(_ top: StrictYAML.Fields) {
        guard let node = top["serialNumber"],
            let fields = yaml.fields(node, at: "serialNumber", required: ["octets"])
        else { return }
        let octets = CertificateSerialNumber.octets
        _ = yaml.integer(fields, "octets", in: octets...octets)
    }

    private mutating func validity(_ top: StrictYAML.Fields) -> ValidityEnd? {
        guard let node = top["validity"],
            let fields = yaml.fields(node, at: "validity", required: ["notBefore", "notAfter"])
        else { return nil }
        enum Start: String, CaseIterable { case given }
        let start = yaml.choice(fields, "notBefore", of: Start.self)
        guard let text = yaml.text(fields, "notAfter") else { return nil }
        guard let end = ValidityEnd(text) else {
            yaml.refuse(
                fields, "notAfter", "field.value",
                "\(text) is neither 99991231235959Z nor a duration such as P20Y, P90D or PT12H")
            return nil
        }
        return start == nil ? nil : end
    }
}
