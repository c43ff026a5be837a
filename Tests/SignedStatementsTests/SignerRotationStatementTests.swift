import Crypto
import Foundation
import SignedStatements
import Testing

@Suite("Statements that hand a log over to another key") struct SignerRotationStatementTests {
    /// The public key of the private key 1 on P-256: the generator.
    private static func statement(rehearsal: Bool = false, emergency: Bool = false) throws
        -> SignerRotationStatement
    {
        let one = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 0, count: 31) + [1])
        return SignerRotationStatement(
            rehearsal: rehearsal, origin: "log.example/1", oldKey: [UInt8](repeating: 3, count: 32),
            newKeyInfo: Array(one.publicKey.derRepresentation), isEmergency: emergency, treeSize: 7,
            rootHash: [UInt8](repeating: 5, count: 32), notBefore: 1_767_225_600, notAfter: 1_767_312_000,
            nonce: [UInt8](repeating: 0xAB, count: 16), roster: [UInt8](repeating: 6, count: 32), approvals: 2
        )
    }

    @Test("The signed bytes are canonical JSON with its keys in order")
    func bytes() throws {
        func hex(_ digit: String) -> String { String(repeating: "0\(digit)", count: 32) }
        let statement = try Self.statement()
        let key = SHA256.hash(data: statement.newKeyInfo).map { String(format: "%02x", $0) }.joined()
        let expected =
            "{\"approvals\":2,\"emergency\":false,\"newKey\":\"\(key)\","
            + "\"newKeyInfo\":\"\(Data(statement.newKeyInfo).base64EncodedString())\","
            + "\"nonce\":\"\(String(repeating: "ab", count: 16))\",\"notAfter\":1767312000,"
            + "\"notBefore\":1767225600,\"oldKey\":\"\(hex("3"))\",\"origin\":\"log.example/1\","
            + "\"rootHash\":\"\(hex("5"))\",\"roster\":\"\(hex("6"))\",\"treeSize\":7,"
            + "\"type\":\"rootline/signer-rotation/v1\"}"
        #expect(String(decoding: try statement.encode(), as: UTF8.self) == expected)
        #expect(statement.needsCountersignature && statement.authority == statement.oldKey)
        let other = try Self.statement(rehearsal: true, emergency: true)
        #expect(try SignerRotationStatement.decode(other.encode()) == other)
        #expect(!other.needsCountersignature)
        #expect(
            String(decoding: try other.encode(), as: UTF8.self).contains(
                "\"rootline/rehearsal-signer-rotation/v1\""))
    }

    @Test(
        "Bytes that encoding would not give back are refused",
        arguments: [
            ("\"emergency\":false", "\"emergency\":0"), ("\"emergency\":false,", ""),
            ("\"treeSize\":7", "\"treeSize\":0"), ("\"treeSize\":7", "\"treeSize\":7.0"),
            ("\"treeSize\":7", "\"tree\":1,\"treeSize\":7"), ("0303", "03"), ("0505", "05"),
            ("\"newKey\":\"", "\"newKey\":\"00"), ("\"newKeyInfo\":\"MFkw", "\"newKeyInfo\":\"MFkx"),
            ("\"newKeyInfo\":\"MFkw", "\"newKeyInfo\":\" MFkw"), ("==\"", "=\""),
            ("\"approvals\":2", "\"approvals\":64"), ("rootline/signer-", "rootline/"),
            ("log.example/1", ""), ("1767312000", "1767225599"), ("}", "}\n"), ("abab", "ABAB"),
        ])
    func strict(old: String, new: String) throws {
        let text = String(decoding: try Self.statement().encode(), as: UTF8.self)
        let range = try #require(text.range(of: old))
        let changed = text.replacingCharacters(in: range, with: new)
        #expect(throws: StatementError.self) {
            try SignerRotationStatement.decode(Array(changed.utf8))
        }
    }

    @Test("A key is not handed over to itself, and only to one on P-256")
    func keys() throws {
        var statement = try Self.statement()
        statement.oldKey = statement.newKey
        #expect(throws: StatementError.self) { try statement.encode() }
        statement = try Self.statement()
        statement.newKeyInfo = Array(P384.Signing.PrivateKey().publicKey.derRepresentation)
        #expect(throws: StatementError.self) { try statement.encode() }
    }
}
