import Crypto
import TransparencyLog

/// A fingerprint of a set of index records that does not depend on their order.
///
/// The sum of SHA-256 over a secret and each record, word by word. The secret is drawn for each
/// verification, after the bundle was made, so nobody can prepare other records of the same sum. This
/// compares what the log gives with a sorted segment without sorting anything.
struct RecordMultiset: Hashable {
    private var sum: SIMD4<UInt64> = .zero

    /// The secret of one verification.
    struct Secret {
        fileprivate let bytes: [UInt8]

        init() {
            var generator = SystemRandomNumberGenerator()
            bytes = (0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
    }

    mutating func insert(_ record: IndexRecord, _ secret: Secret) {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
            // 24 bytes of secret and 40 of record.
            buffer.copyBytes(from: secret.bytes)
            record.hash.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: buffer[24..<56]).copyMemory(from: $0)
            }
            buffer.storeBytes(of: record.index.bigEndian, toByteOffset: 56, as: UInt64.self)
            let words = Digest32.sha256(UnsafeRawBufferPointer(buffer)).bigEndianWords
            sum &+= SIMD4(words.0, words.1, words.2, words.3)
        }
    }
}
