import Crypto
import PKCS11
import SecretSharing

/// The PINs of a token that a quorum opens, as they follow from the secret that its holders share.
///
/// Both the user's and the security officer's: whoever had the latter could set the former anew. Each is 130 bits of
/// HKDF-SHA256 (RFC 5869; no salt; `info` as below) in 26 letters and digits of base32 (RFC 4648 §6, lower case), which
/// tokens take that are particular about characters. `Activation.md` shows how to get them by hand.
package enum ActivationPIN {
    /// Octets of the secret: SLIP-39's shortest, 128 bits.
    package static let secretLength = 16
    private static let length = 26

    package static func info(_ user: UserType) -> String {
        "rootline/activation/v1 " + (user == .user ? "user" : "security-officer")
    }

    package static func make(_ user: UserType, from secret: SecretBytes) -> PIN {
        // SymmetricKey zeroes its own memory; the letters are zeroed when the PIN takes them over.
        let key = secret.withBytes { SymmetricKey(data: $0) }
        let output = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key, info: Array(info(user).utf8), outputByteCount: 17)
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var letters = [UInt8](repeating: 0, count: length)
        output.withUnsafeBytes { bytes in
            for index in 0..<length {
                let bit = index * 5
                let pair =
                    UInt16(bytes[bit / 8]) << 8 | UInt16(bit / 8 + 1 < bytes.count ? bytes[bit / 8 + 1] : 0)
                letters[index] = alphabet[Int(pair >> UInt16(11 - bit % 8)) & 31]
            }
        }
        return PIN(consuming: &letters)
    }
}

extension SecretBytes {
    /// What is kept of a share so that a wrong one can be named: a hash tells nothing of 128 random bits.
    package func commitment(set: String) -> String {
        var hash = SHA256()
        hash.update(data: Array("rootline/share-commitment/v1 \(set)\n".utf8))
        withBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
