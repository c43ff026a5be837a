import Foundation

struct BenchError: Error, CustomStringConvertible {
    let description: String
}

/// Programs, folders and rehearsal sites of one bench run.
final class Bench {
    let programs: URL
    let product: URL
    private let folder: URL
    let cores = ProcessInfo.processInfo.activeProcessorCount

    init() throws {
        programs = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        product = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        folder = URL(fileURLWithPath: ".build/bench-\(getpid())").absoluteURL
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func removeSites() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs a program of ours to its end and answers its standard output.
    @discardableResult
    func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let process = Process()
        process.executableURL = programs.appendingPathComponent(program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw BenchError(
                description:
                    "\(program) \(arguments.joined(separator: " ")): exit code \(process.terminationStatus)\n\(text)"
            )
        }
        return text
    }

    /// A new rehearsal site with its ceremonies held.
    func makeSite() throws -> String {
        let site = folder.appendingPathComponent("site").path
        try run("rootline", ["init", site, "--hsm", "softhsm", "--demo"])
        for ceremony in ["root-ca", "issuing-ca", "run-authority", "allowlist-signer"] {
            let script = product.appendingPathComponent("Ceremonies/\(ceremony)/script.yaml").path
            try run("rootline", ["ceremony", "rehearse", script, "--site", site])
        }
        return site
    }

    /// An approved run of so many devices; answers its manifest's path.
    func makeRun(_ name: String, devices: Int, site: String) throws -> String {
        let input = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
        let template = product.appendingPathComponent("Templates/runs/idevid-ec-p256.yaml")
        var manifest = try String(contentsOf: template, encoding: .utf8)
        manifest = manifest.replacing(/(?m)^run: .*$/, with: "run: \(name)")
        manifest = manifest.replacing(/(?m)^quantity: .*$/, with: "quantity: \(devices)")
        let path = input.appendingPathComponent("manifest.yaml")
        try manifest.write(to: path, atomically: true, encoding: .utf8)
        var list = "serial,mac\n"
        for index in 0..<devices {
            list += "\(name)-\(index),02:00:00:\(index >> 16 & 255):\(index >> 8 & 255):\(index & 255)\n"
        }
        try list.write(to: input.appendingPathComponent("devices.csv"), atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(
            atPath: site + "/station/station.pem", toPath: input.appendingPathComponent("station.pem").path)
        try run("rootline", ["run", "approve", path.path, "--site", site])
        return path.path
    }

    func field(_ name: String, of json: String) throws -> Double {
        guard let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let number = object[name] as? NSNumber
        else { throw BenchError(description: "no \(name) in \(json)") }
        return number.doubleValue
    }
}
