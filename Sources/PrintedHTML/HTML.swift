/// Text of an HTML document, put together so that what comes from outside can never be more than text.
package struct HTML: Sendable {
    package private(set) var source = ""

    /// A whole document: no script, no font, no picture from elsewhere.
    package static func document(title: String, style: String, body: (inout HTML) -> Void) -> String {
        var html = HTML()
        html.source = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        // Were anything to get past the escaping, a browser would neither run nor fetch it.
        html.void(
            "meta",
            [
                ("http-equiv", "Content-Security-Policy"),
                ("content", "default-src 'none'; style-src 'unsafe-inline'"),
            ])
        html.void("meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")])
        html.element("title") { $0.text(title) }
        html.source += "<style>\n\(style)</style>\n</head>\n<body>\n"
        body(&html)
        html.source += "</body>\n</html>\n"
        return html.source
    }

    /// An element with its content; names of elements and attributes are the program's own.
    package mutating func element(
        _ name: StaticString, class kind: String? = nil, _ attributes: [(StaticString, String)] = [],
        _ content: (inout HTML) -> Void = { _ in }
    ) {
        var attributes = attributes
        if let kind { attributes.insert(("class", kind), at: 0) }
        open(name, attributes)
        content(&self)
        source += "</\(name)>"
        if !Self.inline.contains("\(name)") { source += "\n" }
    }

    /// An element that holds nothing and has no end.
    package mutating func void(_ name: StaticString, _ attributes: [(StaticString, String)] = []) {
        open(name, attributes)
        source += "\n"
    }

    package mutating func text(_ text: String) { source += Self.escaped(text) }

    private mutating func open(_ name: StaticString, _ attributes: [(StaticString, String)]) {
        source += "<\(name)"
        for (attribute, value) in attributes { source += " \(attribute)=\"\(Self.escaped(value))\"" }
        source += ">"
    }

    private static let inline: Set<String> = [
        "span", "b", "i", "em", "strong", "code", "small", "td", "th", "text", "tspan", "title",
    ]

    /// Text as HTML shows it, in content and in attribute values between double quotes.
    ///
    /// Characters that cannot be seen and change how others look (controls, those that turn the direction of
    /// writing) are shown by their numbers: a name must look like what it is.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            default:
                if isHidden(scalar) {
                    escaped += "[U+" + String(scalar.value, radix: 16, uppercase: true) + "]"
                } else {
                    escaped.unicodeScalars.append(scalar)
                }
            }
        }
        return escaped
    }

    /// Text as a CSS string, quotes included; only letters, digits and blanks stand there as themselves, so
    /// that it can neither end the string nor the style sheet.
    package static func cssString(_ text: String) -> String {
        var string = "\""
        for scalar in text.unicodeScalars {
            if scalar.isASCII, scalar == " " || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            {
                string.unicodeScalars.append(scalar)
            } else if isHidden(scalar), scalar != "\n" {
                string += "\\5b U\\2b " + String(scalar.value, radix: 16, uppercase: true) + "\\5d "
            } else {
                string += "\\" + String(scalar.value, radix: 16) + " "
            }
        }
        return string + "\""
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned: true
        default: false
        }
    }
}
