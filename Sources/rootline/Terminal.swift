import Foundation
import Glibc
import PKCS11
import Sites

/// What is said to the person, on standard error: results alone go to standard output.
enum Terminal {
    static var isInteractive: Bool { isatty(2) == 1 }

    static var hasColour: Bool {
        isInteractive && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
            && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    /// Whether lines can be drawn over: `TERM=dumb` cannot.
    static var hasCursor: Bool {
        isInteractive && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    static func say(_ text: String) {
        show(text + "\n")
    }

    /// Writes to standard error; a reader that went away must not end the work.
    static func show(_ text: String) {
        _ = put(Array(text.utf8), to: 2)
    }

    /// Writes all of it; false where the other end is gone or the disk is full.
    static func put(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return false }
            rest = rest.dropFirst(written)
        }
        return true
    }

    static func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

    /// Asks for a PIN on the controlling terminal, without echo.
    static func promptForPIN(_ prompt: String) throws -> PIN {
        var bytes = try promptSilently(prompt, most: 255)
        return PIN(consuming: &bytes)
    }

    /// Reads a line of at most `most` octets without showing it; whoever takes them zeroes them.
    static func promptSilently(_ prompt: String, most: Int) throws -> [UInt8] {
        let terminal = Glibc.open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else {
            throw SiteError(
                .pinUnavailable, "PIN", "there is no terminal to ask on",
                hint: "Give one with --pin-source file:PATH (mode 600) or fd:N.")
        }
        defer { close(terminal) }
        var settings = termios()
        guard tcgetattr(terminal, &settings) == 0 else {
            throw SiteError(.pinUnavailable, "PIN", "the terminal does not answer")
        }
        var silent = settings
        // Ctrl-C comes as a character, so that the echo is never left off.
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer {
            tcsetattr(terminal, TCSAFLUSH, &settings)
            write(terminal, "\n", 1)
        }
        _ = prompt.withCString { write(terminal, $0, strlen($0)) }
        var bytes: [UInt8] = []
        // No copy is left behind by growing.
        bytes.reserveCapacity(most + 1)
        var byte: UInt8 = 0
        while read(terminal, &byte, 1) == 1, byte != 0x0A, bytes.count < most { bytes.append(byte) }
        guard !bytes.contains(0x03) else { throw SiteError(.pinUnavailable, "PIN", "cancelled") }
        guard !bytes.isEmpty else { throw SiteError(.pinUnavailable, "PIN", "none was typed") }
        return bytes
    }

    /// Columns of the terminal; 80 where it does not say.
    static var columns: Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

extension Int {
    /// The number in groups of three digits, separated by spaces.
    var grouped: String {
        let digits = String(magnitude)
        var parts: [Substring] = []
        var rest = digits[...]
        while rest.count > 3 {
            parts.insert(rest.suffix(3), at: 0)
            rest = rest.dropLast(3)
        }
        parts.insert(rest, at: 0)
        return (self < 0 ? "-" : "") + parts.joined(separator: " ")
    }
}

extension Sequence where Element == UInt8 {
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
