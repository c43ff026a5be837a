/// A place in a YAML document; lines and columns start at 1, columns count Unicode scalars.
package struct YAMLPosition: Hashable, Comparable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (left: YAMLPosition, right: YAMLPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// The way from the document to one of its nodes, written as `steps[3].key.curve`.
package indirect enum YAMLPath: Hashable, Sendable, CustomStringConvertible {
    case document
    case key(YAMLPath, String)
    case item(YAMLPath, Int)

    /// The longest key that is written out, in Unicode scalars.
    private static let longestKey = 64

    /// How many mappings and lists the node lies in.
    var depth: Int {
        switch self {
        case .document: 0
        case .key(let parent, _), .item(let parent, _): parent.depth + 1
        }
    }

    package var description: String {
        switch self {
        case .document: return ""
        case .item(let parent, let index): return "\(parent)[\(index)]"
        case .key(let parent, let name):
            var word = name
            if name.unicodeScalars.count > Self.longestKey {
                word = String(String.UnicodeScalarView(name.unicodeScalars.prefix(Self.longestKey))) + "…"
            }
            let path = parent.description
            return path.isEmpty ? word : "\(path).\(word)"
        }
    }
}

/// A node of a YAML document that was read strictly: it has no anchor, no alias and no tag.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        /// Text; plain is without quotes, so that YAML may take it for something else.
        case scalar(String, isPlain: Bool)
        case list([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
        /// Something that was reported already; whoever reads it says nothing more.
        case refused
    }

    package let content: Content
    package let position: YAMLPosition
    package let path: YAMLPath

    /// The text, quoted or not; nil for lists and mappings.
    package var scalar: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }
}
