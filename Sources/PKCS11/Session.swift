import CCryptoki

/// A handle of an object, valid in the application that found or made it.
public struct Object: Hashable, Sendable {
    public let handle: UInt

    public init(handle: UInt) {
        self.handle = handle
    }
}

/// An open session: one caller at a time, closed when it goes out of scope.
///
/// It may move to another thread; being no copyable value, it cannot be in two at once.
public struct Session: ~Copyable, Sendable {
    public let module: Module
    /// Zero, which is no session, once closed.
    public private(set) var handle: UInt

    @inline(__always)
    var functions: UnsafePointer<CK_FUNCTION_LIST> { module.functions }

    init(module: Module, handle: UInt) {
        self.module = module
        self.handle = handle
    }

    /// Closes the session and says whether that failed; `deinit` closes silently.
    public consuming func close() throws(PKCS11Error) {
        let answer = module.functions.pointee.C_CloseSession(handle)
        handle = 0
        try check(answer, "C_CloseSession")
    }

    deinit {
        if handle != 0 { _ = module.functions.pointee.C_CloseSession(handle) }
    }

    /// Draws `count` random octets from the token.
    public func random(count: Int) throws(PKCS11Error) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try check(functions.pointee.C_GenerateRandom(handle, &bytes, UInt(count)), "C_GenerateRandom")
        return bytes
    }

    /// Sets the user's PIN; the security officer must be logged in (`C_InitPIN`).
    public func initializePIN(_ pin: PIN) throws(PKCS11Error) {
        let answer = pin.withBytes { functions.pointee.C_InitPIN(handle, $0, $1) }
        try check(answer, "C_InitPIN")
    }

    /// Changes the PIN of whoever is logged in (`C_SetPIN`).
    public func changePIN(from old: PIN, to new: PIN) throws(PKCS11Error) {
        let answer = old.withBytes { oldBytes, oldCount in
            new.withBytes { functions.pointee.C_SetPIN(handle, oldBytes, oldCount, $0, $1) }
        }
        try check(answer, "C_SetPIN")
    }
}

/// Who logs in (`CK_USER_TYPE`).
public enum UserType: UInt, Sendable {
    case securityOfficer = 0
    case user = 1
}

/// A login held for as long as this value lives.
///
/// A login belongs to the application and the token, so one is held for all sessions; where somebody else
/// in this process has logged in already, this one rests on that.
public final class Login: @unchecked Sendable {
    // Unchecked: the session's handle never changes, and C_Logout and C_CloseSession may come from any thread.
    public let slot: Slot
    private let handle: UInt
    private let isOwner: Bool

    init(slot: Slot, handle: UInt, isOwner: Bool) {
        self.slot = slot
        self.handle = handle
        self.isOwner = isOwner
    }

    deinit {
        if isOwner { _ = slot.functions.pointee.C_Logout(handle) }
        _ = slot.functions.pointee.C_CloseSession(handle)
    }
}

extension Slot {
    /// Logs in and stays so while the answer lives.
    public func login(_ user: UserType = .user, pin: PIN) throws(PKCS11Error) -> Login {
        let subject = (try? tokenInfo().label).map { "token \($0)" } ?? "slot \(id)"
        var handle: CK_SESSION_HANDLE = 0
        let flags = CKF_SERIAL_SESSION | (user == .securityOfficer ? CKF_RW_SESSION : 0)
        try check(functions.pointee.C_OpenSession(id, flags, nil, nil, &handle), "C_OpenSession", subject)
        let answer = pin.withBytes { functions.pointee.C_Login(handle, user.rawValue, $0, $1) }
        if answer != CKR_OK && answer != CKR_USER_ALREADY_LOGGED_IN {
            _ = functions.pointee.C_CloseSession(handle)
            throw PKCS11Error.returned("C_Login", answer, subject: subject)
        }
        return Login(slot: self, handle: handle, isOwner: answer == CKR_OK)
    }
}
