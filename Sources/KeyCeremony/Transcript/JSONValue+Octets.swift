import CanonicalJSON
import Foundation

extension JSONValue {
    /// Octets, in base64.
    static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Data(bytes).base64EncodedString()) }
}
