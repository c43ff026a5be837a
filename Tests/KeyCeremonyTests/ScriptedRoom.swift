import Foundation
import KeyCeremony
import PKCS11
import SecretSharing
import TestTokens

/// The people of a live site, who answer as the script expects, know their own PINs and those of new tokens, and
/// can be told to misbehave.
///
/// Each hook may answer in a person's stead; where it answers nil, the person does as expected.
final class ScriptedRoom: CeremonyRoom {
    private var pins: [String: String] = [:]
    private var shares: [String: [UInt8]] = [:]

    var onAsk: (CeremonyQuestion) throws(CeremonyError) -> CeremonyReply? = { _ in nil }
    var onPIN: (PINRequest, String?) throws(CeremonyError) -> String? = { _, _ in nil }
    var onShare: (String, String?) throws(CeremonyError) -> String? = { _, _ in nil }
    var onBreak: () throws(CeremonyError) -> Void = {}
    /// Called when a step begins, before anything of it is done.
    var onStep: (String) -> Void = { _ in }

    /// What the people saw.
    private(set) var shown: [String] = []
    private(set) var questions: [CeremonyQuestion] = []
    private(set) var requests: [PINRequest] = []
    /// Why PINs and shares were refused.
    private(set) var refusals: [String] = []

    init(_ live: LiveSite) {
        for person in live.people { pins[person.name] = person.token.pinText }
        for (name, token) in live.tokens {
            pins["user of \(name)"] = token.pinText
            pins["officer of \(name)"] = token.securityOfficerPINText
        }
    }

    // MARK: Misbehaviour

    /// Replies so to the first question of a step that is of another kind than `done`.
    func reply(_ reply: CeremonyReply, at step: String) {
        var isPending = true
        onAsk = { question in
            guard isPending, question.step == step, question.kind != .done else { return nil }
            isPending = false
            return reply
        }
    }

    /// Types another PIN, so many times, when a person is asked for theirs.
    func type(_ pin: String, for name: String, times: Int, purpose: String = "") {
        var left = times
        onPIN = { request, _ in
            guard case .credential(name, _, let wanted) = request, left > 0,
                purpose.isEmpty || wanted.contains(purpose)
            else { return nil }
            left -= 1
            return pin
        }
    }

    static let hungUp = CeremonyError(.interrupted, "terminal", "the terminal has hung up")

    // MARK: CeremonyRoom

    func tell(_ event: CeremonyEvent) {
        switch event.phase {
        case .began: onStep(event.step)
        case .shown: shown.append(event.text)
        case .digest, .ended: break
        }
    }

    func ask(_ question: CeremonyQuestion) throws(CeremonyError) -> CeremonyReply {
        questions.append(question)
        if let reply = try onAsk(question) { return reply }
        switch question.kind {
        case .done: return .answer("")
        case .yesNo: return .answer("yes")
        case .irreversible: return .answer("Yes")
        case .text(let example): return .answer(example)
        case .choice(_, let example): return .answer(example)
        case .digest(let expected): return .answer(expected)
        }
    }

    func pin(_ request: PINRequest, refusal: String?) throws(CeremonyError) -> PIN {
        requests.append(request)
        if let refusal { refusals.append(refusal) }
        if let text = try onPIN(request, refusal) { return TestTokens.pin(text) }
        let text: String?
        switch request {
        case .credential(let name, _, _): text = pins[name]
        case .initial(let token, let user): text = pins["\(user == .user ? "user" : "officer") of \(token)"]
        case .token(let token): text = pins["user of \(token)"]
        }
        guard let text else {
            throw CeremonyError(.personRefused, "\(request)", "nobody here knows this PIN")
        }
        return TestTokens.pin(text)
    }

    func show(share: SecretBytes, to holder: String) throws(CeremonyError) {
        shares[holder] = share.withBytes { Array($0) }
    }

    func share(of holder: String, refusal: String?) throws(CeremonyError) -> SecretBytes {
        if let refusal { refusals.append(refusal) }
        if let text = try onShare(holder, refusal) {
            var bytes = Array(text.utf8)
            return SecretBytes(consuming: &bytes)
        }
        var bytes = shares[holder] ?? []
        return SecretBytes(consuming: &bytes)
    }

    func waitForEndOfBreak(reason: String) throws(CeremonyError) { try onBreak() }

    /// The words that a holder was shown.
    func words(of holder: String) -> [String] {
        String(decoding: shares[holder] ?? [], as: UTF8.self).split(separator: " ").map(String.init)
    }
}
