import Foundation
import PKCS11

/// One of the site's tokens, its module loaded and its user logged in while this value lives.
public struct OpenToken: Sendable {
    public let name: String
    public let binding: TokenBinding
    public let login: Login

    public var slot: Slot { login.slot }
}

/// Where a PIN comes from; never an argument, never a plain environment variable.
public enum PINSource: Sendable {
    /// What `site.yaml` names for the token.
    case site
    case file(String)
    case descriptor(Int32)
    /// A PIN that the caller holds already.
    case known(PIN)

    /// `fd:N`, `file:PATH`, or a bare path.
    public init(_ text: String) throws(SiteError) {
        if text.hasPrefix("fd:") {
            guard let number = Int32(text.dropFirst(3)), number >= 0 else {
                throw SiteError(.pinUnavailable, text, "is no descriptor", hint: "An example: fd:3")
            }
            self = .descriptor(number)
        } else if text.hasPrefix("file:") {
            self = .file(String(text.dropFirst(5)))
        } else if text.hasPrefix("env:") || text.hasPrefix("pin:") {
            throw SiteError(
                .pinUnavailable, String(text.prefix(3)),
                "PINs are not taken from the environment or the command line, which others can read",
                hint: "Use file:PATH (mode 600) or fd:N.")
        } else {
            self = .file(text)
        }
    }
}

extension Site {
    /// Points an embedded SoftHSM at this site's store; the configuration is written anew where the site moved.
    ///
    /// It speaks for the whole process, and must come before the module is loaded.
    public func prepareEnvironment(for binding: TokenBinding) throws(SiteError) {
        guard let store = binding.store else { return }
        let configuration = path(store) + "/softhsm2.conf"
        let text = Site.softHSMConfiguration(tokens: path(store) + "/tokens")
        if FileManager.default.contents(atPath: configuration) != Data(text.utf8) {
            do {
                try Data(text.utf8).write(to: URL(fileURLWithPath: configuration), options: .atomic)
            } catch {
                throw SiteError(.cannotCreate, configuration, error.systemReason)
            }
        }
        setenv("SOFTHSM2_CONF", configuration, 1)
    }

    static func softHSMConfiguration(tokens: String) -> String {
        """
        # An embedded SoftHSM, for rehearsals: nothing outside this site is touched.
        directories.tokendir = \(tokens)
        objectstore.backend = file
        log.level = ERROR
        slots.removable = false

        """
    }

    /// Loads the module of a token and finds its slot, without a login.
    public func slot(
        _ name: String, threading: Module.Threading = .manyThreads
    ) throws -> Slot {
        let lock = try lockForLogin()
        defer { withExtendedLifetime(lock) {} }
        return try slotUnderLock(name, threading: threading)
    }

    private func slotUnderLock(_ name: String, threading: Module.Threading) throws -> Slot {
        let binding = try token(name)
        try prepareEnvironment(for: binding)
        let module = try Module.load(path: binding.module, threading: threading)
        return try module.slot(TokenSelector(serial: binding.serial, label: binding.label))
    }

    /// The PIN of a token, from the source that the caller or `site.yaml` names.
    public func pin(_ name: String, from source: PINSource = .site) throws -> PIN {
        let binding = try token(name)
        switch source {
        case .known(let pin): return pin
        case .file(let path): return try PIN.read(file: path)
        case .descriptor(let number): return try PIN.read(descriptor: number, name: "fd:\(number)")
        case .site:
            guard let pinSource = binding.pinSource else {
                throw SiteError(
                    .pinUnavailable, "token \(name)", "site.yaml names no PIN source for it",
                    hint: "Give one with --pin-source file:PATH or fd:N.")
            }
            return try PIN.read(file: pinFile(pinSource))
        }
    }

    /// Where a `pinSource` stands: a site's own PIN files move with it, others are named whole.
    public func pinFile(_ pinSource: String) -> String {
        pinSource.hasPrefix("/") ? pinSource : path(pinSource)
    }

    /// Opens a token: module, slot and login, start-up being one process at a time.
    public func open(
        _ name: String, pin source: PINSource = .site, threading: Module.Threading = .manyThreads
    ) throws -> OpenToken {
        let pin = try pin(name, from: source)
        let lock = try lockForLogin()
        let slot = try slotUnderLock(name, threading: threading)
        let login = try slot.login(pin: pin)
        withExtendedLifetime(lock) {}
        return OpenToken(name: name, binding: try token(name), login: login)
    }
}

extension Site {
    /// The module through which people's own tokens are reached.
    private func credentialModule() throws(SiteError) -> String {
        if let module = description.credentialModule { return module }
        let first = description.tokens.sorted { $0.key < $1.key }.first?.value
        guard let first else {
            throw SiteError(
                .unknownToken, "credentialModule", "site.yaml names no module for people's tokens")
        }
        try prepareEnvironment(for: first)
        return first.module
    }

    /// The slot of a person's token; throws where it is not in a reader.
    public func credentialSlot(serial: String, label: String) throws -> Slot {
        let lock = try lockForLogin()
        defer { withExtendedLifetime(lock) {} }
        let module = try Module.load(path: try credentialModule(), threading: .manyThreads)
        return try module.slot(TokenSelector(serial: serial, label: label))
    }

    /// Logs in to a slot, start-up being one process at a time.
    public func login(_ slot: Slot, _ user: UserType = .user, pin: PIN) throws -> Login {
        let lock = try lockForLogin()
        defer { withExtendedLifetime(lock) {} }
        return try slot.login(user, pin: pin)
    }

    /// Keeps the PIN files of a rehearsal's token in step with its new PINs; a live site has none.
    public func storeRehearsalPINs(_ name: String, user: PIN, officer: PIN) throws(SiteError) {
        guard isRehearsal else {
            throw SiteError(.refused, name, "a PIN is never stored in a live site")
        }
        let binding = try token(name)
        for (source, pin) in [(binding.pinSource, user), (binding.officerPinSource, officer)] {
            guard let source else { continue }
            let bytes = pin.withBytes { start, count in
                Array(UnsafeBufferPointer(start: start, count: Int(count)))
            }
            try Site.replace(pinFile(source), with: bytes, mode: 0o600)
        }
    }
}
