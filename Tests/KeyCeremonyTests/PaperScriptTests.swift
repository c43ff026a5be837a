import Foundation
import KeyCeremony
import Rosters
import SignedStatements
import Testing

@Suite struct PaperScriptTests {
    private static let names = [
        "allowlist-signer", "crl", "custodian-enrolment", "destruction", "firmware-signer", "issuing-ca",
        "root-ca", "run-authority",
    ]

    private func source() throws -> String {
        try String(contentsOfFile: Repository.script("root-ca"), encoding: .utf8)
    }

    private func parse(_ text: String) throws -> CeremonyScript {
        try CeremonyScript.parse(Array(text.utf8), file: "script.yaml")
    }

    private func count(_ part: String, in text: String) -> Int {
        text.components(separatedBy: part).count - 1
    }

    @Test("The same script gives the same bytes, read again or not", arguments: names)
    func reproducible(name: String) throws {
        let path = Repository.script(name)
        let script = try CeremonyScript.load(path: path)
        let printed = script.printed()
        #expect(script.printed() == printed)
        #expect(try CeremonyScript.load(path: path).printed() == printed)
        // From another place, on the same bytes.
        #expect(try CeremonyScript.parse(script.source, file: "/elsewhere/copy.yaml").printed() == printed)
    }

    @Test("Every page's margin carries the id, the page number, and the script's digest in digits and words")
    func everyPage() throws {
        let script = try parse(try source())
        let page = try #require(script.printed().components(separatedBy: "* { box-sizing").first)
        // Within CSS strings, `-` is written by its number.
        #expect(page.contains(#"content: "root\2d ca""#))
        #expect(page.contains(#""page " counter(page) " of " counter(pages)"#))
        let digest = script.digest
        let groups = stride(from: 0, to: 64, by: 4).map { start in
            String(digest.dropFirst(start).prefix(4))
        }
        #expect(page.contains(groups.joined(separator: " ")))
        let octets = stride(from: 0, to: 64, by: 2).compactMap {
            UInt8(digest.dropFirst($0).prefix(2), radix: 16)
        }
        #expect(octets.count == 32)
        #expect(page.contains(PGPWords.words(of: octets).joined(separator: " ")))
    }

    @Test("Every step stands there in its order, with its text's words, minutes and mark", arguments: names)
    func steps(name: String) throws {
        let script = try CeremonyScript.load(path: Repository.script(name))
        var rest = Substring(script.printed())
        for step in script.steps {
            let start = try #require(rest.range(of: "id=\"step-\(step.id)\""), "\(step.id)")
            let end = rest.range(of: "</article>", range: start.upperBound..<rest.endIndex)
            let block = rest[start.upperBound..<(try #require(end)).lowerBound]
            #expect(block.contains("\(step.minutes) min"))
            #expect(block.contains("Irreversible") == step.isIrreversible)
            #expect(block.contains("Time (UTC)"))
            #expect(block.contains(step.action.rawValue))
            let firstWord = try #require(step.text.split(separator: " ").first)
            #expect(block.contains(firstWord))
            // One cell for the time, and one for each who acts or witnesses.
            let people = ([step.actor] + step.witnesses).map { role in
                script.roles.first { $0.role == role }?.count ?? 0
            }
            #expect(count("class=\"cell", in: String(block)) == 1 + people.reduce(0, +), "\(step.id)")
            rest = rest[start.upperBound...]
        }
    }

    @Test("Each person whom a role needs has a line for name and signature, at the beginning and at the end")
    func roles() throws {
        let script = try parse(try source())
        let printed = script.printed()
        for (role, count) in script.roles {
            let name = role.rawValue.replacingOccurrences(of: "-", with: " ")
            for label in count == 1 ? [name] : (1...count).map({ "\(name) \($0)" }) {
                let row = "<tr><td>\(label)</td><td></td><td></td><td></td></tr>"
                #expect(self.count(row, in: printed) == 2, "\(label)")
            }
        }
    }

    @Test("Where several hold the role that acts, each has a box for initials")
    func severalActors() throws {
        let text = try source().replacingOccurrences(
            of: "  crypto-officer: 1\n", with: "  crypto-officer: 2\n")
        let script = try parse(text)
        let acting = script.steps.filter { ([$0.actor] + $0.witnesses).contains(.cryptoOfficer) }.count
        #expect(acting > 0)
        let printed = script.printed()
        for number in 1...2 {
            #expect(count("<span class=\"cell\">crypto officer \(number)</span>", in: printed) == acting)
        }
    }

    @Test(
        "What a step's kind needs stands with it: keys, bags, options, copies, and what to do when it fails")
    func kinds() throws {
        let destruction = try CeremonyScript.load(path: Repository.script("destruction")).printed()
        for text in [
            "<dt>Known copies</dt>", "firmware-signer “firmware”", "Number on the new bag “hsm-firmware”",
            "<span class=\"label\">Chosen</span>", "zeroised by its maker&#39;s procedure, then shredded",
            "The token is open and has the key.", "The key is gone, seen by a scan.",
            "goes on with an exception that actor and witnesses sign", "destroyed as a whole.",
        ] {
            #expect(destruction.contains(text), "\(text)")
        }
        let root = try parse(try source()).printed()
        for text in [
            "root-ca “root”, P-384", "none: the key never leaves the token", "2 open the token",
            "encrypted to each holder&#39;s credential", "Number on the bag “hsm-root”", "the key itself",
        ] {
            #expect(root.contains(text), "\(text)")
        }
    }

    @Test("A digest that is read out or compared has a box for each digit and a line for each word")
    func digestBlanks() throws {
        let script = try parse(try source())
        let printed = script.printed()
        let exhibits = script.steps.filter { $0.action == .readOut || $0.action == .compare }.count
        // One more for the head on the closing page.
        #expect(count("class=\"take-down keep\"", in: printed) == exhibits + 1)
        #expect(count("<i></i>", in: printed) == (exhibits + 1) * 64)
        #expect(count("<span>32</span>", in: printed) == exhibits + 1)
    }

    @Test("There are two pages for exceptions, each with every field")
    func exceptions() throws {
        let printed = try parse(try source()).printed()
        #expect(count("<section class=\"exceptions\">", in: printed) == 2)
        for field in ["Step", "Expected", "Happened", "Decided", "Decided by"] {
            #expect(count("<span class=\"label\">\(field)</span>", in: printed) == 6, "\(field)")
        }
    }

    @Test("A4 and letter differ in the page's size and in nothing else")
    func paper() throws {
        let script = try parse(try source())
        let a4 = script.printed(paper: .a4)
        let letter = script.printed(paper: .letter)
        #expect(a4 != letter)
        #expect(count("size: A4;", in: a4) == 1)
        #expect(a4.replacingOccurrences(of: "size: A4;", with: "size: letter;") == letter)
    }

    @Test("Names that the site gives stand where the blanks were, and serial numbers beside theirs")
    func siteNames() throws {
        let script = try parse(try source())
        let role = try #require(script.roles.first { $0.count > 1 }).role
        let label = role.rawValue.replacingOccurrences(of: "-", with: " ")
        let printed = script.printed(
            site: SiteNames(
                people: [
                    role: ["Bo Lindqvist", "Chinwe \"<b>\" Okafor"], .externalWitness: ["Emil Sato"],
                ],
                tokenSerials: ["root": "1f2e3d4c"]))
        #expect(printed.contains("<td>\(label) 1</td><td>Bo Lindqvist</td>"))
        #expect(printed.contains("<td>Chinwe &quot;&lt;b&gt;&quot; Okafor</td>"))
        #expect(printed.contains("expected 1f2e3d4c"))
        #expect(printed.contains("<span class=\"cell\">Emil Sato</span>"))
    }

    @Test(
        "What a script says is text, whatever it looks like",
        arguments: [
            "<script>alert(1)</script>", "</style><script>alert(1)</script>",
            "</title><img src=x onerror=alert(1)>",
            "\\\"; } body { display: none } /*", "a' onload='alert(1)", "&lt;b&gt; &amp;",
        ])
    func attack(text: String) throws {
        let yaml = try source()
            .replacingOccurrences(of: "title: Creation of the root CA", with: "title: '\(yamlQuoted(text))'")
            .replacingOccurrences(
                of: "organization: Example Devices", with: "organization: '\(yamlQuoted(text))'")
        let script = try parse(yaml)
        #expect(script.title == text)
        let printed = script.printed()
        let harmless = try parse(try source()).printed()
        for part in ["<script", "<img", "<style", "</style", "</title", "onerror=\"", "<article", "<meta"] {
            #expect(count(part, in: printed) == count(part, in: harmless), "\(part)")
        }
        // The style sheet still has its braces in pairs, none of them from the title.
        func braces(_ html: String) throws -> Int {
            let style = try #require(html.components(separatedBy: "<style>").last)
            return count("{", in: style.components(separatedBy: "</style>")[0])
        }
        #expect(try braces(printed) == braces(harmless))
        let escaped = text.replacingOccurrences(of: "&", with: "&amp;")
            .replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: ">", with: "&gt;")
            .replacingOccurrences(of: "\"", with: "&quot;").replacingOccurrences(of: "'", with: "&#39;")
        #expect(printed.contains("<h1>\(escaped)</h1>"))
        #expect(printed.contains("<dd>\(escaped)</dd>"))
    }

    private func yamlQuoted(_ text: String) -> String { text.replacingOccurrences(of: "'", with: "''") }

    @Test("A character that turns the direction of writing is shown by its number")
    func hidden() throws {
        let yaml = try source()
            .replacingOccurrences(
                of: "organization: Example Devices", with: "organization: \"Ex\\u202Eample\"")
        let printed = try parse(yaml).printed()
        #expect(printed.contains("<dd>Ex[U+202E]ample</dd>"))
        #expect(!printed.unicodeScalars.contains("\u{202E}"))
    }

    @Test(
        "Nothing is fetched and nothing runs: no script, link, import or address", arguments: Paper.allCases)
    func selfContained(paper: Paper) throws {
        let printed = try parse(try source()).printed(paper: paper)
        for part in ["<script", "<link", "@import", "url(", "http:", "https:", "src=", "@font-face", " on"] {
            let place = printed.range(of: part)
            if part == " on" {
                #expect(printed.range(of: #" on[a-z]+="#, options: .regularExpression) == nil)
            } else {
                #expect(place == nil, "\(part)")
            }
        }
        #expect(printed.contains("default-src &#39;none&#39;"))
    }
}
