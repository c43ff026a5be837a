import StrictYAML

/// The types of keys that a template certifies.
extension TemplateParser {
    private enum KeyFamily: String, CaseIterable { case ec, rsa }

    /// Reads `key`: one family of keys, or a list with one entry for each, in the template's order of preference.
    mutating func keyTypes(
        _ top: YAMLReader.Fields, _ kind: CertificateTemplate.Kind?
    ) -> [CertificateKeyType]? {
        guard let node = top["key"] else { return nil }
        guard case .list(let entries) = node.content else { return family(node, kind)?.1 }
        guard !entries.isEmpty else {
            yaml.refuse(top, "key", "field.value", "the list is empty")
            return nil
        }
        var types: [CertificateKeyType] = []
        var families: Set<KeyFamily> = []
        var isComplete = true
        for entry in entries {
            guard let (family, more) = family(entry, kind) else {
                isComplete = false
                continue
            }
            if !families.insert(family).inserted {
                yaml.report(
                    entry, "field.repeated", "\(family.rawValue) is in the list already; join the two")
                isComplete = false
            }
            types += more
        }
        return isComplete ? types : nil
    }

    private mutating func family(
        _ node: YAMLNode, _ kind: CertificateTemplate.Kind?
    ) -> (KeyFamily, [CertificateKeyType])? {
        guard let all = yaml.fields(node, required: ["type"], optional: ["curves", "modulusBits"]),
            let family = yaml.choice(all, "type", of: KeyFamily.self)
        else { return nil }
        let wanted = family == .ec ? "curves" : "modulusBits"
        let other = family == .ec ? "modulusBits" : "curves"
        if family == .rsa, kind?.isCA == false {
            yaml.refuse(
                all, "type", "field.value", "rsa is for CAs; devices and signers have keys of type ec")
            return nil
        }
        if let misplaced = all.entries.first(where: { $0.name == other })?.key {
            yaml.report(
                misplaced, "field.unknown", "a key of type \(family.rawValue) has \(wanted), not \(other)")
        }
        guard let list = all[wanted] else {
            yaml.refuse(all, wanted, "field.missing", "the key \(wanted) has to be given")
            return nil
        }
        let types = family == .ec ? curves(all, list) : sizes(list)
        guard all[other] == nil, let types else { return nil }
        return (family, types)
    }

    private mutating func curves(_ key: YAMLReader.Fields, _ node: YAMLNode) -> [CertificateKeyType]? {
        if case .list(let items) = node.content {
            for item in items where item.scalar == "P-521" {
                yaml.report(
                    item, "template.p521",
                    "P-521 is refused: tokens list the curve and then fail after generation")
                return nil
            }
        }
        return choices(key, "curves", of: EllipticCurve.self)?.map { CertificateKeyType($0) }
    }

    private mutating func sizes(_ node: YAMLNode) -> [CertificateKeyType]? {
        guard let items = yaml.list(node) else { return nil }
        guard !items.isEmpty else {
            yaml.report(node, "field.value", "the list is empty")
            return nil
        }
        var types: [CertificateKeyType] = []
        for item in items {
            guard let bits = yaml.integer(item, in: 1...65_536) else { return nil }
            guard let type = CertificateKeyType.allCases.first(where: { $0.modulusBits == bits }) else {
                yaml.report(item, "field.value", "RSA keys have 3072 or 4096 bits here, not \(bits)")
                return nil
            }
            if types.contains(type) {
                yaml.report(item, "field.repeated", "this is in the list already")
                return nil
            }
            types.append(type)
        }
        return types
    }
}
