import Foundation
import Glibc
import PKCS11
import Synchronization

/// SoftHSM tokens for tests, in a store of this process alone.
///
/// SoftHSM reads its configuration once a process, so all suites share the store; each takes a token of its own.
public enum TestTokens {
    public static let modulePath: String = {
        let paths = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"]
        return paths.first { FileManager.default.fileExists(atPath: $0) } ?? paths[0]
    }()

    /// A fresh token and its PINs.
    public struct Token: Sendable {
        public let slot: Slot
        public let label: String
        public let serial: String
        public let pinText: String
        public let securityOfficerPINText: String

        public var pin: PIN { TestTokens.pin(pinText) }
        public var securityOfficerPIN: PIN { TestTokens.pin(securityOfficerPINText) }
    }

    public static func pin(_ text: String) -> PIN {
        var bytes = Array(text.utf8)
        return PIN(consuming: &bytes)
    }

    private struct State: Sendable {
        var module: Module?
        var count = 0
    }
    private static let state = Mutex(State())

    /// Loads SoftHSM on this process's store and initialises one more token.
    public static func make() throws -> Token {
        try state.withLock { state in
            if state.module == nil {
                let store = FileManager.default.temporaryDirectory
                    .appendingPathComponent("rootline-tokens-\(getpid())").path
                try FileManager.default.createDirectory(
                    atPath: store + "/tokens", withIntermediateDirectories: true)
                let text =
                    "directories.tokendir = \(store)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
                try text.write(toFile: store + "/softhsm2.conf", atomically: true, encoding: .utf8)
                setenv("SOFTHSM2_CONF", store + "/softhsm2.conf", 1)
                atexit {
                    try? FileManager.default.removeItem(
                        at: FileManager.default.temporaryDirectory
                            .appendingPathComponent("rootline-tokens-\(getpid())"))
                }
                state.module = try Module.load(path: modulePath)
            }
            guard let module = state.module else { throw CocoaError(.featureUnsupported) }
            state.count += 1
            let label = "test-\(state.count)"
            guard let free = try module.slots().first(where: { try !$0.tokenInfo().isInitialized }) else {
                throw CocoaError(.featureUnsupported)
            }
            let (pinText, officerText) = ("pin-\(state.count)-4711", "officer-\(state.count)-4711")
            try free.initializeToken(label: label, securityOfficerPIN: pin(officerText))
            let slot = try module.slot(TokenSelector(serial: nil, label: label))
            let login = try slot.login(.securityOfficer, pin: pin(officerText))
            try slot.withSession(readWrite: true) { try $0.initializePIN(pin(pinText)) }
            withExtendedLifetime(login) {}
            return Token(
                slot: slot, label: label, serial: try slot.tokenInfo().serial, pinText: pinText,
                securityOfficerPINText: officerText)
        }
    }
}
