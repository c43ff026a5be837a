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

    /// Loads SoftHSM on this process's store and initialises one more token; label and PINs as given, or of its number.
    public static func make(
        label: String? = nil, pin pinText: String? = nil, officer officerText: String? = nil
    ) throws -> Token {
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
            let label = label ?? "test-\(state.count)"
            guard let free = try module.slots().first(where: { try !$0.tokenInfo().isInitialized }) else {
                throw CocoaError(.featureUnsupported)
            }
            let pinText = pinText ?? "pin-\(state.count)-4711"
            let officerText = officerText ?? "officer-\(state.count)-4711"
            let known = Set(
                try module.slots().compactMap { try $0.tokenInfo() }.filter(\.isInitialized).map(\.serial))
            try free.initializeToken(label: label, securityOfficerPIN: pin(officerText))
            // SoftHSM moves a new token to another slot; its label alone may be another token's too.
            let made = try module.slots().first { slot in
                let info = try slot.tokenInfo()
                return info.isInitialized && info.label == label && !known.contains(info.serial)
            }
            guard let slot = made else { throw CocoaError(.featureUnsupported) }
            try setUserPIN(pinText, officer: officerText, on: slot)
            return Token(
                slot: slot, label: label, serial: try slot.tokenInfo().serial, pinText: pinText,
                securityOfficerPINText: officerText)
        }
    }

    /// Empties a token and gives it another label; its serial number and PINs stay.
    public static func reset(_ token: Token, label: String? = nil) throws {
        // While SoftHSM empties a token, it answers for none of them.
        try state.withLock { _ in
            try token.slot.initializeToken(
                label: label ?? token.label, securityOfficerPIN: token.securityOfficerPIN)
            try setUserPIN(token.pinText, officer: token.securityOfficerPINText, on: token.slot)
        }
    }

    private static func setUserPIN(_ text: String, officer: String, on slot: Slot) throws {
        let login = try slot.login(.securityOfficer, pin: pin(officer))
        try slot.withSession(readWrite: true) { try $0.initializePIN(pin(text)) }
        withExtendedLifetime(login) {}
    }

    /// The configuration file of this process's store, for a program that shall see the same tokens.
    public static var configuration: String {
        FileManager.default.temporaryDirectory.appendingPathComponent("rootline-tokens-\(getpid())").path
            + "/softhsm2.conf"
    }
}
