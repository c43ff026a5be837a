import Foundation

/// The yardstick: PKCS#11 calls in C and nothing else, with the key policy of the site's issuing key.
struct BareLoop {
    enum Arrangement: String, CaseIterable {
        /// Callers are threads of one process.
        case threads
        /// Callers are processes of one thread.
        case processes
    }

    struct Result {
        var arrangement: Arrangement
        /// Devices a second, start-up and each caller's first devices not counted.
        var rate: Double
        /// Microseconds of processor time a device, start-up included.
        var processorMicroseconds: Double
    }

    let bench: Bench
    let site: BenchSite

    /// Makes devices with so many callers at once, through `module` where that is not the token's own; with the
    /// requests of a device list, checks their proof of possession and signs instead.
    func run(
        _ arrangement: Arrangement, callers: Int, devices: Int, module: String? = nil,
        environment: [String: String] = [:], requests: String? = nil
    ) throws -> Result {
        let program = try bench.run(
            "bare-loop",
            [
                module ?? site.tokenModule, "rootline-line", site.pinFile, try site.issuerLabel(), "copies",
                arrangement.rawValue, "\(callers)", "\(devices)",
            ] + (requests.map { [$0] } ?? []), environment: site.environment.merging(environment) { $1 })
        guard let rate = Double(program.output.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchError(description: "bare-loop answered \(program.output)")
        }
        return Result(
            arrangement: arrangement, rate: rate,
            processorMicroseconds: program.processorSeconds / Double(devices) * 1_000_000)
    }
}
