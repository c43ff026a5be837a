import Certificates
import Foundation
import Glibc
import RunLedger
import Sites
import TokenKeys

/// The issuing CA's revocation lists on the disk: each under its number in `crls/`, the latest beside the
/// certificates.
///
/// `crls/` is the ceremonies' folder, too: whoever issues the next list continues the numbers that are there.
struct RevocationListFiles {
    let site: Site
    let issuer: ReceivedCertificate
    private let role = KeyRole.issuingCA

    var folder: String { site.path("crls") }
    /// Replaced by each list; this is what a web server hands out.
    var published: String { site.certificates + "/\(role.rawValue).crl" }

    func path(_ number: UInt64) -> String { folder + "/\(role.rawValue)-\(number).crl" }

    /// The latest list that stands here, held against what the ledger remembers; nil before the first.
    ///
    /// One file more than the ledger knows is a list whose issuing was cut short, or a ceremony's: it is signed,
    /// so it was issued, and is recorded now. A list that is gone, or another one than was issued, is refused.
    func latest(_ ledger: any RevocationListLedger) throws -> ReceivedRevocationList? {
        let remembered = try ledger.latestRevocationList(issuer: issuer.subjectPublicKeyInfoDigest)
        guard let number = highestNumber() else {
            if let remembered { throw inconsistent(path(remembered.number), "is gone") }
            return nil
        }
        if let remembered {
            guard number >= remembered.number, let known = contents(path(remembered.number)) else {
                throw inconsistent(path(remembered.number), "is gone")
            }
            guard try read(known, path(remembered.number)).digest == remembered.digest else {
                throw inconsistent(path(remembered.number), "is not the list that was issued")
            }
        }
        let path = path(number)
        guard let bytes = contents(path) else { throw RunError(.io, path, "cannot be read") }
        let list = try read(bytes, path)
        guard list.number == number else {
            throw inconsistent(path, "holds the list with number \(list.number)")
        }
        if number > remembered?.number ?? 0 {
            try ledger.record(
                IssuedRevocationList(
                    issuer: issuer.subjectPublicKeyInfoDigest, number: number, digest: list.digest,
                    authorisation: [], treeSize: 0, issuedAt: list.thisUpdate))
        }
        return list
    }

    /// Keeps a list under its number, durably; where one stands there already nothing is done and that throws.
    func keep(_ der: [UInt8], number: UInt64) throws {
        try site.publishList("crls/\(role.rawValue)-\(number).crl", der)
        // The folder's own name, which its first file may just have made.
        try DurableFile.flushFolder(site.folder)
    }

    /// Puts the list where its readers look, whole or not at all; answers whether another one stood there.
    @discardableResult
    func publish(_ list: ReceivedRevocationList) throws(RunError) -> Bool {
        if contents(published) == list.der { return false }
        let staged = published + ".new-\(getpid())"
        // Gone already where it was renamed.
        defer { unlink(staged) }
        try DurableFile.write(list.der, to: staged)
        guard rename(staged, published) == 0 else { throw DurableFile.failure(published) }
        // For its readers outside, unlike a run's own files.
        _ = chmod(published, 0o644)
        try DurableFile.flushFolder(site.certificates)
        return true
    }

    private func read(_ bytes: [UInt8], _ path: String) throws -> ReceivedRevocationList {
        guard let list = try? ReceivedRevocationList(der: bytes), list.isSigned(by: issuer) else {
            throw inconsistent(path, "is no revocation list of this site's issuing CA")
        }
        return list
    }

    private func contents(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { Array($0) }
    }

    private func highestNumber() -> UInt64? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name -> UInt64? in
            guard name.hasPrefix(role.rawValue + "-"), name.hasSuffix(".crl") else { return nil }
            return UInt64(name.dropFirst(role.rawValue.count + 1).dropLast(4))
        }.max()
    }

    private func inconsistent(_ path: String, _ message: String) -> RunError {
        RunError(
            .inconsistent, path, message,
            hint: "Lists were lost or restored from an older copy. Put back what was issued: readers have it."
        )
    }
}
