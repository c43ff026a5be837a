import Allowlist
import AllowlistPublication
import Approvals
import Certificates
import Foundation
import SignedStatements
import Sites
import TokenKeys

extension Site {
    /// The files by which a consumer of the log checks who approved its runs: the certificates above the devices',
    /// those of the keys that sign, and every version of the roster.
    ///
    /// Certificates that the log has already stay in it: earlier runs were approved for their keys.
    func vouchingFiles() throws -> [ExtraFile] {
        let issuers = derBlocks(inPEM: String(decoding: try Issuers.pem(in: certificates), as: UTF8.self))
        return [merged(issuers ?? [], in: "issuers.pem"), try signersFile()] + (try rosterFiles())
    }

    /// The certificates of the log's key, `next` where it takes the log over, and of the run authority.
    func signersFile(next: PublishedKey? = nil) throws -> ExtraFile {
        let present = try [.allowlistSigner, .runAuthority].map { try publishedKey($0) }
        return merged(([next].compactMap(\.self) + present).map(\.certificate), in: "signers.pem")
    }

    /// Every version of the roster up to the one in force, for whoever pins one of them.
    func rosterFiles() throws -> [ExtraFile] {
        try Approvers(self).rosters.map {
            ExtraFile(path: BundleRosters.path(of: $0.version), bytes: $0.fileBytes)
        }
    }

    /// These certificates and then whatever others the log's file has.
    private func merged(_ certificates: [[UInt8]], in file: String) -> ExtraFile {
        let present = FileManager.default.contents(atPath: log + "/" + file)
            .flatMap { derBlocks(inPEM: String(decoding: $0, as: UTF8.self)) }
        let earlier = (present ?? []).filter { !certificates.contains($0) }
        return ExtraFile(path: file, bytes: Array((certificates + earlier).map { pem($0) }.joined().utf8))
    }
}
