import Crypto
import Foundation

/// `run.verify-all`: what it costs to verify each certificate's signature, and not a sample of them.
struct VerificationBench {
    let bench: Bench

    private static let devices = 50_000
    private static let signatures = 4_000
    private static let rounds = 3

    func rows() throws -> [BenchRow] {
        let site = try bench.site()
        let bareLoop = BareLoop(bench: bench, site: site)
        let check = try SignatureCheck(count: Self.signatures)
        _ = try site.makeRun(devices: 2_000)
        var runs = Turns()
        var processor = Turns()
        var signatures = Turns()
        for round in 0..<Self.rounds {
            bench.say("verify-all: round \(round + 1) of \(Self.rounds)")
            let sampling = try site.makeRun(devices: Self.devices)
            let verifying = try site.makeRun(devices: Self.devices, options: ["--verify-all"])
            runs.add(verifying.rate, of: sampling.rate)
            processor.add(verifying.processorMicroseconds, of: sampling.processorMicroseconds)
            let bare = try bareLoop.run(.processes, callers: bench.cores, devices: 20_000)
            signatures.add(try check.microseconds(), of: bare.processorMicroseconds)
        }
        return [
            BenchRow(
                "run.verify-all", runs, "devices/s",
                note:
                    "\(Self.devices) devices, the whole command with --verify-all, of without it (a sample: each chunk's first certificate)"
            ),
            BenchRow(
                "run.verify-all.processor", processor, "µs/device", note: "processor time, all processes"),
            BenchRow(
                "run.verify-all.signature", signatures, "µs",
                note:
                    "one ECDSA P-256 verification with swift-crypto on one core, of the processor time that the token takes for a device"
            ),
        ]
    }
}

/// Signatures over data as long as a device certificate's to-be-signed part.
private struct SignatureCheck {
    private let key: P256.Signing.PublicKey
    private let signed: [(data: Data, signature: P256.Signing.ECDSASignature)]

    init(count: Int) throws {
        let privateKey = P256.Signing.PrivateKey()
        signed = try (0..<count).map { index in
            let data = Data((0..<440).map { UInt8(truncatingIfNeeded: $0 ^ index) })
            return (data, try privateKey.signature(for: data))
        }
        key = try P256.Signing.PublicKey(derRepresentation: privateKey.publicKey.derRepresentation)
    }

    /// Microseconds that the verification of one signature takes.
    func microseconds() throws -> Double {
        let clock = ContinuousClock()
        let begun = clock.now
        for (data, signature) in signed where !key.isValidSignature(signature, for: data) {
            throw BenchError(description: "a good signature does not verify")
        }
        return begun.duration(to: clock.now) / .microseconds(1) / Double(signed.count)
    }
}
