/// One thing wrong with a YAML document, at the place where it stands.
///
/// `field` is the path of the key, such as `steps[3].key.curve`; `code` is stable.
package struct YAMLProblem: Hashable, Sendable {
    package var line: Int
    package var column: Int
    package var field: String
    package var code: String
    package var message: String
}

extension YAMLReader {
    /// The stable words for values that are not what the reader of a kind of file wants.
    package struct Codes: Sendable {
        var unknownKey: String
        var missingKey: String
        var type: String
        var value: String

        package init(unknownKey: String, missingKey: String, type: String, value: String) {
            self.unknownKey = unknownKey
            self.missingKey = missingKey
            self.type = type
            self.value = value
        }

        /// Those of manifests and templates.
        package static let fields = Codes(
            unknownKey: "field.unknown", missingKey: "field.missing", type: "field.type", value: "field.value"
        )
    }
}
