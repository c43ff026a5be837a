import CanonicalJSON
import Crypto
import Foundation
import Glibc
import Sites
import TokenKeys

/// Takes a checked script's steps one by one, and writes what was meant, done and seen into the transcript.
///
/// Nothing in it knows who takes part or how tokens are opened: a rehearsal hands it stand-ins.
final class CeremonyRunner {
    let script: CeremonyScript
    let site: Site
    let participants: [any Participant]
    let answers: CeremonyAnswers
    private let progress: (CeremonyEvent) -> Void
    let journal: TranscriptWriter
    /// The ceremony's folder under `ceremonies/`.
    let ceremony: String
    private let began = Date()

    var tokens: [String: OpenToken] = [:]
    var keys: [String: TokenKey] = [:]
    var certificates: [String: [UInt8]] = [:]
    private var isManifestWritten = false
    private var step: CeremonyStep?
    private var number = 0

    /// Makes the ceremony's folder and its transcript's first line.
    init(
        _ script: CeremonyScript, site: Site, participants: [any Participant], answers: CeremonyAnswers,
        progress: @escaping (CeremonyEvent) -> Void
    ) throws(CeremonyError) {
        self.script = script
        self.site = site
        self.participants = participants
        self.answers = answers
        self.progress = progress
        let lineage = try Lineage(of: site)
        ceremony = try CeremonyRunner.makeFolder(site, script.id)
        journal = try TranscriptWriter(creating: site.ceremonyFolder(ceremony) + "/transcript.jsonl")
        try journal.append(
            "begin",
            [
                "version": 1, "tool": .string(Release.name), "ceremony": .string(ceremony),
                "rehearsal": .bool(site.isRehearsal), "origin": .string(site.origin),
                "sequence": .integer(lineage.sequence), "previous": lineage.previous,
                "script": [
                    "id": .string(script.id), "kind": .string(script.kind.rawValue),
                    "title": .string(script.title), "cp": .string(script.policy),
                    "digest": .string(script.digest),
                ],
                "participants": .array(
                    participants.map {
                        [
                            "role": .string($0.role.rawValue), "name": .string($0.name),
                            "publicKey": .base64($0.publicKeyInfo),
                        ]
                    }),
            ], at: began)
    }

    /// The first free name among `root-ca`, `root-ca-2`, …: a ceremony that stopped keeps its folder.
    private static func makeFolder(_ site: Site, _ id: String) throws(CeremonyError) -> String {
        try concerning(site.path("ceremonies")) {
            try FileManager.default.createDirectory(
                atPath: site.path("ceremonies"), withIntermediateDirectories: true)
        }
        for number in 1...9999 {
            let name = number == 1 ? id : "\(id)-\(number)"
            if mkdir(site.ceremonyFolder(name), 0o755) == 0 { return name }
            guard errno == EEXIST else {
                throw CeremonyError(
                    .cannotCreate, site.ceremonyFolder(name), String(cString: strerror(errno)))
            }
        }
        throw CeremonyError(.cannotCreate, site.ceremonyFolder(id), "no free name is left")
    }

    func run() throws(CeremonyError) -> CeremonyOutcome {
        do {
            for step in script.steps {
                self.step = step
                number += 1
                try perform(step)
            }
            return try close()
        } catch {
            // The transcript of a ceremony that stopped says where and why. If even that fails, the first
            // reason is the one to report.
            try? journal.append(
                "stopped",
                [
                    "step": .string(step?.id ?? ""), "code": .string(error.code.rawValue),
                    "message": .string(error.message),
                ])
            throw error
        }
    }

    func show(_ text: String) { tell(.shown, text) }

    private func tell(_ phase: CeremonyEvent.Phase, _ text: String) {
        guard let step else { return }
        progress(
            CeremonyEvent(
                phase: phase, step: step.id, action: step.action, actor: step.actor, number: number,
                count: script.steps.count, text: text))
    }

    /// Writes an event of the step at hand.
    func note(_ type: String, _ members: [String: JSONValue]) throws(CeremonyError) {
        var members = members
        members["step"] = .string(step?.id ?? "")
        try journal.append(type, members)
    }

    /// Everybody who holds one of the roles, in the roles' order.
    private func holders(_ roles: [CeremonyRole]) -> [any Participant] {
        roles.flatMap { role in participants.filter { $0.role == role } }
    }

    private func perform(_ step: CeremonyStep) throws(CeremonyError) {
        tell(.began, step.text)
        try note(
            "step",
            [
                "do": .string(step.action.rawValue), "expectedMinutes": .integer(step.minutes),
                "irreversible": .bool(step.isIrreversible),
                "actors": .array(holders([step.actor]).map(\.json)),
                "witnesses": .array(holders(step.witnesses).map(\.json)),
            ])
        switch step.content {
        case .say: break
        case .check: try check(step)
        case .record(let example): try note("answer", ["answer": .string(answers[step.id] ?? example)])
        case .inventory(let token): try inventory(token.value)
        case .login(let token): try login(token.value)
        case .generateKey(let request): try generate(request)
        case .verifyKey(let name): try verify(name.value)
        case .signCertificate(let request): try sign(request)
        case .readOut(let exhibit): try readOut(exhibit)
        case .compare(let exhibit): try compare(step, exhibit)
        case .signOff: try signOff(step)
        }
        tell(.ended, "")
    }

    // MARK: What people answer

    private func check(_ step: CeremonyStep) throws(CeremonyError) {
        let answer = (answers[step.id] ?? "yes").lowercased()
        let isYes = answer == "yes" || answer == "true"
        guard isYes || answer == "no" || answer == "false" else {
            throw CeremonyError(.answersInvalid, "step \(step.id)", "a check is answered with yes or no")
        }
        try note("answer", ["answer": .string(isYes ? "yes" : "no")])
        guard isYes else {
            throw CeremonyError(
                .answerRefused, "step \(step.id)", "the check was answered with no",
                hint: "Put right what the step asks for and begin again; the transcript keeps this attempt.")
        }
    }

    private func value(of exhibit: Exhibit) -> (of: String, key: JSONValue, value: String) {
        switch exhibit {
        case .head: return ("head", .null, journal.head)
        case .key(let name):
            let key = keys[name.value]?.publicKeyInfo ?? []
            return ("key", .string(name.value), hexadecimal(SHA256.hash(data: key)))
        case .certificate(let name):
            let der = certificates[name.value] ?? []
            return ("certificate", .string(name.value), hexadecimal(SHA256.hash(data: der)))
        }
    }

    private func readOut(_ exhibit: Exhibit) throws(CeremonyError) {
        let (of, key, value) = value(of: exhibit)
        show(Self.inGroups(value))
        try note("read-out", ["of": .string(of), "key": key, "value": .string(value)])
    }

    private func compare(_ step: CeremonyStep, _ exhibit: Exhibit) throws(CeremonyError) {
        let (of, key, value) = value(of: exhibit)
        show(Self.inGroups(value))
        let answer = answers[step.id].map { $0.lowercased().filter { !$0.isWhitespace } } ?? value
        try note(
            "compare",
            ["of": .string(of), "key": key, "value": .string(value), "takenDown": .string(answer)])
        guard answer == value else {
            throw CeremonyError(
                .answerRefused, "step \(step.id)", "what was taken down is not what the machine shows",
                hint: "Somebody misheard, or the machine shows another thing than it did: find out which.")
        }
    }

    /// A digest in groups of four digits, as it is read aloud.
    static func inGroups(_ digest: String) -> String {
        stride(from: 0, to: digest.count, by: 4).map { String(digest.dropFirst($0).prefix(4)) }
            .joined(separator: " ")
    }

    // MARK: Sign-offs and the end

    private func signOff(_ step: CeremonyStep) throws(CeremonyError) {
        if !isManifestWritten && !certificates.isEmpty {
            isManifestWritten = true
            try note("artefacts", ["artefacts": .array(artefacts().map(\.json))])
        }
        for person in holders([step.actor] + step.witnesses) {
            // Each signs the head that the one before has left, so the order is in the signatures.
            let statement = SignOffStatement(
                head: journal.head, step: step.id, role: person.role.rawValue, name: person.name)
            let bytes = statement.bytes(rehearsal: site.isRehearsal)
            let signature = try person.signature(over: bytes)
            guard SignOffStatement.isValid(signature: signature, over: bytes, key: person.publicKeyInfo)
            else {
                throw CeremonyError(
                    .signOffInvalid, "step \(step.id)", "\(person.name)'s signature does not verify")
            }
            show("\(person.name) signs \(Self.inGroups(String(journal.head.prefix(16)))) …")
            try note(
                "sign-off",
                [
                    "role": .string(person.role.rawValue), "name": .string(person.name),
                    "signature": .base64(signature),
                ])
        }
    }

    /// The files that publication will leave, with the digests that they will have.
    private func artefacts() -> [CeremonyArtefact] {
        script.steps.compactMap { step in
            guard case .signCertificate(let request) = step.content,
                let der = certificates[request.subjectKey.value],
                let role = script.keyRequest(request.subjectKey.value)?.role.value
            else { return nil }
            return CeremonyArtefact(
                path: "certificates/\(role.rawValue).pem",
                digest: hexadecimal(SHA256.hash(data: Data(Site.certificatePEM(der).utf8))))
        }
    }

    /// Publishes what was made and signed off, and writes the last line.
    private func close() throws(CeremonyError) -> CeremonyOutcome {
        for step in script.steps {
            guard case .signCertificate(let request) = step.content,
                let key = keys[request.subjectKey.value], let der = certificates[request.subjectKey.value],
                let made = script.keyRequest(request.subjectKey.value)
            else { continue }
            self.step = step
            let role = key.label.role
            try note(
                "intent",
                [
                    "effect": "publish", "label": .string(key.label.description),
                    "path": .string("certificates/\(role.rawValue).pem"), "token": .string(made.token.value),
                ])
            let published = PublishedKey(
                label: key.label, certificate: der, tokenName: made.token.value, ceremony: ceremony,
                transcriptHead: journal.head)
            try concerning("certificates/\(role.rawValue).pem") { try site.publish(published) }
            let found = try concerning(role.rawValue) { try site.publishedKey(role) }
            guard found == published else {
                throw CeremonyError(
                    .io, "certificates/\(role.rawValue).json", "does not read back as written")
            }
            try note("observed", ["effect": "publish", "path": .string("certificates/\(role.rawValue).pem")])
        }
        step = nil
        let minutes = Int((Date().timeIntervalSince(began) / 60).rounded(.down)) + 1
        try journal.append("end", ["steps": .integer(script.steps.count)])
        return CeremonyOutcome(
            id: ceremony, transcript: journal.path, head: journal.head, artefacts: artefacts(),
            minutes: minutes, isRehearsal: site.isRehearsal)
    }
}

extension CeremonyArtefact {
    var json: JSONValue { ["path": .string(path), "fileDigest": .string(digest)] }
}
