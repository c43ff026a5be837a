/// Serials that count up, written out by a rule instead of a list.
///
/// A serial is `prefix`, the number padded with zeros to `width` digits, the check digits, `suffix`.
public struct SerialRange: Hashable, Sendable {
    public enum CheckDigit: String, Sendable, CaseIterable, Hashable {
        case none
        /// One digit by ISO/IEC 7812-1 annex B over the padded number.
        case luhn
        /// Two digits by ISO/IEC 7064 MOD 97-10 over the padded number.
        case mod97
    }

    public let prefix: String
    public let suffix: String
    /// The first number.
    public let first: Int
    /// How many serials there are.
    public let count: Int
    /// Digits of the number, without the check digits.
    public let width: Int
    public let checkDigit: CheckDigit

    /// The serial of a row, counted from 0.
    public func serial(row: Int) -> String {
        let number = String(first + row)
        let digits = String(repeating: "0", count: max(0, width - number.utf8.count)) + number
        return prefix + digits + Self.check(digits, checkDigit) + suffix
    }

    private static func check(_ digits: String, _ kind: CheckDigit) -> String {
        switch kind {
        case .none: return ""
        case .luhn:
            var sum = 0
            for (index, byte) in digits.utf8.reversed().enumerated() {
                let digit = Int(byte) - 48
                let doubled = index.isMultiple(of: 2) ? digit * 2 : digit
                sum += doubled > 9 ? doubled - 9 : doubled
            }
            return String((10 - sum % 10) % 10)
        case .mod97:
            var remainder = 0
            for byte in digits.utf8 { remainder = (remainder * 10 + Int(byte) - 48) % 97 }
            let check = 98 - remainder * 100 % 97
            return check < 10 ? "0\(check)" : "\(check)"
        }
    }
}
