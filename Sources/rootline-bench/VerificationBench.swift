import Crypto
import Foundation

/// `run.verify-all`: what it would cost to verify each certificate's signature, and not a sample of them.
struct VerificationBench {
    let bench: Bench

    private static let signatures = 4_000
    private static let rounds = 5

    func rows() throws -> [BenchRow] {
        let key = P256.Signing.PrivateKey()
        var signed: [(data: Data, signature: P256.Signing.ECDSASignature)] = []
        for index in 0..<Self.signatures {
            // As long as a device certificate's to-be-signed part.
            let data = Data((0..<440).map { UInt8(truncatingIfNeeded: $0 ^ index) })
            signed.append((data, try key.signature(for: data)))
        }
        let publicKey = try P256.Signing.PublicKey(derRepresentation: key.publicKey.derRepresentation)
        let site = try bench.site()
        let bareLoop = BareLoop(bench: bench, site: site)
        var microseconds: [Double] = []
        var bare: [Double] = []
        for round in 0..<Self.rounds {
            bench.say("verify-all: round \(round + 1) of \(Self.rounds)")
            let clock = ContinuousClock()
            let begun = clock.now
            for (data, signature) in signed where !publicKey.isValidSignature(signature, for: data) {
                throw BenchError(description: "a good signature does not verify")
            }
            microseconds.append(begun.duration(to: clock.now) / .microseconds(1) / Double(signed.count))
            bare.append(
                try bareLoop.run(.processes, callers: bench.cores, devices: 20_000).processorMicroseconds)
        }
        return [
            BenchRow(
                "run.verify-all", median(microseconds), "µs/certificate", of: median(bare),
                note:
                    "one ECDSA P-256 verification with swift-crypto on one core, of the processor time that the token takes for a device"
            )
        ]
    }
}
