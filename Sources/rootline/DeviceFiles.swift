import Certificates
import Foundation
import Sites

/// A file of serials, one a line.
enum SerialList {
    static func read(_ path: String) throws -> [String] {
        guard let data = FileManager.default.contents(atPath: path),
            let text = String(data: data, encoding: .utf8)
        else { throw SiteError(.notASite, path, "cannot be read as a list of serials in UTF-8") }
        return text.split(whereSeparator: \.isNewline).map {
            $0.trimmingCharacters(in: .whitespaces)
        }.filter { !$0.isEmpty }
    }
}

/// A certificate in a file.
enum PEMFile {
    /// The first certificate of the file, in DER.
    static func certificate(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(.notASite, path, "cannot be read")
        }
        guard let der = derBlocks(inPEM: String(decoding: data, as: UTF8.self))?.first else {
            throw SiteError(.notASite, path, "holds no certificate in PEM")
        }
        return der
    }
}
