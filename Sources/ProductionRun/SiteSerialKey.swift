import Allowlist
import AllowlistPublication
import Foundation
import Glibc
import Sites
import TransparencyLog

extension Site {
    /// The serial key of a site whose log lists hashed serials; nil where it lists plain ones.
    ///
    /// - Throws: `RunError` `siteNotReady` where the file is missing, open to others, no key, or another key than the
    ///   site was made with.
    public func serialKey() throws(RunError) -> SerialKey? {
        guard serials == .hashed else { return nil }
        let path = serialKeyPath
        func refusal(_ message: String, _ hint: String) -> RunError {
            RunError(.siteNotReady, path, message, hint: hint)
        }
        let restore = "Restore it from the backup: without it no serial of this log can be looked up or made."
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw refusal(String(cString: strerror(errno)), restore) }
        defer { Glibc.close(descriptor) }
        let file = try? FileManager.default.attributesOfItem(atPath: path)
        guard let file, file[.type] as? FileAttributeType == .typeRegular,
            let permissions = file[.posixPermissions] as? Int
        else { throw refusal("is no ordinary file", restore) }
        guard permissions & 0o077 == 0 else {
            throw refusal(
                "can be read or written by others", "chmod 600 \(path); who has read it can guess serials.")
        }
        let key = withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer -> SerialKey? in
            defer { if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) } }
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            guard count >= 0 else { return nil }
            return SerialKey(file: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        guard let key else { throw refusal("is not 64 hexadecimal digits", restore) }
        guard key.digest.hex == description.serialKeyDigest?.lowercased() else {
            throw refusal("is not the key that this site was made with", restore)
        }
        return key
    }

    /// Throws where the log lists serials in another form than the site says: a log has one for good.
    func requireSerialForm(of writer: BundleWriter) throws {
        let form: SerialForm = serials == .hashed ? .hashed : .plain
        for index in 0..<(writer.published?.size ?? 0) {
            guard case .openRun(let run) = try writer.entry(at: index) else { continue }
            guard run.serials == form else {
                throw RunError(
                    .inconsistent, path("site.yaml"),
                    "says that serials are \(form.name), and the log has \(run.serials.name) ones",
                    hint: "A log has one form of serials for good. Put back what `init` wrote.")
            }
            return
        }
    }
}
