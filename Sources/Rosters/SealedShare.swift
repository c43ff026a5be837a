import CanonicalJSON
import Crypto
import Foundation
import SecretSharing

/// A share, encrypted to its holder: HPKE in base mode (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and
/// AES-256-GCM, and bound to token, set and holder by HPKE's `info`.
///
/// The holder's private key stays on its token, which does one ECDH (PKCS#11 `CKM_ECDH1_DERIVE`); what follows from its
/// answer is done here. Any HPKE library opens a share with a key that is at hand.
public struct SealedShare: Sendable, Hashable {
    /// The serial number of the token that the share helps to open.
    public let token: String
    /// The set that the share belongs to: shares of two sets never open anything together.
    public let set: String
    public let holder: String
    public let isRehearsal: Bool
    /// The uncompressed point of the sender's ephemeral key, 65 octets.
    public let encapsulatedKey: [UInt8]
    /// With the tag of 16 octets behind.
    public let ciphertext: [UInt8]

    private static let suite = HPKE.Ciphersuite.P256_SHA256_AES_GCM_256

    /// What the ciphertext is bound to.
    private static func info(token: String, set: String, holder: String, rehearsal: Bool) -> [UInt8] {
        let tag = rehearsal ? "rootline/rehearsal-share/v1\n" : "rootline/share/v1\n"
        return Array(tag.utf8)
            + JSONValue.object([
                "token": .string(token), "set": .string(set), "holder": .string(holder),
            ]).canonical
    }

    /// Encrypts `share` to `shareKey`, a SubjectPublicKeyInfo on P-256.
    public init(
        _ share: SecretBytes, token: String, set: String, holder: String, shareKey: [UInt8], rehearsal: Bool
    ) throws(RosterError) {
        do {
            let recipient = try P256.KeyAgreement.PublicKey(derRepresentation: shareKey)
            var sender = try HPKE.Sender(
                recipientKey: recipient, ciphersuite: SealedShare.suite,
                info: Data(SealedShare.info(token: token, set: set, holder: holder, rehearsal: rehearsal)))
            encapsulatedKey = Array(sender.encapsulatedKey)
            ciphertext = try share.withBytes { Array(try sender.seal(UnsafeRawBufferPointer($0))) }
        } catch {
            throw RosterError(
                .shareRefused, holder, "the share cannot be encrypted to the holder's key: \(error)")
        }
        self.token = token
        self.set = set
        self.holder = holder
        isRehearsal = rehearsal
    }

    /// Opens the share; `agree` answers the x-coordinate of ECDH between the holder's key and a point.
    func open(
        holder: String, agree: ([UInt8]) throws(RosterError) -> [UInt8], recipient: () -> [UInt8]
    ) throws(RosterError) -> SecretBytes {
        guard holder == self.holder else {
            throw RosterError(.shareRefused, holder, "the share is \(self.holder)'s")
        }
        var shared = try agree(encapsulatedKey)
        defer {
            shared.withUnsafeMutableBytes {
                if let start = $0.baseAddress { explicit_bzero(start, $0.count) }
            }
        }
        let schedule = HPKEKeySchedule(
            sharedPoint: shared, encapsulatedKey: encapsulatedKey, recipientKey: recipient(),
            info: SealedShare.info(token: token, set: set, holder: holder, rehearsal: isRehearsal))
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: schedule.baseNonce), ciphertext: ciphertext.dropLast(16),
                tag: ciphertext.suffix(16))
            var plain = Array(try AES.GCM.open(box, using: schedule.key))
            return SecretBytes(consuming: &plain)
        } catch {
            throw RosterError(
                .shareRefused, holder, "the share does not open with this key",
                hint: "It was changed, or it is another token's, set's or holder's.")
        }
    }

    // MARK: As a file

    /// One JSON object in canonical form.
    public var bytes: [UInt8] {
        JSONValue.object([
            "version": 1, "rehearsal": .bool(isRehearsal), "token": .string(token), "set": .string(set),
            "holder": .string(holder), "kem": "DHKEM(P-256, HKDF-SHA256)", "kdf": "HKDF-SHA256",
            "aead": "AES-256-GCM",
            "encapsulatedKey": .string(Data(encapsulatedKey).base64EncodedString()),
            "ciphertext": .string(Data(ciphertext).base64EncodedString()),
        ]).canonical
    }

    /// Reads such a file; `path` names it in errors.
    public init(reading bytes: [UInt8], path: String) throws(RosterError) {
        guard let value = JSONValue(canonical: bytes), value["version"] == 1,
            case .bool(let rehearsal)? = value["rehearsal"], let token = value["token"]?.text,
            let set = value["set"]?.text, let holder = value["holder"]?.text,
            let key = value["encapsulatedKey"]?.text.flatMap({ Data(base64Encoded: $0) }),
            let ciphertext = value["ciphertext"]?.text.flatMap({ Data(base64Encoded: $0) }),
            ciphertext.count > 16
        else {
            throw RosterError(.shareRefused, path, "is no share in the form of version 1")
        }
        self.token = token
        self.set = set
        self.holder = holder
        isRehearsal = rehearsal
        encapsulatedKey = Array(key)
        self.ciphertext = Array(ciphertext)
    }
}

/// RFC 9180 §4.1 and §5.1 from the shared point on, in base mode.
///
/// swift-crypto's HPKE needs the private key in memory; a token's key is not to be had.
struct HPKEKeySchedule {
    let key: SymmetricKey
    let baseNonce: [UInt8]

    private static let kem: [UInt8] = Array("KEM".utf8) + [0x00, 0x10]
    private static let hpke: [UInt8] = Array("HPKE".utf8) + [0x00, 0x10, 0x00, 0x01, 0x00, 0x02]

    init(sharedPoint: [UInt8], encapsulatedKey: [UInt8], recipientKey: [UInt8], info: [UInt8]) {
        let (kem, hpke) = (HPKEKeySchedule.kem, HPKEKeySchedule.hpke)
        let prk = Self.extract(salt: [], "eae_prk", sharedPoint, suite: kem)
        let secret = Self.expand(
            prk, "shared_secret", encapsulatedKey + recipientKey, length: 32, suite: kem)
        // The mode octet, then the hashes of the absent pre-shared key's id and of the info.
        let context =
            [0x00] + Self.extract(salt: [], "psk_id_hash", [], suite: hpke)
            + Self.extract(salt: [], "info_hash", info, suite: hpke)
        let master = Self.extract(salt: secret, "secret", [], suite: hpke)
        key = SymmetricKey(data: Self.expand(master, "key", context, length: 32, suite: hpke))
        baseNonce = Self.expand(master, "base_nonce", context, length: 12, suite: hpke)
    }

    private static func extract(
        salt: [UInt8], _ label: String, _ material: [UInt8], suite: [UInt8]
    ) -> [UInt8] {
        let labeled = Array("HPKE-v1".utf8) + suite + Array(label.utf8) + material
        return HKDF<SHA256>.extract(inputKeyMaterial: SymmetricKey(data: labeled), salt: salt).withUnsafeBytes
        {
            Array($0)
        }
    }

    private static func expand(
        _ prk: [UInt8], _ label: String, _ info: [UInt8], length: Int, suite: [UInt8]
    ) -> [UInt8] {
        let labeled =
            [UInt8(length >> 8), UInt8(length & 255)] + Array("HPKE-v1".utf8) + suite + Array(label.utf8)
            + info
        return HKDF<SHA256>.expand(pseudoRandomKey: prk, info: labeled, outputByteCount: length)
            .withUnsafeBytes { Array($0) }
    }
}
