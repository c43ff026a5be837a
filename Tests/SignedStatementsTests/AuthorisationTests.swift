import Foundation
import Testing

@testable import SignedStatements

@Suite("Authorisation statements")
struct AuthorisationTests {
    private static func statement(rehearsal: Bool = false, station: Bool = true) -> AuthorisationStatement {
        AuthorisationStatement(
            facts: .init(
                rehearsal: rehearsal, run: "run-1", product: "Sensor \"ä\"\u{1}",
                manifestDigest: [UInt8](repeating: 1, count: 32),
                templateDigest: [UInt8](repeating: 2, count: 32),
                issuerDigest: [UInt8](repeating: 3, count: 32),
                stationDigest: station ? [UInt8](repeating: 4, count: 32) : nil, quantity: 100,
                origin: "log.example/1"),
            spoilage: 3, notBefore: 1_767_225_600, notAfter: 1_767_312_000,
            nonce: [UInt8](repeating: 0xAB, count: 16), treeSize: 42,
            rootHash: [UInt8](repeating: 5, count: 32), roster: [UInt8](repeating: 6, count: 32),
            approvals: 2,
            authority: [UInt8](repeating: 8, count: 32)
        )
    }

    @Test("The signed bytes are canonical JSON with its keys in order")
    func bytes() throws {
        func hex(_ digit: String) -> String { String(repeating: "0\(digit)", count: 32) }
        let expected =
            "{\"approvals\":2,\"authority\":\"\(hex("8"))\",\"issuer\":\"\(hex("3"))\",\"manifest\":\"\(hex("1"))\",\"nonce\":\"\(String(repeating: "ab", count: 16))\","
            + "\"notAfter\":1767312000,\"notBefore\":1767225600,\"origin\":\"log.example/1\","
            + "\"product\":\"Sensor \\\"ä\\\"\\u0001\",\"quantity\":100,\"rootHash\":\"\(hex("5"))\",\"roster\":\"\(hex("6"))\",\"run\":\"run-1\","
            + "\"spoilage\":3,\"station\":\"\(hex("4"))\",\"template\":\"\(hex("2"))\",\"treeSize\":42,"
            + "\"type\":\"rootline/authorisation/v1\"}"
        #expect(String(decoding: try Self.statement().encode(), as: UTF8.self) == expected)
    }

    @Test("A statement survives encoding", arguments: [false, true], [false, true])
    func roundTrip(rehearsal: Bool, station: Bool) throws {
        let statement = Self.statement(rehearsal: rehearsal, station: station)
        #expect(try AuthorisationStatement.decode(statement.encode()) == statement)
        let text = String(decoding: try statement.encode(), as: UTF8.self)
        #expect(text.contains("rootline/rehearsal-authorisation/v1") == rehearsal)
        #expect(text.contains("\"station\":null") == !station)
    }

    @Test(
        "Bytes that encoding would not give back are refused",
        arguments: [
            ("{\"approvals\"", "{ \"approvals\""),
            ("\"approvals\":2", "\"approvals\":0"), ("\"approvals\":2,", ""), ("0606", "06"),
            ("\"quantity\":100", "\"quantity\":100.0"),
            ("\"quantity\":100", "\"quantity\":1e2"),
            ("\"quantity\":100", "\"quantity\":\"100\""), ("\"quantity\":100", "\"quantity\":0"),
            ("\"quantity\":100", "\"quantity\":0100"), ("\"spoilage\":3", "\"spoilage\":-1"),
            ("\"spoilage\":3", "\"spoilage\":3,\"spoilage\":3"), ("\"spoilage\":3,", ""),
            ("\"spoilage\":3", "\"sparts\":1,\"spoilage\":3"),
            ("\"type\":\"rootline/", "\"type\":\"rootlime/"),
            ("0303", "030Z"), ("0101", "01"), ("abab", "ABAB"), ("run-1", "\\u0072un-1"), ("run-1", ""),
            ("\"treeSize\":42", "\"treeSize\":9007199254740992"), ("1767312000", "1767225599"), ("}", "}\n"),
            ("}", ""),
            ("\\u0001", "\u{1}"), ("\"station\":\"", "\"station\":true,\"x\":\""),
        ])
    func strict(old: String, new: String) throws {
        let text = String(decoding: try Self.statement().encode(), as: UTF8.self)
        let range = try #require(text.range(of: old))
        let changed = text.replacingCharacters(in: range, with: new)
        let error = #expect(throws: StatementError.self) {
            try AuthorisationStatement.decode(Array(changed.utf8))
        }
        #expect(error?.code == .statementMalformed)
    }

    @Test("Truncated and random bytes are refused and never crash")
    func truncated() throws {
        let bytes = try Self.statement().encode()
        for count in 0..<bytes.count {
            #expect(throws: StatementError.self) { try AuthorisationStatement.decode(Array(bytes[..<count])) }
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] = 0xFF
            #expect(throws: StatementError.self) { try AuthorisationStatement.decode(changed) }
        }
    }

    @Test("Every differing fact is named")
    func differences() {
        let statement = Self.statement()
        let changes: [(String, (inout AuthorisationStatement.Facts) -> Void)] = [
            ("type", { $0.rehearsal = true }), ("run", { $0.run = "x" }), ("product", { $0.product = "x" }),
            ("manifest", { $0.manifestDigest[0] = 9 }), ("template", { $0.templateDigest[0] = 9 }),
            ("issuer", { $0.issuerDigest[0] = 9 }), ("station", { $0.stationDigest = nil }),
            ("quantity", { $0.quantity = 101 }), ("origin", { $0.origin = "x" }),
        ]
        #expect(statement.check(against: statement.facts).isEmpty)
        var all = statement.facts
        for (field, change) in changes {
            var facts = statement.facts
            change(&facts)
            #expect(statement.check(against: facts).map(\.field) == [field])
            change(&all)
        }
        #expect(statement.check(against: all).map(\.field) == changes.map(\.0))
    }

    @Test("The run's time includes both its ends")
    func times() {
        let statement = Self.statement()
        #expect(!statement.isCurrent(at: 1_767_225_599))
        #expect(statement.isCurrent(at: 1_767_225_600))
        #expect(statement.isCurrent(at: 1_767_312_000))
        #expect(!statement.isCurrent(at: 1_767_312_001))
    }

    @Test("A statement with a value out of range is not encoded")
    func refusals() {
        var statements = [AuthorisationStatement](repeating: Self.statement(), count: 8)
        statements[0].facts.manifestDigest = []
        statements[1].nonce = [1]
        statements[2].facts.quantity = 0
        statements[3].notAfter = 0
        statements[4].facts.origin = ""
        statements[5].roster = []
        statements[6].approvals = 0
        statements[7].authority = []
        for statement in statements {
            let error = #expect(throws: StatementError.self) { try statement.encode() }
            #expect(error?.code == .statementMalformed)
        }
    }

    @Test("Nonces differ")
    func nonces() {
        #expect(AuthorisationStatement.makeNonce() != AuthorisationStatement.makeNonce())
        #expect(AuthorisationStatement.makeNonce().count == 16)
    }
}
