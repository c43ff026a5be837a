import StrictYAML

/// Combinations that are readable one by one and illegal together.
extension TemplateParser {
    mutating func checkCombinations(
        _ template: CertificateTemplate, _ top: YAMLReader.Fields, _ fields: YAMLReader.Fields
    ) {
        let extensions = template.extensions
        let usages = extensions.keyUsage?.content ?? []

        if template.kind.isCA {
            if extensions.basicConstraints?.content.isCA != true
                || extensions.basicConstraints?.critical != true
            {
                yaml.refuse(
                    fields, "basicConstraints", "template.ca-basic-constraints",
                    "a CA has critical basicConstraints with ca: true (RFC 5280 4.2.1.9)")
            }
            if !usages.contains(.keyCertSign) || extensions.keyUsage?.critical != true {
                yaml.refuse(
                    fields, "keyUsage", "template.ca-key-usage",
                    "a CA has critical keyUsage with keyCertSign (RFC 5280 4.2.1.3)")
            }
            if extensions.subjectKeyIdentifier == nil {
                yaml.refuse(
                    fields, "subjectKeyIdentifier", "template.ca-key-identifier",
                    "a CA has a subjectKeyIdentifier (RFC 5280 4.2.1.2)")
            }
            if extensions.subjectAltName != nil {
                yaml.refuse(
                    fields, "subjectAltName", "template.ca-alt-name",
                    "a CA is named by its subject alone")
            }
        } else {
            if extensions.basicConstraints?.content.isCA == true {
                yaml.refuse(
                    fields, "basicConstraints", "template.leaf-is-ca",
                    "a \(template.kind.rawValue) certificate is not a CA")
            }
            if usages.contains(.keyCertSign) || usages.contains(.cRLSign) || usages.isEmpty {
                yaml.refuse(
                    fields, "keyUsage", "template.leaf-key-usage",
                    "a \(template.kind.rawValue) certificate has keyUsage, without keyCertSign and cRLSign")
            }
        }
        if (usages.contains(.encipherOnly) || usages.contains(.decipherOnly))
            && !usages.contains(.keyAgreement)
        {
            yaml.refuse(
                fields, "keyUsage", "template.key-usage",
                "encipherOnly and decipherOnly mean nothing without keyAgreement (RFC 5280 4.2.1.3)")
        }
        for usage in usages where usage == .keyEncipherment || usage == .dataEncipherment {
            yaml.refuse(
                fields, "keyUsage", "template.key-usage",
                template.kind.isCA
                    ? "a CA's key has no \(usage.rawValue): it signs and does nothing else"
                    : "an EC key has no \(usage.rawValue) (RFC 8813 3)")
        }
        if extensions.subjectKeyIdentifier?.critical == true {
            yaml.refuse(
                fields, "subjectKeyIdentifier", "template.critical",
                "a key identifier is never critical (RFC 5280 4.2.1.2)")
        }
        if extensions.authorityKeyIdentifier?.critical == true {
            yaml.refuse(
                fields, "authorityKeyIdentifier", "template.critical",
                "a key identifier is never critical (RFC 5280 4.2.1.1)")
        }
        let needsAuthority = template.kind == .issuingCA || template.kind == .device
        if needsAuthority, extensions.authorityKeyIdentifier == nil {
            yaml.refuse(
                fields, "authorityKeyIdentifier", "template.authority-key-identifier",
                "a certificate that another CA issues has an authorityKeyIdentifier (RFC 5280 4.2.1.1)")
        }
        if template.kind != .device, extensions.authorityKeyIdentifier != nil, !needsAuthority,
            extensions.subjectKeyIdentifier == nil
        {
            yaml.refuse(
                fields, "authorityKeyIdentifier", "template.authority-key-identifier",
                "a self-signed certificate's authorityKeyIdentifier repeats its subjectKeyIdentifier, which is none"
            )
        }
        checkPlaceholders(template, top)
    }

    private mutating func checkPlaceholders(_ template: CertificateTemplate, _ top: YAMLReader.Fields) {
        let subjectWords = template.subject.flatMap(\.text.placeholders)
        if template.kind == .device {
            let fixed = ["serial", "product"]
            for name in template.placeholders where !fixed.contains(name) && !name.hasPrefix("column.") {
                yaml.report(
                    top.position, "", "template.placeholder",
                    "{\(name)} is not known in a device template: {serial}, {product}, {column.NAME}")
            }
            if !subjectWords.contains("serial") {
                yaml.refuse(
                    top, "subject", "template.subject-not-unique",
                    "the subject of a device has {serial} in it, so that no two are alike (IEEE 802.1AR section 8)"
                )
            }
        } else {
            for name in template.placeholders where name.hasPrefix("column.") || name == "serial" {
                yaml.report(
                    top.position, "", "template.placeholder",
                    "{\(name)} belongs to device lists; this template has none")
            }
        }
        if template.validityEnd == .never, template.kind == .issuingCA {
            yaml.refuse(
                top, "validity", "template.never-ends",
                "an issuing CA does not outlive its issuer: give a duration")
        }
        if template.rotates, template.kind == .rootCA {
            yaml.refuse(
                top, "rotates", "template.rotates",
                "a root is the anchor that devices hold: it does not rotate")
        }
    }
}
