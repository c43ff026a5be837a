import Foundation

/// PEM text around DER (RFC 7468), with the label and lines of 64 characters.
public func pem(_ der: [UInt8], label: String = "CERTIFICATE") -> String {
    var lines = ["-----BEGIN \(label)-----"]
    var rest = Substring(Data(der).base64EncodedString())
    while !rest.isEmpty {
        lines.append(String(rest.prefix(64)))
        rest = rest.dropFirst(64)
    }
    lines.append("-----END \(label)-----\n")
    return lines.joined(separator: "\n")
}

/// The DER of every block with this label, in the text's order; nil when a block is malformed.
///
/// Text between blocks is passed over (RFC 7468 section 2); a block that does not end, or whose base64 is not
/// strict, makes the whole text unreadable.
public func derBlocks(inPEM text: String, label: String = "CERTIFICATE") -> [[UInt8]]? {
    var blocks: [[UInt8]] = []
    var body: String?
    for line in text.split(whereSeparator: \.isNewline) {
        let line = line.trimmingCharacters(in: .whitespaces)
        if line == "-----BEGIN \(label)-----" {
            guard body == nil else { return nil }
            body = ""
        } else if line == "-----END \(label)-----" {
            guard let base64 = body, let data = Data(base64Encoded: base64), !data.isEmpty else { return nil }
            blocks.append(Array(data))
            body = nil
        } else if let base64 = body {
            body = base64 + line
        }
    }
    return body == nil ? blocks : nil
}
