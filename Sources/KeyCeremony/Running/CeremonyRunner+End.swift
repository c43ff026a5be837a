import CanonicalJSON
import Certificates
import Crypto
import Foundation
import Rosters
import SignedStatements
import Sites
import TokenKeys

// The end: what everybody signs, and what is published once they have.
extension CeremonyRunner {
    /// A file that publication leaves, with its bytes.
    private struct Publication {
        let path: String
        let bytes: [UInt8]
        /// Where a key is published: its request, and the certificate.
        var key: (request: KeyRequest, der: [UInt8])?
    }

    private func publications() -> [Publication] {
        script.steps.compactMap { step in
            switch step.content {
            case .signCertificate(let request):
                guard let made = script.keyRequest(request.subjectKey.value),
                    let der = record.certificates[made.label(rehearsal: site.isRehearsal).description]
                else { return nil }
                return Publication(
                    path: "certificates/"
                        + Site.certificateName(made.role.value.keyRole, made.generation),
                    bytes: Array(Site.certificatePEM(der).utf8), key: (made, der))
            case .signCRL(let request):
                guard let der = record.lists[step.id] else { return nil }
                return Publication(
                    path: "crls/\(request.issuerRole.value.rawValue)-\(request.number.value).crl", bytes: der)
            case .signRoster:
                guard let roster = try? madeRoster() else { return nil }
                return Publication(path: "rosters/\(roster.version).json", bytes: roster.fileBytes)
            default: return nil
            }
        }
    }

    /// The files that publication will leave, with the digests that they will have.
    func artefacts() -> [CeremonyArtefact] {
        publications().map {
            CeremonyArtefact(path: $0.path, digest: hexadecimal(SHA256.hash(data: $0.bytes)))
        }
    }

    func closingMembers() -> [String: JSONValue] {
        [
            "artefacts": .array(
                artefacts().map { ["path": .string($0.path), "fileDigest": .string($0.digest)] }),
            "exceptions": .integer(record.exceptions), "interruptions": .integer(record.interruptions),
            "inventories": .array(
                record.inventories.sorted { $0.key < $1.key }.map { token, objects in
                    [
                        "token": .string(token),
                        "before": .string(hexadecimal(SHA256.hash(data: objects.first.canonical))),
                        "after": .string(hexadecimal(SHA256.hash(data: objects.last.canonical))),
                    ]
                }),
        ]
    }

    /// Publishes what was made and signed off. Nothing of it is new: it follows from the transcript, and doing it again
    /// changes nothing.
    func publish() throws(CeremonyError) {
        for publication in publications() {
            try concerning(publication.path) {
                if let (request, der) = publication.key {
                    try site.publish(
                        PublishedKey(
                            label: request.label(rehearsal: site.isRehearsal), certificate: der,
                            tokenName: request.token.value, ceremony: ceremony, transcriptHead: journal.head),
                        as: request.generation)
                } else if publication.path.hasPrefix("crls/") {
                    try site.publishList(publication.path, publication.bytes)
                } else if let roster = try madeRoster(), !site.isRehearsal {
                    try site.publish(roster)
                }
            }
        }
    }

    // MARK: Paper

    /// Puts a document into the ceremony's folder.
    func print(_ document: PrintedDocument) throws(CeremonyError) {
        let (name, text) = try printed(document)
        let path = site.ceremonyFolder(ceremony) + "/" + name
        let bytes = Array(text.utf8)
        try concerning(path) { try site.storeDocument(path, bytes) }
        try note(
            "printed",
            [
                "what": .string(document.rawValue),
                "fileDigest": .string(hexadecimal(SHA256.hash(data: bytes))),
            ])
        show("Print \(path)")
    }

    private func printed(_ document: PrintedDocument) throws(CeremonyError) -> (name: String, text: String) {
        switch document {
        case .script: return ("script.html", script.printed(paper: .a4))
        case .certificate:
            let text = record.certificates.sorted { $0.key < $1.key }.map { Site.certificatePEM($0.value) }
            return ("certificates.pem", text.joined())
        case .report:
            let transcript = try Transcript.read(path: journal.path)
            return ("report-so-far.html", CeremonyReport(lines: transcript.lines).html())
        }
    }
}
