import CCryptoki

extension ReturnValue {
    /// Whether it says that the token, its session or its login is gone (PKCS#11 v2.40 §5.1): what a token answers
    /// that was pulled, or a network HSM that was started again. Nothing is wrong with the call.
    ///
    /// `CKR_GENERAL_ERROR` and `CKR_FUNCTION_FAILED` count, too: some modules say no more when the way is cut.
    public var isAbsence: Bool { ReturnValue.absences.contains(rawValue) }

    private static let absences: Set<UInt> = [
        CKR_SLOT_ID_INVALID, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
        CKR_TOKEN_NOT_PRESENT,
        CKR_TOKEN_NOT_RECOGNIZED, CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN,
        CKR_CRYPTOKI_NOT_INITIALIZED,
    ]
}
