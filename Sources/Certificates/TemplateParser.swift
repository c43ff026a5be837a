import StrictYAML

/// Reads the YAML of a template; see `Templates/certificates` for every key with its meaning.
struct TemplateParser {
    var yaml = YAMLReader()
    /// The keys of the extensions, for faults of combinations.
    var extensionFields: YAMLReader.Fields?

    mutating func template(_ bytes: [UInt8], name: String) -> CertificateTemplate? {
        guard let root = yaml.document(bytes),
            let top = yaml.fields(
                root,
                required: [
                    "version", "kind", "rotates", "key", "signatureAlgorithms", "subject", "serialNumber",
                    "validity", "extensions",
                ], optional: ["delivery"])
        else { return nil }
        _ = yaml.integer(top, "version", in: 1...1)
        let kind = yaml.choice(top, "kind", of: CertificateTemplate.Kind.self)
        let rotates = yaml.flag(top, "rotates")
        let deliveries = deliveries(top, kind)
        let keyTypes = keyTypes(top, kind)
        let algorithms = choices(top, "signatureAlgorithms", of: SignatureAlgorithm.self)
        let subject = subject(top)
        serialNumber(top)
        let end = validity(top)
        let extensions = extensions(top)
        guard let kind, let rotates, let deliveries, let keyTypes, let algorithms, let subject, let end,
            let extensions
        else { return nil }
        let template = CertificateTemplate(
            name: name, source: bytes, kind: kind, keyTypes: keyTypes, signatureAlgorithms: algorithms,
            rotates: rotates, deliveries: deliveries, subject: subject, validityEnd: end,
            extensions: extensions)
        if let extensionFields { checkCombinations(template, top, extensionFields) }
        return template
    }

    private mutating func deliveries(
        _ top: YAMLReader.Fields, _ kind: CertificateTemplate.Kind?
    ) -> [CertificateTemplate.KeyDelivery]? {
        guard top["delivery"] != nil else { return kind == .device ? [.wrapped] : [] }
        if let kind, kind != .device {
            yaml.refuse(
                top, "delivery", "template.delivery",
                "a \(kind.rawValue) key stays in its token; delivery is of device templates")
            return nil
        }
        return choices(top, "delivery", of: CertificateTemplate.KeyDelivery.self)
    }

    mutating func choices<Choice: RawRepresentable & CaseIterable & Hashable>(
        _ fields: YAMLReader.Fields, _ key: String, of type: Choice.Type
    ) -> [Choice]? where Choice.RawValue == String {
        guard let list = yaml.list(fields, key) else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(fields, key, "field.value", "the list is empty")
            return nil
        }
        var choices: [Choice] = []
        for node in list {
            guard let choice = yaml.choice(node, of: type) else { return nil }
            if choices.contains(choice) {
                yaml.report(node, "field.repeated", "this is in the list already")
                return nil
            }
            choices.append(choice)
        }
        return choices
    }

    private mutating func subject(_ top: YAMLReader.Fields) -> [SubjectAttribute]? {
        guard let list = yaml.list(top, "subject") else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(
                top, "subject", "template.subject-empty",
                "a subject has at least one attribute (RFC 5280 4.1.2.6)")
            return nil
        }
        var attributes: [SubjectAttribute] = []
        for node in list {
            guard let fields = yaml.fields(node, required: ["type", "encoding", "value"]) else { continue }
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
    mutating func templateText(_ node: YAMLNode, _ rule: TextRule) -> TemplateText? {
        guard let string = yaml.text(node) else { return nil }
        let text: TemplateText
        do {
            text = try TemplateText(parsing: string)
        } catch {
            yaml.report(node, "template.placeholder", error.message)
            return nil
        }
        if text.placeholders.isEmpty {
            if let fault = rule.fault(string) {
                yaml.report(node, "template.text", fault)
                return nil
            }
            return text
        }
        var fixed = 0
        for case .literal(let literal) in text.parts {
            if let fault = rule.characterFault(literal) {
                yaml.report(node, "template.text", fault)
                return nil
            }
            fixed += literal.unicodeScalars.count
        }
        guard fixed < rule.length.upperBound else {
            yaml.report(node, "template.text", "the fixed part leaves no room for the placeholders")
            return nil
        }
        return text
    }

    mutating func templateText(
        _ fields: YAMLReader.Fields, _ key: String, _ rule: TextRule
    ) -> TemplateText? {
        fields[key].flatMap { templateText($0, rule) }
    }

    private mutating func serialNumber(_ top: YAMLReader.Fields) {
        guard let node = top["serialNumber"],
            let fields = yaml.fields(node, required: ["octets"])
        else { return }
        let octets = CertificateSerialNumber.octets
        _ = yaml.integer(fields, "octets", in: octets...octets)
    }

    private mutating func validity(_ top: YAMLReader.Fields) -> ValidityEnd? {
        guard let node = top["validity"],
            let fields = yaml.fields(node, required: ["notBefore", "notAfter"])
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

extension YAMLNode {
    /// Whether the value is the word `none`, by which a template says that it has no such thing.
    var isNone: Bool { scalar == "none" }
}
