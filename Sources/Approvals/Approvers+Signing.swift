import Crypto
import Foundation
import Rosters
import SignedStatements
import TokenKeys

extension Approvers {
    /// Adds a member's approval, signed with the key of their own.
    ///
    /// Refused where the member has approved already, or may not; the result is verified before it is answered.
    public func approve(
        _ message: ApprovedMessage, as name: String, with credential: any Credential, at now: Date = Date()
    ) throws -> ApprovedMessage {
        let member = try member(name)
        let given = try approvals(in: message)
        guard !message.isCountersigned else {
            throw ApprovalError(
                .malformed, "approval", "is countersigned already: nobody approves after \(countersignerName)"
            )
        }
        guard !given.contains(where: { $0.name == name }) else {
            throw ApprovalError(
                .repeated, name, "has approved already: one member is one approval",
                hint: given.count >= needed
                    ? "The quorum is there: \(countersignerName) countersigns with --countersign."
                    : "\(needed - given.count) more of the others are needed.")
        }
        guard credential.signingKey == member.signingKey else {
            throw ApprovalError(.signatureInvalid, name, "brought another key than the roster says")
        }
        let time = Int64(now.timeIntervalSince1970)
        let digest = StrictSignature.Curve.p256.hash(message.content)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: time, messageDigest: digest, approvalsDigest: nil)
        let signer = SignerInfo(
            keyDigest: Array(SHA256.hash(data: member.signingKey)), curve: .p256, signingTime: time,
            messageDigest: digest, approvalsDigest: nil, signature: try credential.signature(over: bytes))
        let signed = try message.adding(signer)
        _ = try approvals(in: signed)
        return signed
    }

    /// Adds the run authority's signature, over the statement and over exactly the approvals that are there.
    ///
    /// Refused short of the quorum, and by any key but the site's run authority; the result is verified before it is
    /// answered.
    public func countersign(
        _ message: ApprovedMessage, with key: TokenKey, at now: Date = Date()
    ) throws -> ApprovedMessage {
        guard key.publicKeyInfo == authority.publicKeyInfo else {
            throw ApprovalError(
                .authorityForeign, key.label.description,
                "is not the key of the site's \(countersigner.rawValue)")
        }
        return try countersign(message, at: now) { try key.signature(over: $0) }
    }

    func countersign(
        _ message: ApprovedMessage, at now: Date, sign: ([UInt8]) throws -> [UInt8]
    ) throws -> ApprovedMessage {
        try requireQuorum(try approvals(in: message))
        guard !message.isCountersigned else {
            throw ApprovalError(.repeated, "approval", "is countersigned already")
        }
        let time = Int64(now.timeIntervalSince1970)
        let digest = authority.curve.hash(message.content)
        let seen = try ApprovedMessage.digest(ofApprovals: message.approvals)
        let bytes = try SignerInfo.signedAttributes(
            signingTime: time, messageDigest: digest, approvalsDigest: seen)
        guard let signature = StrictSignature.der(try sign(bytes), curve: authority.curve),
            StrictSignature.isValid(
                signature, over: bytes, key: authority.publicKeyInfo, curve: authority.curve)
        else { throw ApprovalError(.signatureInvalid, countersignerName, "the signature does not verify") }
        return try message.adding(
            SignerInfo(
                keyDigest: authority.digest, curve: authority.curve, signingTime: time,
                messageDigest: digest, approvalsDigest: seen, signature: signature))
    }
}
