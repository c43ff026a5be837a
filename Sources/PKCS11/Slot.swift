import CCryptoki

/// A place that can hold a token.
///
/// A slot's number moves between starts of some modules: keep a `TokenSelector`, not a number.
public struct Slot: Sendable {
    public let module: Module
    public let id: UInt

    var functions: UnsafePointer<CK_FUNCTION_LIST> { module.functions }

    /// What the token in this slot says of itself.
    public func tokenInfo() throws(PKCS11Error) -> TokenInfo {
        var raw = CK_TOKEN_INFO()
        try check(functions.pointee.C_GetTokenInfo(id, &raw), "C_GetTokenInfo", "slot \(id)")
        return TokenInfo(raw)
    }

    /// Initialises the token: everything on it is destroyed (`C_InitToken`).
    ///
    /// The label is at most 32 octets of UTF-8.
    public func initializeToken(label: String, securityOfficerPIN: PIN) throws(PKCS11Error) {
        var padded = Array(label.utf8.prefix(32))
        padded.append(contentsOf: repeatElement(0x20, count: 32 - padded.count))
        let answer = securityOfficerPIN.withBytes { pin, count in
            functions.pointee.C_InitToken(id, pin, count, &padded)
        }
        try check(answer, "C_InitToken", label)
    }

    /// Opens a session, hands it to `body`, and closes it.
    ///
    /// What `body` throws passes through; a failure to close is thrown only where `body` succeeded.
    public func withSession<R>(
        readWrite: Bool = false, _ body: (borrowing Session) throws -> R
    ) throws -> R {
        let session = try openSession(readWrite: readWrite)
        let result = try body(session)
        try session.close()
        return result
    }

    /// Opens a session that closes when it goes out of scope.
    public func openSession(readWrite: Bool = false) throws(PKCS11Error) -> Session {
        var handle: CK_SESSION_HANDLE = 0
        let flags = CKF_SERIAL_SESSION | (readWrite ? CKF_RW_SESSION : 0)
        try check(
            functions.pointee.C_OpenSession(id, flags, nil, nil, &handle), "C_OpenSession", "slot \(id)")
        return Session(module: module, handle: handle)
    }

    /// The mechanisms that the token offers (`C_GetMechanismList`), in ascending order.
    public func mechanisms() throws(PKCS11Error) -> [MechanismType] {
        var count: CK_ULONG = 0
        try check(
            functions.pointee.C_GetMechanismList(id, nil, &count), "C_GetMechanismList", "slot \(id)")
        if count == 0 { return [] }
        var types = [CK_MECHANISM_TYPE](repeating: 0, count: Int(count))
        try check(
            functions.pointee.C_GetMechanismList(id, &types, &count), "C_GetMechanismList", "slot \(id)")
        return types.prefix(Int(count)).sorted().map { MechanismType(rawValue: $0) }
    }

    /// What the token says of one mechanism; nil where it does not offer it.
    public func info(of mechanism: MechanismType) throws(PKCS11Error) -> MechanismInfo? {
        var raw = CK_MECHANISM_INFO()
        let answer = functions.pointee.C_GetMechanismInfo(id, mechanism.rawValue, &raw)
        if answer == CKR_MECHANISM_INVALID { return nil }
        try check(answer, "C_GetMechanismInfo", "\(mechanism)")
        return MechanismInfo(
            minimumKeySize: raw.ulMinKeySize, maximumKeySize: raw.ulMaxKeySize, flags: raw.flags)
    }
}

/// What a token says of itself (`CK_TOKEN_INFO`).
public struct TokenInfo: Sendable {
    public let label: String
    public let manufacturer: String
    public let model: String
    public let serial: String
    /// Hardware and firmware versions, e.g. `2.6`.
    public let hardwareVersion: String
    public let firmwareVersion: String
    /// The token's own limits of sessions; nil where it does not say.
    public let maximumSessions: UInt?
    public let flags: UInt
    let raw: CK_TOKEN_INFO

    init(_ raw: CK_TOKEN_INFO) {
        self.raw = raw
        label = padded(raw.label)
        manufacturer = padded(raw.manufacturerID)
        model = padded(raw.model)
        serial = padded(raw.serialNumber)
        hardwareVersion = "\(raw.hardwareVersion.major).\(raw.hardwareVersion.minor)"
        firmwareVersion = "\(raw.firmwareVersion.major).\(raw.firmwareVersion.minor)"
        // CK_EFFECTIVELY_INFINITE is 0, CK_UNAVAILABLE_INFORMATION is all ones.
        let sessions = raw.ulMaxSessionCount
        maximumSessions = sessions == 0 || sessions == UInt.max ? nil : sessions
        flags = raw.flags
    }

    public var isInitialized: Bool { flags & UInt(CKF_TOKEN_INITIALIZED) != 0 }
    public var hasUserPIN: Bool { flags & UInt(CKF_USER_PIN_INITIALIZED) != 0 }
    public var isPINLocked: Bool { flags & UInt(CKF_USER_PIN_LOCKED) != 0 }
}

/// Which token is meant: by serial and label, or by an RFC 7512 URI.
public struct TokenSelector: Sendable, CustomStringConvertible {
    private enum Choice: Sendable {
        case fields(serial: String?, label: String?)
        case uri(TokenURI)
    }
    private let choice: Choice

    /// A token with this serial number and label; at least one of them should be given.
    public init(serial: String?, label: String?) {
        choice = .fields(serial: serial, label: label)
    }

    public init(_ uri: TokenURI) {
        choice = .uri(uri)
    }

    func matches(_ token: TokenInfo) -> Bool {
        switch choice {
        case .fields(let serial, let label):
            return (serial == nil || serial == token.serial) && (label == nil || label == token.label)
        case .uri(let uri):
            return uri.matches(token)
        }
    }

    public var description: String {
        switch choice {
        case .fields(let serial, let label):
            return [label.map { "token \($0)" } ?? "token", serial.map { "serial \($0)" }]
                .compactMap { $0 }.joined(separator: ", ")
        case .uri(let uri):
            return uri.text
        }
    }
}
