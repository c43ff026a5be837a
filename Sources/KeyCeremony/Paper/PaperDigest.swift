import PrintedHTML

/// A SHA-256 as it stands on paper: digits in groups of four, and words.
struct PaperDigest: Sendable, Hashable {
    let octets: [UInt8]

    init(_ octets: some Sequence<UInt8>) {
        self.octets = Array(octets)
    }

    /// Reads hexadecimal digits; nil for anything but 64 of them, lower case.
    init?(hexadecimal text: String) {
        let digits = text.utf8.map { digit -> UInt8? in
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        let values = digits.compactMap { $0 }
        guard digits.count == 64, values.count == 64 else { return nil }
        octets = stride(from: 0, to: 64, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }

    /// Sixteen groups of four digits.
    var groups: [String] {
        stride(from: 0, to: octets.count, by: 2).map {
            KeyCeremony.hexadecimal(octets[$0..<min($0 + 2, octets.count)])
        }
    }

    var words: [String] { PGPWords.words(of: octets) }
}

extension HTML {
    /// A digest in digits, and below in words of which each pair stands for a group.
    mutating func digest(_ digest: PaperDigest) {
        element("div", class: "digest") { html in
            html.digits(digest)
            html.words(digest)
        }
    }

    mutating func digits(_ digest: PaperDigest) {
        element("p", class: "hex") { html in
            for group in digest.groups {
                html.element("span") { $0.text(group) }
                html.text(" ")
            }
        }
    }

    mutating func words(_ digest: PaperDigest) {
        element("p", class: "words") { html in
            for (index, word) in digest.words.enumerated() {
                if index > 0 { html.text(" ") }
                html.element("span") { $0.text(word) }
            }
        }
    }
}
