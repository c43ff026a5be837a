import ArgumentParser
import Sites

extension SerialListing: ExpressibleByArgument {}

/// The name of a customer's log.
///
/// A list is read whole by everybody who checks devices with it. So each customer of a line gets a log of its own, whose
/// name says whose it is, and no hospital learns of another's devices.
enum LogName {
    /// `domain/customer`, from a customer's short name and the domain of who keeps the list.
    static func origin(customer: String, domain: String) throws -> String {
        func isLabel(_ text: Substring) -> Bool {
            (1...63).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasSuffix("-")
                && text.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
                }
        }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1, labels.allSatisfy(isLabel), domain.utf8.count <= 253, labels.last != "invalid"
        else {
            throw ValidationError("--domain is a domain in lowercase, such as devices.example.com.")
        }
        guard customer.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isLabel),
            customer.utf8.count <= 128
        else {
            throw ValidationError("--customer is a name in lowercase letters, digits, `-` and `.`.")
        }
        return "\(domain)/\(customer)"
    }
}
