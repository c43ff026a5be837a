import Foundation
import Testing

@testable import SignedStatements

@Suite("Statements that allow revocation lists") struct StandingStatementTests {
    private static func statement(rehearsal: Bool = false) -> StandingStatement {
        StandingStatement(
            rehearsal: rehearsal, origin: "log.example/1", issuer: [UInt8](repeating: 3, count: 32),
            span: 86_400, notBefore: 1_767_225_600, notAfter: 1_767_312_000,
            nonce: [UInt8](repeating: 0xAB, count: 16), roster: [UInt8](repeating: 6, count: 32),
            approvals: 2,
            authority: [UInt8](repeating: 8, count: 32))
    }

    @Test("The signed bytes are canonical JSON with its keys in order")
    func bytes() throws {
        func hex(_ digit: String) -> String { String(repeating: "0\(digit)", count: 32) }
        let expected =
            "{\"approvals\":2,\"authority\":\"\(hex("8"))\",\"issuer\":\"\(hex("3"))\","
            + "\"nonce\":\"\(String(repeating: "ab", count: 16))\",\"notAfter\":1767312000,"
            + "\"notBefore\":1767225600,\"origin\":\"log.example/1\",\"roster\":\"\(hex("6"))\",\"span\":86400,"
            + "\"type\":\"rootline/standing-authorisation/v1\"}"
        #expect(String(decoding: try Self.statement().encode(), as: UTF8.self) == expected)
        let rehearsal = Self.statement(rehearsal: true)
        #expect(try StandingStatement.decode(rehearsal.encode()) == rehearsal)
        #expect(
            String(decoding: try rehearsal.encode(), as: UTF8.self).contains(
                "\"rootline/rehearsal-standing-authorisation/v1\""))
    }

    @Test(
        "Bytes that encoding would not give back are refused",
        arguments: [
            ("\"span\":86400", "\"span\":0"), ("\"span\":86400", "\"span\":316224001"),
            ("\"span\":86400,", ""), ("\"span\":86400", "\"span\":86400.0"), ("0303", "03"),
            ("\"approvals\":2", "\"approvals\":64"), ("\"approvals\":2", "\"approval\":2"),
            ("rootline/standing-", "rootline/"), ("log.example/1", ""), ("1767312000", "1767225599"),
            ("\"span\":86400", "\"quantity\":1,\"span\":86400"), ("}", "}\n"), ("abab", "ABAB"),
        ])
    func strict(old: String, new: String) throws {
        let text = String(decoding: try Self.statement().encode(), as: UTF8.self)
        let range = try #require(text.range(of: old))
        let changed = text.replacingCharacters(in: range, with: new)
        let error = #expect(throws: StatementError.self) {
            try StandingStatement.decode(Array(changed.utf8))
        }
        #expect(error?.code == .statementMalformed)
    }
}
