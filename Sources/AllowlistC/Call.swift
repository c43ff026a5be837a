import Allowlist

/// Why a call ends without a yes.
struct CallFailure: Error {
    let status: Int32
    let message: String

    init(_ status: Int32, _ message: String) {
        self.status = status
        self.message = message
    }

    init(_ error: AllowlistError) {
        status = StatusCode.number(of: error.code.rawValue)
        message = error.description + (error.hint.map { "\n\($0)" } ?? "")
    }

    static func invalid(_ what: String) -> CallFailure {
        CallFailure(StatusCode.invalidArgument, what)
    }
}

/// The caller's room for a message, which may be none.
struct MessageRoom {
    let start: UnsafeMutablePointer<CChar>?
    let size: Int

    /// Writes as much of the text as fits with its NUL, cut between characters.
    func write(_ text: String) {
        guard let start, size > 0 else { return }
        var count = 0
        for character in text {
            let bytes = character.utf8
            guard count + bytes.count < size else { break }
            for byte in bytes where byte != 0 {
                start[count] = CChar(bitPattern: byte)
                count += 1
            }
        }
        start[count] = 0
    }
}

/// Runs the body of an exported function and turns what it throws into its result.
func answering(
    _ message: UnsafeMutablePointer<CChar>?, _ size: Int, _ body: () throws(CallFailure) -> Int32
) -> Int32 {
    let room = MessageRoom(start: message, size: size)
    room.write("")
    do throws(CallFailure) {
        return try body()
    } catch {
        room.write(error.message)
        return error.status
    }
}

/// Runs a step of the library and turns its error into a failure of the call.
func refusing<Value>(
    _ body: () throws(AllowlistError) -> Value
) throws(CallFailure) -> Value {
    do throws(AllowlistError) {
        return try body()
    } catch {
        throw CallFailure(error)
    }
}

/// A text that must be given.
func text(_ start: UnsafePointer<CChar>?, _ name: String) throws(CallFailure) -> String {
    guard let start else { throw .invalid("\(name) is NULL") }
    guard let text = String(validatingCString: start) else { throw .invalid("\(name) is not UTF-8") }
    return text
}
