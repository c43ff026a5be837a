import Crypto
import Foundation
import SignedStatements
import SwiftASN1
import Testing

@testable import Approvals

@Suite("No octet of an authorisation is free") struct MutationTests {
    @Test("Whatever bit of whatever octet is flipped, the authorisation is refused")
    func flipped() throws {
        let scene = try ApprovalScene(authority: P384.Signing.PrivateKey())
        let approvers = try scene.approvers
        let der = try scene.countersigned(try scene.approved(by: "alice", "bob")).der()
        _ = try approvers.approved(der, as: StandingStatement.self)
        for index in der.indices {
            for bit in 0..<8 {
                var changed = der
                changed[index] ^= 1 << bit
                #expect(throws: ApprovalError.self, "bit \(bit) of octet \(index)") {
                    try approvers.approved(changed, as: StandingStatement.self)
                }
            }
        }
    }

    @Test("Cut off anywhere, or with octets behind it, it is refused")
    func lengths() throws {
        let scene = try ApprovalScene()
        let approvers = try scene.approvers
        let der = try scene.countersigned(try scene.approved(by: "alice", "bob")).der()
        for changed in der.indices.map({ Array(der[..<$0]) }) + [der + [0], der + der, [0] + der] {
            let error = #expect(throws: ApprovalError.self) {
                try approvers.approved(changed, as: StandingStatement.self)
            }
            #expect(error?.code == .malformed)
        }
    }

    @Test("The same signatures in another order, or one of them twice, are another message and refused")
    func order() throws {
        let scene = try ApprovalScene()
        let approvers = try scene.approvers
        let message = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        let infos = try message.signers.map { try $0.der() }
        let good = try message.der()
        let set = infos.flatMap { $0 }
        let start = try #require(good.indices.last { good[$0...].starts(with: set) })
        func rebuilt(_ infos: [[UInt8]]) -> [UInt8] {
            // The lengths of everything around the set are written anew: the message is DER but for the set's order.
            let content = good[..<start]
            let version = content.firstRange(of: [0x02, 0x01, 0x03])?.lowerBound ?? 0
            let setHeader = content.lastIndex(of: 0x31) ?? 0
            let signedData = DER.tagged(
                0x30, Array(content[version..<setHeader]) + DER.tagged(0x31, infos.flatMap { $0 }))
            return DER.tagged(0x30, DER.tagged(0x06, OID.signedData) + DER.tagged(0xA0, signedData))
        }
        #expect(rebuilt(infos) == good)
        for changed in [infos.reversed(), [infos[1], infos[0], infos[2]], infos + [infos[2]]] {
            let error = #expect(throws: ApprovalError.self) {
                try approvers.approved(rebuilt(changed), as: StandingStatement.self)
            }
            #expect(error?.code == .malformed || error?.code == .repeated)
        }
    }

    @Test("The other form of a signature, n − s, is refused", arguments: [256, 384])
    func malleable(bits: Int) throws {
        let scene = try ApprovalScene(
            authority: bits == 256 ? P256.Signing.PrivateKey() : P384.Signing.PrivateKey())
        let message = try scene.countersigned(try scene.approved(by: "alice", "bob"))
        let signer = try #require(message.countersignatures.first)
        let raw: [UInt8]
        let order: [UInt8]
        if bits == 256 {
            raw = Array(
                try P256.Signing.ECDSASignature(derRepresentation: signer.signature).rawRepresentation)
            order = octets("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        } else {
            raw = Array(
                try P384.Signing.ECDSASignature(derRepresentation: signer.signature).rawRepresentation)
            order = octets(
                "ffffffffffffffffffffffffffffffffffffffffffffffff"
                    + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973")
        }
        let size = bits / 8
        var borrow = 0
        var s = Array(raw[size...])
        for index in stride(from: size - 1, through: 0, by: -1) {
            let difference = Int(order[index]) - Int(s[index]) - borrow
            s[index] = UInt8(truncatingIfNeeded: difference)
            borrow = difference < 0 ? 1 : 0
        }
        let other: [UInt8]
        let bytes = try signer.signedAttributes()
        if bits == 256 {
            let signature = try P256.Signing.ECDSASignature(rawRepresentation: raw[..<size] + s)
            let key = try P256.Signing.PublicKey(derRepresentation: scene.authority.publicKeyInfo)
            #expect(key.isValidSignature(signature, for: bytes))
            other = Array(signature.derRepresentation)
        } else {
            let signature = try P384.Signing.ECDSASignature(rawRepresentation: raw[..<size] + s)
            let key = try P384.Signing.PublicKey(derRepresentation: scene.authority.publicKeyInfo)
            #expect(key.isValidSignature(signature, for: bytes))
            other = Array(signature.derRepresentation)
        }
        let changed = try ApprovedMessage(
            content: message.content,
            signers: message.approvals + [
                SignerInfo(
                    keyDigest: signer.keyDigest, curve: signer.curve, signingTime: signer.signingTime,
                    messageDigest: signer.messageDigest, approvalsDigest: signer.approvalsDigest,
                    signature: other)
            ])
        let der = try changed.der()
        let error = #expect(throws: ApprovalError.self) {
            try scene.approvers.approved(der, as: StandingStatement.self)
        }
        #expect(error?.code == .signatureInvalid)
    }

    private func octets(_ text: String) -> [UInt8] {
        stride(from: 0, to: text.count, by: 2).compactMap { UInt8(text.dropFirst($0).prefix(2), radix: 16) }
    }
}
