import StrictYAML

extension TemplateParser {
    private static let known: [(name: String, oid: [UInt])] = [
        ("basicConstraints", [2, 5, 29, 19]), ("keyUsage", [2, 5, 29, 15]),
        ("extendedKeyUsage", [2, 5, 29, 37]), ("subjectKeyIdentifier", [2, 5, 29, 14]),
        ("authorityKeyIdentifier", [2, 5, 29, 35]), ("subjectAltName", [2, 5, 29, 17]),
        ("certificatePolicies", [2, 5, 29, 32]), ("cRLDistributionPoints", [2, 5, 29, 31]),
    ]

    mutating func extensions(_ top: YAMLReader.Fields) -> TemplateExtensions? {
        guard let node = top["extensions"],
            let fields = yaml.fields(
                node, required: Self.known.map(\.name) + ["other"])
        else { return nil }
        extensionFields = fields
        let before = yaml.problems.count
        var extensions = TemplateExtensions()
        extensions.basicConstraints = basicConstraints(fields)
        extensions.keyUsage = value(fields, "keyUsage", "usages") { parser, fields in
            parser.choices(fields, "usages", of: TemplateExtensions.KeyUsageBit.self)
        }
        extensions.extendedKeyUsage = value(fields, "extendedKeyUsage", "purposes") { parser, fields in
            parser.identifiers(fields, "purposes", known: Self.purposes)
        }
        extensions.subjectKeyIdentifier = value(fields, "subjectKeyIdentifier", "method") { parser, fields in
            parser.yaml.choice(fields, "method", of: TemplateExtensions.KeyIdentifierMethod.self)
        }
        extensions.authorityKeyIdentifier = value(fields, "authorityKeyIdentifier", nil) { _, _ in true }
        extensions.subjectAltName = value(fields, "subjectAltName", "names") { parser, fields in
            parser.alternativeNames(fields)
        }
        extensions.certificatePolicies = value(fields, "certificatePolicies", "policies") { parser, fields in
            parser.identifiers(fields, "policies", known: [:])
        }
        extensions.cRLDistributionPoints = value(fields, "cRLDistributionPoints", "uris") { parser, fields in
            parser.texts(fields, "uris", .uri)
        }
        extensions.other = other(fields)
        return yaml.problems.count == before ? extensions : nil
    }

    private static let purposes: [String: [UInt]] = [
        "serverAuth": [1, 3, 6, 1, 5, 5, 7, 3, 1], "clientAuth": [1, 3, 6, 1, 5, 5, 7, 3, 2],
        "codeSigning": [1, 3, 6, 1, 5, 5, 7, 3, 3], "emailProtection": [1, 3, 6, 1, 5, 5, 7, 3, 4],
        "timeStamping": [1, 3, 6, 1, 5, 5, 7, 3, 8], "OCSPSigning": [1, 3, 6, 1, 5, 5, 7, 3, 9],
    ]

    /// Reads an extension that is `none`, or a mapping with `critical` and one more key.
    private mutating func value<Content>(
        _ fields: YAMLReader.Fields, _ name: String, _ key: String?,
        _ content: (inout TemplateParser, YAMLReader.Fields) -> Content?
    ) -> TemplateExtensions.Value<Content>? {
        guard let node = fields[name], !node.isNone else { return nil }
        let required = ["critical"] + (key.map { [$0] } ?? [])
        guard let inner = yaml.fields(node, required: required) else { return nil }
        let critical = yaml.flag(inner, "critical")
        guard let value = content(&self, inner), let critical else { return nil }
        return .init(critical: critical, content: value)
    }

    private mutating func basicConstraints(
        _ fields: YAMLReader.Fields
    ) -> TemplateExtensions.Value<TemplateExtensions.BasicConstraints>? {
        guard let node = fields["basicConstraints"], !node.isNone else { return nil }
        guard
            let inner = yaml.fields(node, required: ["critical", "ca", "pathLength"])
        else { return nil }
        let critical = yaml.flag(inner, "critical")
        let isCA = yaml.flag(inner, "ca")
        var pathLength: Int?
        if let length = inner["pathLength"], !length.isNone {
            pathLength = yaml.integer(length, in: 0...16)
            if isCA == false {
                yaml.refuse(
                    inner, "pathLength", "template.path-length",
                    "only a CA has a path length (RFC 5280 4.2.1.9)")
            }
        }
        guard let critical, let isCA else { return nil }
        return .init(critical: critical, content: .init(isCA: isCA, pathLength: pathLength))
    }

    private mutating func identifiers(
        _ fields: YAMLReader.Fields, _ key: String, known: [String: [UInt]]
    ) -> [[UInt]]? {
        guard let list = yaml.list(fields, key) else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(fields, key, "field.value", "the list is empty; write none for the whole extension")
            return nil
        }
        var identifiers: [[UInt]] = []
        for node in list {
            guard let oid = identifier(node, known: known) else { continue }
            if identifiers.contains(oid) {
                yaml.report(node, "field.repeated", "this is in the list already")
                continue
            }
            identifiers.append(oid)
        }
        return identifiers.count == list.count ? identifiers : nil
    }

    private mutating func identifier(_ node: YAMLNode, known: [String: [UInt]]) -> [UInt]? {
        guard let text = yaml.text(node) else { return nil }
        if let oid = known[text] ?? ObjectIdentifierText.components(text) { return oid }
        let names = known.keys.sorted().joined(separator: ", ")
        yaml.report(
            node, "template.oid",
            "\(text) is not a dotted OID" + (names.isEmpty ? "" : " or one of: \(names)"))
        return nil
    }

    private mutating func texts(_ fields: YAMLReader.Fields, _ key: String, _ rule: TextRule)
        -> [TemplateText]?
    {
        guard let list = yaml.list(fields, key) else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(fields, key, "field.value", "the list is empty; write none for the whole extension")
            return nil
        }
        var texts: [TemplateText] = []
        for node in list {
            if let text = templateText(node, rule) { texts.append(text) }
        }
        return texts.count == list.count ? texts : nil
    }

    private mutating func alternativeNames(_ fields: YAMLReader.Fields) -> [TemplateExtensions
        .AlternativeName]?
    {
        guard let list = yaml.list(fields, "names") else { return nil }
        guard !list.isEmpty else {
            yaml.refuse(
                fields, "names", "field.value", "the list is empty; write none for the whole extension")
            return nil
        }
        var names: [TemplateExtensions.AlternativeName] = []
        for node in list {
            let forms = ["dns", "uri", "hardwareModuleName"]
            guard let name = yaml.fields(node, required: [], optional: forms) else { continue }
            let given = forms.filter { name[$0] != nil }
            guard given.count == 1 else {
                yaml.report(
                    node, "field.value", "a name is exactly one of: \(forms.joined(separator: ", "))")
                continue
            }
            if let text = templateText(name, "dns", .dns) { names.append(.dns(text)) }
            if let text = templateText(name, "uri", .uri) { names.append(.uri(text)) }
            guard let module = name["hardwareModuleName"] else { continue }
            guard let inner = yaml.fields(module, required: ["type", "serial"]) else { continue }
            let type = inner["type"].flatMap { identifier($0, known: [:]) }
            let serial = templateText(inner, "serial", .hardwareSerial)
            if let type, let serial { names.append(.hardwareModule(type: type, serial: serial)) }
        }
        return names.count == list.count ? names : nil
    }

    private mutating func other(_ fields: YAMLReader.Fields) -> [TemplateExtensions.Other] {
        guard let node = fields["other"], !node.isNone,
            let list = yaml.list(node)
        else { return [] }
        var others: [TemplateExtensions.Other] = []
        for item in list {
            guard let inner = yaml.fields(item, required: ["oid", "critical", "der"]) else { continue }
            let oid = inner["oid"].flatMap { identifier($0, known: [:]) }
            let critical = yaml.flag(inner, "critical")
            guard let hex = yaml.text(inner, "der") else { continue }
            guard let der = [UInt8](hexadecimal: hex), DERElement(der) != nil else {
                yaml.refuse(inner, "der", "template.der", "this is not one DER element in hexadecimal digits")
                continue
            }
            guard let oid, let critical else { continue }
            if let name = Self.known.first(where: { $0.oid == oid })?.name {
                yaml.refuse(
                    inner, "oid", "template.duplicate-extension",
                    "this extension has a key of its own: \(name)")
            } else if others.contains(where: { $0.oid == oid }) {
                yaml.refuse(
                    inner, "oid", "template.duplicate-extension",
                    "an extension stands once in a certificate (RFC 5280 4.2)")
            }
            others.append(.init(oid: oid, critical: critical, der: der))
        }
        return others
    }
}
