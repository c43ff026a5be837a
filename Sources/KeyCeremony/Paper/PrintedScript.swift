import Crypto
import PrintedHTML
import SignedStatements

/// The paper that a document is printed on.
public enum Paper: String, Sendable, CaseIterable {
    case a4
    case letter

    /// The size in the words of CSS paged media.
    var cssSize: String { self == .a4 ? "A4" : "letter" }
}

/// Names that a site gives to what a script leaves open; what is not there is a blank.
public struct SiteNames: Sendable, Hashable {
    /// The holders of each role, in their order.
    public var people: [CeremonyRole: [String]]
    /// The serial number of each of the script's tokens, by the script's name for it.
    public var tokenSerials: [String: String]

    public init(people: [CeremonyRole: [String]] = [:], tokenSerials: [String: String] = [:]) {
        self.people = people
        self.tokenSerials = tokenSerials
    }
}

extension CeremonyScript {
    /// The script as an HTML document to be printed and filled in by hand.
    ///
    /// The same script, paper and names give the same bytes, on any machine and day. Each page carries its
    /// number, the script's id and the SHA-256 of the script's file, as digits and as words. Page numbers are
    /// CSS margin boxes (CSS Paged Media §5): Chromium from 131 prints them.
    public func printed(paper: Paper = .a4, site: SiteNames? = nil) -> String {
        let digest = PaperDigest(octets: self)
        return HTML.document(
            title: "\(title) (\(id))",
            style: PaperStyle.script(paper: paper, id: id, title: title, digest: digest)
        ) { html in
            html.element("main") { html in
                titlePage(&html, digest: digest, site)
                html.element("section", class: "steps") { html in
                    html.element("h2") { $0.text("Steps") }
                    for step in printedSteps(site) { html.step(step) }
                }
                exceptionSheet(&html, site)
                closingPage(&html, site)
            }
        }
    }
}

extension PaperDigest {
    fileprivate init(octets script: CeremonyScript) {
        self.init(SHA256.hash(data: script.source))
    }
}
