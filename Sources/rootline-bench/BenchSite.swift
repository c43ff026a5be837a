import Foundation
import Glibc

/// A rehearsal site with its ceremonies held, on which runs are made.
final class BenchSite {
    let path: String
    let bench: Bench
    private var runs = 0
    /// The module that the real token is reached through.
    let tokenModule: String
    /// What programs of ours and others need to find the token.
    var environment: [String: String]

    init(_ bench: Bench, name: String) throws {
        self.bench = bench
        path = bench.folder.appendingPathComponent(name).path
        environment = ["SOFTHSM2_CONF": path + "/hsm/softhsm2.conf"]
        try bench.run("rootline", ["init", path, "--hsm", "softhsm", "--demo"])
        for ceremony in ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"] {
            let script = bench.product.appendingPathComponent("Ceremonies/\(ceremony)/script.yaml").path
            try bench.run("rootline", ["ceremony", "rehearse", script, "--site", path])
        }
        let yaml = try String(contentsOfFile: path + "/site.yaml", encoding: .utf8)
        guard let match = yaml.firstMatch(of: /module: (\S+)/) else {
            throw BenchError(description: "site.yaml names no module")
        }
        tokenModule = String(match.1)
    }

    /// Reaches every token of the site through another module from now on.
    func use(module: String) throws {
        let yaml = try String(contentsOfFile: path + "/site.yaml", encoding: .utf8)
        try yaml.replacing("module: \(tokenModule)", with: "module: \(module)")
            .write(toFile: path + "/site.yaml", atomically: true, encoding: .utf8)
    }

    var pinFile: String { path + "/secrets/line.pin" }
    var issuerCertificate: String { path + "/certificates/issuing-ca.pem" }

    /// The issuing key's label on the token `rootline-line`.
    func issuerLabel() throws -> String {
        let data = try Data(contentsOf: URL(fileURLWithPath: path + "/certificates/issuing-ca.json"))
        guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let label = object["label"] as? String
        else { throw BenchError(description: "the issuing CA has no published label") }
        return label
    }

    /// A run that ended.
    struct MadeRun {
        var name: String
        var devices: Int
        var program: FinishedProgram
        /// Seconds in which devices were made and recorded, as the run itself says.
        var makingSeconds: Double
        /// Peak resident memory as the run itself says, shared pages counted in each process, in octets.
        var peakResidentMemory: Double

        /// Devices a second over the whole command.
        var rate: Double { Double(devices) / program.seconds }
        /// Microseconds of processor time a device, all of the run's processes together.
        var processorMicroseconds: Double { program.processorSeconds / Double(devices) * 1_000_000 }
    }

    /// Prepares a run, has it approved, and makes it; only the command `run start` is measured.
    func makeRun(
        devices: Int, options: [String] = [], environment: [String: String] = [:],
        whileRunning: @escaping (_ run: String, _ process: pid_t) -> Void = { _, _ in }
    ) throws -> MadeRun {
        runs += 1
        let name = "bench-\(runs)"
        return try approveAndStart(
            name, manifest: try writeManifest(name, devices: devices), devices: devices, options: options,
            environment: environment, whileRunning: whileRunning)
    }

    /// Has a run approved and makes it; only the command `run start` is measured.
    func approveAndStart(
        _ name: String, manifest: String, devices: Int, options: [String] = [],
        environment: [String: String] = [:],
        whileRunning: @escaping (_ run: String, _ process: pid_t) -> Void = { _, _ in }
    ) throws -> MadeRun {
        try bench.run(
            "rootline", ["run", "approve", manifest, "--site", path], environment: self.environment)
        let program = try bench.run(
            "rootline", ["run", "start", manifest, "--site", path, "--format", "json"] + options,
            environment: self.environment.merging(environment) { $1 },
            whileRunning: { whileRunning(name, $0) })
        return MadeRun(
            name: name, devices: devices, program: program,
            makingSeconds: try field("makingSeconds", of: program.output),
            peakResidentMemory: try field("peakMemoryBytes", of: program.output))
    }

    /// Writes a run's manifest with its list and station key; answers the manifest's path.
    private func writeManifest(_ name: String, devices: Int) throws -> String {
        let input = URL(
            fileURLWithPath: try bench.makeFolder("\(URL(fileURLWithPath: path).lastPathComponent)-\(name)"))
        let template = bench.product.appendingPathComponent("Templates/runs/idevid-ec-p256.yaml")
        var manifest = try String(contentsOf: template, encoding: .utf8)
        manifest = manifest.replacing(/(?m)^run: .*$/, with: "run: \(name)")
        manifest = manifest.replacing(/(?m)^quantity: .*$/, with: "quantity: \(devices)")
        let file = input.appendingPathComponent("manifest.yaml")
        try manifest.write(to: file, atomically: true, encoding: .utf8)
        var list = "serial,mac\n"
        list.reserveCapacity(devices * 40)
        for index in 0..<devices {
            list += "\(name)-\(index),02:00:00:\(index >> 16 & 255):\(index >> 8 & 255):\(index & 255)\n"
        }
        try list.write(to: input.appendingPathComponent("devices.csv"), atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(
            atPath: path + "/station/station.pem", toPath: input.appendingPathComponent("station.pem").path)
        return file.path
    }

    private func field(_ name: String, of json: String) throws -> Double {
        guard let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let number = object[name] as? NSNumber
        else { throw BenchError(description: "no \(name) in \(json)") }
        return number.doubleValue
    }

    /// Octets in the site's files whose paths, relative to the site, the closure wants.
    func octets(_ isWanted: (String) -> Bool) -> Int {
        var sum = 0
        for case let name as String in FileManager.default.enumerator(atPath: path) ?? .init()
        where isWanted(name) {
            var information = stat()
            guard lstat(path + "/" + name, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
                continue
            }
            sum += Int(information.st_size)
        }
        return sum
    }
}
