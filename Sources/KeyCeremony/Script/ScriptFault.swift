/// One thing wrong with a ceremony's script, or with following it on a site, at the place where it is written.
///
/// Lines and columns start at 1; columns count Unicode scalars. `field` is the path of the key, such as
/// `steps[3].key.curve`; `code` is stable.
public struct ScriptFault: Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let line: Int
    public let column: Int
    public let field: String
    public let code: String
    public let message: String

    public var description: String {
        "\(file):\(line):\(column): \(field.isEmpty ? "" : field + ": ")\(message) [\(code)]"
    }
}

/// Where something stands in a script.
struct ScriptPlace: Hashable, Sendable, Comparable {
    var line: Int
    var column: Int
    /// The path of the key, such as `steps[3].key.curve`.
    var field: String

    static func < (left: ScriptPlace, right: ScriptPlace) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value with the place where the script says it, for faults that show only later.
struct Placed<Value: Sendable & Hashable>: Sendable, Hashable {
    let value: Value
    let place: ScriptPlace
}

extension ScriptFault {
    init(_ file: String, _ place: ScriptPlace, _ code: String, _ message: String) {
        self.init(
            file: file, line: place.line, column: place.column, field: place.field, code: code,
            message: message)
    }

    /// In the order in which a person goes through the file.
    static func sorted(_ faults: [ScriptFault]) -> [ScriptFault] {
        faults.enumerated().sorted { left, right in
            (left.element.line, left.element.column, left.offset)
                < (right.element.line, right.element.column, right.offset)
        }.map(\.element)
    }
}
