import Foundation

extension Place {
    /// Goes on with the run until it is sealed, with `faults` in the tries one after another and none after them.
    ///
    /// Answers what is not as it should be on the way: an end that is neither done nor a kill, a device that can be
    /// seen and is not recorded, counts that do not add up.
    func finish(_ faults: [Fault] = [], options: [String] = ["--workers", "2"]) throws -> [String] {
        var findings: [String] = []
        var rest = faults[...]
        for _ in 0..<(faults.count + 4) {
            findings += try lookBetween()
            let status = try status()
            if status?.state == "sealed" { return findings }
            let fault = rest.popFirst() ?? .none
            let outcome = try making(fault, resuming: status != nil, options: options).wait()
            guard outcome.code == 0 || outcome.code == 128 + 9 else {
                // What a fault makes fail is tried again; without one it must not fail.
                if !fault.files.isEmpty || !fault.token.isEmpty || !fault.workers.isEmpty { continue }
                return findings + ["\(fault): exit \(outcome.code): \(outcome.errors)"]
            }
        }
        if try status()?.state != "sealed" { findings.append("not sealed after all these tries") }
        return findings
    }

    /// What must hold at any moment, whatever happened before.
    func lookBetween() throws -> [String] {
        guard let status = try status() else { return visible == 0 ? [] : ["packages of no run"] }
        var findings: [String] = []
        if visible > status.released { findings.append("\(visible) visible, \(status.released) recorded") }
        let settled = status.released + status.scrapped + status.burned + status.outstanding
        if status.reserved != settled { findings.append("\(status.reserved) reserved, \(settled) settled") }
        return findings
    }

    /// Everything that is wrong with the sealed site, in words: `Programs/audit_run.py` says what it proves.
    ///
    /// - Parameters:
    ///   - runs: the runs in their order, each with its first number and how many were released.
    ///   - checks: signatures that each worker makes beside devices' certificates.
    func audit(_ runs: [(String, Int, Int)] = [], checks: Int = 1) throws -> [String] {
        let runs = runs.isEmpty ? [("batch", 1, rows)] : runs
        let status = try succeed(["run", "status", "--format", "json", "--site", site])
        let verified = try run(
            ["allowlist", "verify", "--allow-rehearsal", "--format", "json", "--site", site])
        guard verified.code == 0 else { return ["allowlist verify: \(verified.output)\(verified.errors)"] }
        try status.write(toFile: folder + "/status.json", atomically: true, encoding: .utf8)
        try verified.output.write(toFile: folder + "/verified.json", atomically: true, encoding: .utf8)
        let own = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME"].contains($0.key) }
        let words =
            [
                try Python.path.get(), "-B", Repository.root + "/Tests/RunFaultTests/Programs/audit_run.py",
                site, folder + "/status.json", folder + "/verified.json",
            ] + runs.map { "\($0.0):\($0.1):\($0.2)" }
        let outcome = try Program(
            "exec \"$0\" \"$@\"", words, in: folder, environment.merging(own) { $1 }
        ).wait()
        guard outcome.code == 0 else { return ["the auditor: exit \(outcome.code)\n\(outcome.errors)"] }
        var findings = outcome.output.split(separator: "\n").map { String($0) }
        let reserved = try JSONDecoder().decode(StatusDocument.self, from: Data(status.utf8)).runs
            .reduce(0) { $0 + $1.reserved }
        let signed = try signatures()
        if signed.count > reserved + checks * signed.workers {
            findings.append(
                "\(signed.count) signatures of \(signed.workers) workers for \(reserved) reserved devices")
        }
        return findings
    }
}

/// The Python that can run an auditor's program.
private enum Python {
    static let path = Result {
        let own = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME"].contains($0.key) }
        let outcome = try Program(
            "exec \"$0\"", [Repository.root + "/Tests/Tools/auditor-python"],
            in: FileManager.default.temporaryDirectory.path, own
        ).wait()
        guard outcome.code == 0 else { throw ProgramFailure(outcome.errors) }
        return outcome.output.trimmingCharacters(in: .newlines)
    }
}
