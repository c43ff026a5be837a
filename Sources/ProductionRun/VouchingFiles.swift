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
        let signers = try [.allowlistSigner, .runAuthority].map { try publishedKey($0).certificate }
        let issuers = derBlocks(inPEM: String(decoding: try Issuers.pem(in: certificates), as: UTF8.self))
        let rosters = try Approvers(self).rosters.map {
            ExtraFile(path: BundleRosters.path(of: $0.version), bytes: $0.fileBytes)
        }
        return [merged(issuers ?? [], in: "issuers.pem"), merged(signers, in: "signers.pem")] + rosters
    }

    /// These certificates and then whatever others the log's file has.
    private func merged(_ certificates: [[UInt8]], in file: String) -> ExtraFile {
        let present = FileManager.default.contents(atPath: log + "/" + file)
            .flatMap { derBlocks(inPEM: String(decoding: $0, as: UTF8.self)) }
        let earlier = (present ?? []).filter { !certificates.contains($0) }
        return ExtraFile(path: file, bytes: Array((certificates + earlier).map { pem($0) }.joined().utf8))
    }
}
