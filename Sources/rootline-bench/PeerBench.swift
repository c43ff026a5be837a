import Foundation

/// `peer.*`: what others do with the same token; the ratio is ours to theirs.
struct PeerBench {
    let bench: Bench

    private static let rounds = 3
    private static let ourDevices = 20_000
    private static let pythonDevices = 8_000
    private static let opensslDevices = 150

    /// Where the Makefile puts Python's packages, or the reason why they are not there.
    private static let environment = ".build/peers"

    func rows() throws -> [BenchRow] {
        let site = try bench.site()
        let hasPython = FileManager.default.isExecutableFile(atPath: Self.environment + "/bin/python")
        if !hasPython {
            let reason = try? String(contentsOfFile: Self.environment + "/skipped", encoding: .utf8)
            guard let reason else {
                throw BenchError(description: "\(Self.environment) is missing: `make bench` makes it")
            }
            bench.say("peer.python-pkcs11 is left out: \(reason)")
        }
        _ = try site.makeRun(devices: 2_000)
        var python = Turns()
        var openssl = Turns()
        for round in 0..<Self.rounds {
            bench.say("peers: round \(round + 1) of \(Self.rounds)")
            let ours = try site.makeRun(devices: Self.ourDevices).rate
            if hasPython { python.add(ours, of: try runPython(site, round)) }
            openssl.add(ours, of: try runOpenSSL(site, round))
        }
        var rows: [BenchRow] = []
        if hasPython {
            rows.append(
                BenchRow(
                    "peer.python-pkcs11", python, "devices/s",
                    note:
                        "ours to theirs: python-pkcs11 and cryptography, \(bench.cores) processes with session copies; keys, certificates, wrapping, JSON lines; no ledger, log, checks or flushing; its start-up not counted"
                ))
        }
        rows.append(
            BenchRow(
                "peer.openssl-engine", openssl, "devices/s",
                note:
                    "ours to theirs: `openssl x509 -req` with the engine pkcs11, a process a device, over prepared requests; certificates alone"
            ))
        return rows
    }

    private func runPython(_ site: BenchSite, _ round: Int) throws -> Double {
        let folder = try bench.makeFolder("python-\(round)")
        let program = ChildProgram(
            path: bench.product.appendingPathComponent(Self.environment + "/bin/python").path,
            arguments: [
                script("python_pkcs11_peer.py"), site.tokenModule, "rootline-line", site.pinFile,
                try site.issuerLabel(), site.issuerCertificate, folder, "\(bench.cores)",
                "\(Self.pythonDevices)",
            ], environment: site.environment)
        return try rate(of: program)
    }

    private func runOpenSSL(_ site: BenchSite, _ round: Int) throws -> Double {
        let folder = try bench.makeFolder("openssl-\(round)")
        let program = ChildProgram(
            path: "/bin/sh",
            arguments: [
                script("openssl_engine_peer.sh"), "rootline-line", site.pinFile, try site.issuerLabel(),
                site.issuerCertificate, folder, "\(Self.opensslDevices)",
            ],
            environment: site.environment.merging(["PKCS11_MODULE_PATH": site.tokenModule]) { $1 })
        return try rate(of: program)
    }

    private func script(_ name: String) -> String {
        bench.product.appendingPathComponent("Sources/rootline-bench/Peers/\(name)").path
    }

    private func rate(of program: ChildProgram) throws -> Double {
        let text = try program.run().output
        guard let rate = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchError(description: "\(program.path) \(program.arguments) answered \(text)")
        }
        return rate
    }
}
