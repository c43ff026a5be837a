import PKCS11
import TestTokens
import Testing
import TokenKeys

@Suite("A key that is on the token already is examined as a new one is", .serialized)
struct ExaminationTests {
    private let token: TestTokens.Token
    private let login: Login
    private let label = KeyLabel(role: .issuingCA, name: "x", isRehearsal: true)
    private let id = [UInt8](1...16)

    init() throws {
        token = try TestTokens.make()
        login = try token.slot.login(pin: token.pin)
    }

    private func generate(
        _ name: String = "x", id: [UInt8]? = nil, policy: KeyPolicy = KeyPolicy()
    ) throws -> GeneratedKey {
        try generateSigningKey(
            KeyLabel(role: .issuingCA, name: name, isRehearsal: true), id: id, type: .p256, policy: policy,
            login: login)
    }

    private func examined(
        id: [UInt8]? = nil, type: SigningKeyType = .p256, policy: KeyPolicy = KeyPolicy()
    ) -> Result<GeneratedKey, TokenKeyError> {
        Result { () throws(TokenKeyError) in
            try examineSigningKey(label, id: id, type: type, policy: policy, login: login)
        }
    }

    private func code(_ result: Result<GeneratedKey, TokenKeyError>) -> TokenKeyError.Code? {
        if case .failure(let error) = result { error.code } else { nil }
    }

    private func destroy(_ objectClass: ObjectClass) throws {
        try token.slot.withSession(readWrite: true) { session in
            try session.destroy(
                session.findOne(
                    [.objectClass(objectClass), Attribute(.label, label.description)], "half"))
        }
    }

    /// A key pair of the label made by somebody who does not look whether it is taken.
    private func generateCarelessly(id: [UInt8]) throws {
        try token.slot.withSession(readWrite: true) { session in
            _ = try session.generateKeyPair(
                .plain(.ecKeyPairGeneration),
                publicKey: AttributeTemplate(
                    [
                        Attribute(.token, true), Attribute(.label, label.description),
                        Attribute(.id, bytes: id), Attribute(.verify, true),
                    ] + SigningKeyType.p256.generationAttributes),
                privateKey: AttributeTemplate([
                    Attribute(.token, true), Attribute(.isPrivate, true), Attribute(.sensitive, true),
                    Attribute(.extractable, false), Attribute(.sign, true), Attribute(.id, bytes: id),
                    Attribute(.label, label.description),
                ]))
        }
    }

    @Test("It is found by label and id, with the evidence that its generation gave")
    func found() throws {
        let made = try generate(id: id)
        #expect(made.key.id == id)
        for id in [id, nil] {
            let found = try examined(id: id).get()
            #expect(found.key.publicKeyInfo == made.key.publicKeyInfo && found.key.id == made.key.id)
            #expect(found.readBack == made.readBack && found.publicReadBack == made.publicReadBack)
            #expect(found.parameters == made.parameters)
            #expect(found.refusals.map(\.attempt) == made.refusals.map(\.attempt))
        }
    }

    @Test("An id is drawn where none is given, and one that is taken or not of 16 octets is refused")
    func identifiers() throws {
        #expect(try generate("drawn").key.id.count == 16)
        _ = try generate("first", id: id)
        let taken = #expect(throws: TokenKeyError.self) { try generate("second", id: id) }
        #expect(taken?.code == .idTaken)
        for octets in [0, 15, 17] {
            let error = #expect(throws: TokenKeyError.self) {
                try generate("third", id: [UInt8](repeating: 7, count: octets))
            }
            #expect(error?.code == .keyMalformed)
        }
        let labels = try token.slot.withSession { try $0.find([.objectClass(.privateKey)]).count }
        #expect(labels == 2)
    }

    @Test("No key of the label, and one with another id than the one written down")
    func absent() throws {
        #expect(code(examined(id: id)) == .keyAbsent)
        _ = try generate("other", id: id)
        #expect(code(examined(id: id)) == .idMismatch)
        _ = try generate()
        #expect(code(examined(id: id)) == .idMismatch)
        #expect(code(examined()) == nil)
    }

    @Test("A half of a pair is told apart from none", arguments: [ObjectClass.privateKey, .publicKey])
    func half(_ missing: ObjectClass) throws {
        _ = try generate(id: id)
        try destroy(missing)
        for id in [id, nil] {
            let result = examined(id: id)
            #expect(code(result) == .keyHalf)
            if case .failure(let error) = result { #expect(error.code.rawValue == "key-half-written") }
        }
    }

    @Test("Halves of two pairs under one label are no pair")
    func twoHalves() throws {
        _ = try generate(id: id)
        try destroy(.publicKey)
        try generateCarelessly(id: [UInt8](17...32))
        #expect(code(examined()) == .keyDuplicate)
        try token.slot.withSession(readWrite: true) { session in
            try session.destroy(
                session.findOne([.objectClass(.privateKey), Attribute(.id, bytes: [UInt8](17...32))], "one"))
        }
        #expect(code(examined()) == .keyHalf)
        #expect(code(examined(id: id)) == .keyHalf)
    }

    @Test("A second pair of the label, or another key with its id, is a duplicate")
    func duplicates() throws {
        _ = try generate(id: id)
        try generateCarelessly(id: [UInt8](17...32))
        #expect(code(examined(id: id)) == .keyDuplicate)
    }

    @Test("A copy that a session holds is no duplicate")
    func copies() throws {
        let policy = KeyPolicy(sessionCopies: true)
        _ = try generate(id: id, policy: policy)
        try token.slot.withSession { session in
            let object = try session.findOne(
                [.objectClass(.privateKey), Attribute(.label, label.description)], "key")
            _ = try session.copy(object, [Attribute(.token, false)])
            #expect(code(examined(id: id, policy: policy)) == nil)
        }
    }

    @Test("A key of another type or policy than the one asked for, and a careless one, are refused")
    func other() throws {
        _ = try generate(id: id)
        #expect(code(examined(type: .p384)) == .keyMalformed)
        #expect(code(examined(type: .rsa3072)) == .keyMalformed)
        #expect(code(examined(policy: KeyPolicy(backup: .wrap))) == .policyBroken)
        try destroy(.privateKey)
        try destroy(.publicKey)
        try generateCarelessly(id: id)
        #expect(code(examined(id: id)) == .policyBroken)
    }
}
