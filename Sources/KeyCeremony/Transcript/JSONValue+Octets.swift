import CanonicalJSON
import Foundation

extension JSONValue {
    /// Octets, in base64.
    static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Data(bytes).base64EncodedString()) }

    /// The octets of canonical base64: with padding, its unused bits zero; nil for any other text.
    var octets: [UInt8]? {
        guard let text, let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
            return nil
        }
        return Array(data)
    }

    var flag: Bool? { if case .bool(let value) = self { value } else { nil } }
    var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
}
