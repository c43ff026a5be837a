import Foundation
import PKCS11
import TestTokens
import Testing

@Suite("Modules are found, or the error says why not", .serialized)
struct ModuleTests {
    @Test("A path without a file is `module-missing`")
    func missing() throws {
        let error = #expect(throws: PKCS11Error.self) { try Module.load(path: "/nonexistent/module.so") }
        #expect(error?.code == .moduleMissing)
    }

    @Test("A file that is no library, and a library that is no module, are `module-not-pkcs11`")
    func notPKCS11() throws {
        let text = #expect(throws: PKCS11Error.self) { try Module.load(path: "/etc/passwd") }
        #expect(text?.code == .notPKCS11)
        let library = "/usr/lib/x86_64-linux-gnu/libsqlite3.so.0"
        let path =
            FileManager.default.fileExists(atPath: library) ? library : "/lib/x86_64-linux-gnu/libc.so.6"
        let error = #expect(throws: PKCS11Error.self) { try Module.load(path: path) }
        #expect(error?.code == .notPKCS11)
        #expect(error?.subject.contains("C_GetFunctionList") == true)
    }

    @Test("Loading a path twice answers one module: C_Initialize is called once a process")
    func once() throws {
        _ = try TestTokens.make()
        #expect(try Module.load(path: TestTokens.modulePath) === Module.load(path: TestTokens.modulePath))
    }

    @Test("A token is selected by serial and label together, and by URI")
    func selection() throws {
        let token = try TestTokens.make()
        let module = token.slot.module
        #expect(try module.slot(TokenSelector(serial: token.serial, label: token.label)).id == token.slot.id)
        let uri = try TokenURI("pkcs11:token=\(token.label);serial=\(token.serial)")
        #expect(try module.slot(TokenSelector(uri)).id == token.slot.id)
        let error = #expect(throws: PKCS11Error.self) {
            try module.slot(TokenSelector(serial: token.serial, label: "another"))
        }
        #expect(error?.code == .tokenAbsent)
        #expect(error?.hint?.contains(token.label) == true)
    }

    @Test("A selection that several tokens answer to is refused as ambiguous")
    func ambiguity() throws {
        let token = try TestTokens.make()
        _ = try TestTokens.make()
        let error = #expect(throws: PKCS11Error.self) {
            try token.slot.module.slot(TokenSelector(serial: nil, label: nil))
        }
        #expect(error?.code == .tokenAmbiguous)
    }

    @Test(
        "A URI that does not parse, or carries the PIN itself, is refused",
        arguments: ["token=line", "pkcs11:token=%zz", "pkcs11:token=line?pin-value=1234"])
    func uris(_ text: String) throws {
        let error = #expect(throws: PKCS11Error.self) { try TokenURI(text) }
        #expect(error?.code == .uriInvalid)
        #expect(error?.description.contains("1234") == false)
    }

    @Test("Vendor return values keep their number and come with the function")
    func vendorValues() {
        #expect(ReturnValue(rawValue: 0x8000_0042).description == "CKR_VENDOR_DEFINED|0x42")
        let error = PKCS11Error(
            .returned, subject: "token line", function: "C_Sign",
            returnValue: ReturnValue(rawValue: 0x8000_0042))
        #expect(error.description == "token line: C_Sign: CKR_VENDOR_DEFINED|0x42")
    }
}

@Suite("Logins and PINs", .serialized)
struct LoginTests {
    @Test("A wrong PIN is `pin-refused`, and says neither the PIN nor its length")
    func wrongPIN() throws {
        let token = try TestTokens.make()
        let error = #expect(throws: PKCS11Error.self) {
            try token.slot.login(pin: TestTokens.pin("not-the-pin-987"))
        }
        #expect(error?.code == .pinRefused)
        #expect(error?.function == "C_Login")
        #expect(error?.description.contains("987") == false)
    }

    @Test("A login ends with the value that holds it, and not before")
    func lifetime() throws {
        let token = try TestTokens.make()
        let secret: [Attribute] = [
            Attribute(.token, false), Attribute(.isPrivate, true), Attribute(.valueLength, 32),
        ]
        do {
            let login = try token.slot.login(pin: token.pin)
            try token.slot.withSession { _ = try $0.generateKey(.plain(.aesKeyGeneration), secret) }
            withExtendedLifetime(login) {}
        }
        let error = #expect(throws: PKCS11Error.self) {
            try token.slot.withSession { _ = try $0.generateKey(.plain(.aesKeyGeneration), secret) }
        }
        #expect(error?.returnValue?.description == "CKR_USER_NOT_LOGGED_IN")
    }

    @Test("A PIN prints as redacted")
    func redaction() {
        let pin = TestTokens.pin("0815")
        #expect("\(pin)" == "<redacted>")
        #expect(String(reflecting: pin) == "<redacted>")
    }

    @Test("A PIN file that others may read is refused; one for its owner alone is read without its line end")
    func pinFile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("pin-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        _ = FileManager.default.createFile(
            atPath: path, contents: Data("4711\r\n".utf8), attributes: [.posixPermissions: 0o644])
        let open = #expect(throws: PKCS11Error.self) { try PIN.read(file: path) }
        #expect(open?.code == .pinSourceRefused)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect(
            try PIN.read(file: path).withBytes { start, count in
                Array(UnsafeBufferPointer(start: start, count: Int(count)))
            } == Array("4711".utf8))
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(throws: PKCS11Error.self) { try PIN.read(file: path) }
        let absent = #expect(throws: PKCS11Error.self) { try PIN.read(file: path + "-absent") }
        #expect(absent?.code == .pinSourceRefused)
    }
}
