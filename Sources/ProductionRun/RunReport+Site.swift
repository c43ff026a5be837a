import Allowlist
import Approvals
import Certificates
import Crypto
import Foundation
import Manifests
import RunLedger
import RunReporting
import RunTelemetry
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

// A run's report out of what the site holds of it: ledger, published log, and the run's folder.
extension RunReport {
    /// Reads everything that there is of a run; what cannot be read is said in the report.
    ///
    /// Throws `ledger-run-unknown` where no run has this name. No token is touched.
    public init(_ id: String, site: Site, ledger: any Ledger, program: String, at now: Date) throws {
        guard let record = try ledger.run(id) else {
            throw LedgerError(.runUnknown, id, "no such run", hint: "`rootline run status` lists the runs.")
        }
        let folder = site.runFolder(id)
        let timeline = Timeline(path: folder + "/timeline.jsonl")
        let log = Result { try LoggedRun(record, site: site) }
        let found = try? log.get()
        self.init(
            run: id, product: record.run.product, origin: site.origin, isRehearsal: site.isRehearsal,
            state: RunReport.state(of: record, timeline, live: LiveStatus(folder: folder)),
            books: RunBooks(
                quantity: record.run.quantity, spoilage: record.run.spoilage,
                ledger: RunBooks.Counts(
                    reserved: record.reserved, released: record.released, scrapped: record.scrapped,
                    burned: record.burned),
                outstanding: record.outstanding, seal: found?.seal, listed: found?.devices,
                isSealed: record.state == .sealed),
            openedAt: Date(timeIntervalSince1970: TimeInterval(record.run.openedAt)), timeline: timeline,
            program: program, writtenAt: now)
        if case .failure(let error) = log { missing.append("the log: \(error)") }
        if timeline.unreadableLines > 0 {
            missing.append("\(timeline.unreadableLines) lines of timeline.jsonl, which do not parse")
        }
        artefacts = RunReport.files(of: id, site: site)
        if let seal = found?.sealArtefact { artefacts.append(seal) }
        approval(record, site: site)
        making(record, site: site)
        checks = RunReport.checks(of: id, site: site)
    }

    /// How far a run is, by its ledger, the last word of its time line, and whether its process is there.
    public static func state(of record: RunRecord, _ timeline: Timeline, live: LiveStatus?) -> State {
        if record.state == .sealed {
            return .sealed(at: Date(timeIntervalSince1970: TimeInterval(record.sealedAt ?? 0)))
        }
        if let live, live.isProcessAlive { return .atWork }
        guard let last = timeline.sessions.last else {
            return live == nil ? .interrupted(reason: nil) : .killed
        }
        switch last.end {
        case .interrupted: return .interrupted(reason: last.reason)
        case .failed:
            return .failed(code: last.code ?? "unknown", reason: last.reason ?? "no reason was given")
        default: return .killed
        }
    }

    /// What was approved, and by whom.
    private mutating func approval(_ record: RunRecord, site: Site) {
        let path = site.runFolder(record.run.id) + "/authorisation.p7s"
        order = [
            ("Devices", "\(ReportNumber.count(record.run.quantity)) of \(record.run.product)"),
            ("Losses allowed", ReportNumber.count(record.run.spoilage)),
            ("Opened", ReportTime.text(record.run.openedAt)),
        ]
        if let sealedAt = record.sealedAt { order.append(("Sealed", ReportTime.text(sealedAt))) }
        let file = FileManager.default.contents(atPath: path).map(Array.init)
        if let file {
            let digest = Array(SHA256.hash(data: file))
            books.further.append(
                RunBooks.Equation(
                    words: "the authorisation's file is the one that the ledger cites",
                    numbers: String(digest.hexText.prefix(16)) + "…",
                    holds: digest == record.run.authorisationDigest))
        } else {
            missing.append("the authorisation: \(path) cannot be read")
        }
        if let file,
            let approved = try? Approvers(site).approvedThen(file, as: AuthorisationStatement.self)
        {
            let statement = approved.statement
            for approval in approved.approvals {
                order.append(
                    (
                        "Approved by",
                        "\(approval.name), \(ReportTime.text(Int64(approval.time.timeIntervalSince1970)))"
                    ))
            }
            if let time = approved.countersigned {
                order.append(
                    (
                        "Countersigned",
                        "by the run authority, \(ReportTime.text(Int64(time.timeIntervalSince1970)))"
                    ))
            }
            order.append(
                (
                    "Approved for",
                    "\(ReportTime.text(statement.notBefore)) to \(ReportTime.text(statement.notAfter))"
                ))
            order.append(("Log as approved", "\(ReportNumber.count(Int(statement.treeSize))) entries"))
            order.append(("Its root", statement.rootHash.hexText))
        } else if file != nil {
            missing.append(
                "what the authorisation says: it does not verify under the roster and the run authority's key"
            )
        }
        order += [
            ("Manifest, list and station", record.run.manifestDigest.hexText),
            ("Authorisation", record.run.authorisationDigest.hexText),
            ("Log", site.origin + (site.isRehearsal ? " (rehearsal)" : "")),
        ]
    }

    /// What the devices' certificates are made by.
    private mutating func making(_ record: RunRecord, site: Site) {
        let manifest = try? ManifestCheck(path: site.runFolder(record.run.id) + "/manifest.yaml")
        if let template = manifest?.template { certificates.append(("Template", template)) }
        certificates.append(("Template, SHA-256", record.run.templateDigest.hexText))
        if let keyType = manifest?.keyType { certificates.append(("Keys", keyType.rawValue)) }
        if manifest?.delivery == .pkcs12 { certificates.append(("Delivery", KeyExposure.warning)) }
        certificates.append(("Valid from", ReportTime.text(record.run.notBefore)))
        guard let issuing = try? site.publishedKey(.issuingCA),
            let issuer = try? ReceivedCertificate(der: issuing.certificate)
        else {
            missing.append("the issuer: its certificate cannot be read")
            return
        }
        certificates += [
            ("Issuer", issuer.subjectText), ("Issuer's certificate, SHA-256", issuer.digest.hexText),
            (
                "Issuer's time",
                "\(ReportTime.text(issuer.notBefore)) to \(ReportTime.text(issuer.notAfter))"
            ),
        ]
    }

    /// The files that stand in the run's folder, but those that only tell of its course.
    private static func files(of id: String, site: Site) -> [Artefact] {
        let folder = site.runFolder(id)
        let passing: Set<String> = [LiveStatus.name, "timeline.jsonl", "manifest.path"]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            var isFolder: ObjCBool = false
            let path = folder + "/" + name
            guard !passing.contains(name), !name.contains(".new"), !name.hasPrefix("."),
                FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
                let digest = try? FileDigest(path)
            else { return nil }
            return Artefact(
                name: name == "authorisation.p7s" ? "authorisation" : name, place: "runs/\(id)/\(name)",
                size: digest.size, sha256: digest.sha256.hexText)
        }
    }

    private static func checks(of id: String, site: Site) -> [(purpose: String, command: String)] {
        [
            (
                "What was approved, and by which keys (how to verify them with openssl alone stands in Authorisation.md):",
                "openssl cms -cmsout -print -noout -inform DER -in runs/\(id)/authorisation.p7s"
            ),
            (
                "The log's signed state:",
                """
                openssl cms -verify -binary -inform DER -in log/checkpoint.p7s \\
                  -content log/checkpoint.txt -CAfile certificates/allowlist-signer.pem \\
                  -purpose any -out /dev/null
                """
            ),
            (
                "A device's certificate, under the issuers':",
                "openssl verify -CAfile certificates/root-ca.pem -untrusted certificates/issuing-ca.pem device.pem"
            ),
            ("That the files are those of this report:", "sha256sum runs/\(id)/*"),
            (
                "With this program, every entry and count of the list:",
                "rootline allowlist verify" + (site.isRehearsal ? " --allow-rehearsal" : "")
            ),
        ]
    }
}

/// What the published log says of a run.
private struct LoggedRun {
    var seal: RunBooks.Counts?
    var sealArtefact: RunReport.Artefact?
    /// `add` entries of the run up to its seal.
    var devices = 0

    init(_ record: RunRecord, site: Site) throws {
        let log = try PublishedLog(site)
        let size = log.checkpoint?.size ?? 0
        var entries = EntryFiles(in: BundleFolder(log.folder), treeSize: size)
        var index = record.run.openIndex
        while index < size {
            switch try entries.entry(at: index) {
            case .add(let device) where device.run == record.run.id:
                devices += 1
            case .seal(let entry) where entry.run == record.run.id:
                seal = RunBooks.Counts(
                    reserved: Int(clamping: entry.reserved), released: Int(clamping: entry.released),
                    scrapped: Int(clamping: entry.scrapped), burned: Int(clamping: entry.burned))
                sealArtefact = RunReport.Artefact(
                    name: "seal", place: "log, entry \(index), leaf hash (RFC 6962)", size: nil,
                    sha256: MerkleTree.leafHash(try entries.bytes(at: index)).bytes.hexText)
                return
            default: break
            }
            index += 1
        }
    }
}

/// The SHA-256 of a file, read in pieces.
private struct FileDigest {
    let sha256: [UInt8]
    let size: Int

    init(_ path: String) throws {
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        var (hash, size) = (SHA256(), 0)
        while let data = try handle.read(upToCount: 1 << 20), !data.isEmpty {
            hash.update(data: data)
            size += data.count
        }
        sha256 = Array(hash.finalize())
        self.size = size
    }
}

private enum ReportTime {
    /// Seconds UTC as `2026-11-24 23:40:05 UTC`.
    static func text(_ seconds: Int64) -> String {
        let text = Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
        return text.map { $0 == "T" ? " " : String($0) }.joined().dropLast() + " UTC"
    }
}
