import Foundation
import GRDB
import Glibc
import Testing

/// What somebody who stands beside a run is told of it.
@Suite struct OperatorTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            "no JSON object: \(text)")
    }

    private func status(_ place: Workplace, _ run: String = "batch") throws -> [String: Any] {
        let document = try object(try place.succeed("rootline run status \(run) --format json"))
        return try #require((document["runs"] as? [[String: Any]])?.first)
    }

    private func session(_ place: Workplace) throws -> [String: Any]? {
        try status(place)["session"] as? [String: Any]
    }

    /// Starts a run and waits until it has made some devices.
    private func working(
        _ place: Workplace, devices: Int = 8000, options: String = "--workers 1"
    ) throws -> RunningProgram {
        try place.approve("batch", devices: devices)
        let program = try place.start("exec rootline run start batch/manifest.yaml \(options)")
        let isWorking = wait {
            let timeline = FileManager.default.contents(atPath: place.site + "/runs/batch/timeline.jsonl")
            return program.hasEnded || timeline?.range(of: Data(#""event":"interval""#.utf8)) != nil
        }
        try #require(isWorking && !program.hasEnded, "the run is at work")
        return program
    }

    private func lines(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try object(String($0))
        }
    }

    @Test(
        "While a run is at work another process tells its counts, rate, remaining time, latency and process")
    func atWork() throws {
        let place = try Workplace()
        // More than any machine makes before the first rate is known, which takes a second.
        let program = try working(place, devices: 30_000)
        let isTold = wait(seconds: 20) {
            let live = FileManager.default.contents(atPath: place.site + "/runs/batch/live.json")
            return program.hasEnded || live?.range(of: Data(#""remainingSeconds""#.utf8)) != nil
        }
        // It stands still while it is looked at, so that it does not end meanwhile.
        kill(program.process, SIGSTOP)
        defer { if !program.hasEnded { kill(program.process, SIGCONT) } }
        try #require(isTold && !program.hasEnded)
        let seen = try #require(try session(place))
        let run = try status(place)
        #expect(run["activity"] as? String == "at-work" && run["state"] as? String == "open")
        #expect(seen["process"] as? Int == Int(program.process))
        #expect(seen["stage"] as? String == "making" && seen["workers"] as? Int == 1)
        #expect((seen["devicesPerSecond"] as? Double ?? 0) > 1)
        #expect((seen["remainingSeconds"] as? Double ?? 0) > 0)
        let latency = try #require(seen["recentLatency"] as? [String: Double])
        let (median, slowest) = (latency["medianMicroseconds"] ?? 0, latency["p99Microseconds"] ?? 0)
        #expect(median > 20 && slowest >= median)
        let text = try place.succeed("rootline run status batch")
        #expect(text.contains("  at work   since ") && text.contains("process \(program.process)"))
        let watching = try place.start("exec rootline run status --watch --format json")
        kill(program.process, SIGCONT)
        let watch = try watching.wait()
        #expect(watch.code == 0)
        let documents = try watch.output.split(separator: "\n").map { try object(String($0)) }
        #expect(documents.count >= 1)
        let last = try #require((documents.last?["runs"] as? [[String: Any]])?.first)
        #expect(last["activity"] as? String == "sealed")
        #expect(try program.wait().code == 0)
        #expect(!FileManager.default.fileExists(atPath: place.site + "/runs/batch/live.json"))
        #expect(try place.run("rootline run status --watch").code == 66)
    }

    @Test(
        "A run whose process was killed is said to be stopped, with what goes on; resumed, its time line goes on"
    )
    func killed() throws {
        let place = try Workplace()
        let program = try working(place)
        kill(program.process, SIGKILL)
        _ = try program.wait()
        #expect(try status(place)["activity"] as? String == "killed")
        let text = try place.succeed("rootline run status batch")
        #expect(text.contains("its process \(program.process) is gone"))
        #expect(text.hasSuffix("  Next: rootline run resume batch\n"))
        #expect(try place.run("rootline run status batch --watch").code == 75)
        try place.succeed("rootline run report batch --out killed.html")
        #expect(
            try String(contentsOfFile: place.folder + "/killed.html", encoding: .utf8).contains(
                "ended without a word"))
        try place.succeed("rootline run resume batch")
        let events = try lines(place.site + "/runs/batch/timeline.jsonl").compactMap {
            $0["event"] as? String
        }
        #expect(events.filter { $0 == "begun" }.count == 2 && events.last == "sealed")
        try place.succeed("rootline run report batch --out whole.html")
        let html = try String(contentsOfFile: place.folder + "/whole.html", encoding: .utf8)
        #expect(html.contains("killed, or the power went") && !html.contains("✗"))
        #expect(html.components(separatedBy: "<line class=\"stop\"").count == 3)
    }

    @Test("Ctrl-C leaves the reason; status and report say it")
    func interrupted() throws {
        let place = try Workplace()
        let program = try working(place)
        kill(program.process, SIGINT)
        #expect(try program.wait().code == 75)
        let session = try #require(try session(place))
        #expect(try status(place)["activity"] as? String == "interrupted")
        #expect((session["lastError"] as? String)?.hasPrefix("stopped with ") == true)
        #expect(try place.succeed("rootline run status").contains("  stopped   at "))
    }

    @Test("Time line, metrics and log of a run agree with its ledger")
    func agreement() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 600)
        try place.succeed(
            "rootline run start batch/manifest.yaml --metrics run.prom --log run.log",
            with: ["ROOTLINE_LOG": "debug"])
        let intervals = try lines(place.site + "/runs/batch/timeline.jsonl").filter {
            $0["event"] as? String == "interval"
        }
        #expect(intervals.reduce(0) { $0 + ($1["made"] as? Int ?? 0) } == 600)
        let measured = intervals.reduce(0) { sum, line in
            let latency = line["latency"] as? [String: Any]
            return sum + (latency?["buckets"] as? [[Int]] ?? []).reduce(0) { $0 + $1[1] }
        }
        #expect(measured == 600, "each device has its time")
        let metrics = try String(contentsOfFile: place.folder + "/run.prom", encoding: .utf8)
        for line in [
            #"rootline_run_devices_released_total{run="batch"} 600"#,
            #"rootline_run_stage{run="batch",stage="sealed"} 1"#,
            #"rootline_run_token_latency_seconds_count{run="batch"} 600"#,
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
        let log = try lines(place.folder + "/run.log")
        let messages = Set(log.compactMap { $0["message"] as? String })
        #expect(
            messages.isSuperset(of: [
                "run started", "run making", "run sealing", "run sealed", "worker ready", "chunk recorded",
            ]))
        #expect(Set(log.flatMap(\.keys)) == ["time", "level", "label", "message", "metadata"])
        let attributes = try FileManager.default.attributesOfItem(atPath: place.folder + "/run.log")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test("No PIN and no key is in the log, the time line or the metrics, also when a PIN is refused")
    func secrets() throws {
        let place = try Workplace()
        let canary = "canary-4711-pin"
        try place.succeed("umask 077; printf %s \(canary) > wrong.pin")
        try place.approve("batch", devices: 40)
        let watching = "--metrics run.prom --log run.log"
        let trace = ["ROOTLINE_LOG": "trace", "ROOTLINE_LOG_FORMAT": "json"]
        let refused = try place.run(
            "rootline run start batch/manifest.yaml --pin-source line=file:$PWD/wrong.pin \(watching)",
            with: trace)
        #expect(refused.code == 77)
        let made = try place.run("rootline run start batch/manifest.yaml \(watching)", with: trace)
        #expect(made.code == 0)
        // Standard error, too, has JSON lines then, and what is said to people between them.
        #expect(made.errors.contains(#""message":"run sealed""#))
        var told = Data((refused.errors + made.errors).utf8)
        for file in ["run.log", "run.prom", "site/runs/batch/timeline.jsonl"] {
            told += try #require(FileManager.default.contents(atPath: place.folder + "/" + file))
        }
        #expect(
            String(decoding: told, as: UTF8.self).contains(#""code":"pkcs11-pin-refused""#)
                || String(decoding: told, as: UTF8.self).contains("pin-refused"))
        var secrets = [Data(canary.utf8)]
        for name in try FileManager.default.contentsOfDirectory(atPath: place.site + "/secrets") {
            var octets = FileManager.default.contents(atPath: place.site + "/secrets/" + name) ?? Data()
            if octets.last == 0x0A { octets.removeLast() }
            secrets.append(octets)
        }
        // Wrapped keys are for the station alone.
        let keys = try place.succeed(#"grep -rhoE '"wrappedKey":"[^"]+"' site/runs/batch/packages || true"#)
        secrets += keys.split(separator: "\n").map { Data($0.dropFirst(14).dropLast().utf8) }
        #expect(secrets.count > 45 && secrets.allSatisfy { $0.count >= 4 })
        for secret in secrets { #expect(told.range(of: secret) == nil, "a secret is told") }
    }

    @Test("A file for log or metrics that cannot be made is refused before anything is begun")
    func refusedFiles() throws {
        let place = try Workplace()
        try place.approve("batch", devices: 4)
        let before = try place.books()
        for option in ["--log nowhere/run.log", "--metrics nowhere/run.prom"] {
            let outcome = try place.run("rootline run start batch/manifest.yaml \(option)")
            #expect(outcome.code == 73 && outcome.errors.contains("  Name a file in "), "\(outcome.errors)")
        }
        #expect(try place.books().difference(from: before) == nil)
    }

    @Test(
        "The report of a sealed run has its counts and digests, is written once, and wrong books exit with 1")
    func report() throws {
        let place = try Workplace(.sealed)
        #expect(try place.succeed("rootline run report first --out r.html") == "written  r.html\n")
        let html = try String(contentsOfFile: place.folder + "/r.html", encoding: .utf8)
        #expect(html.contains("300 = 300 + 0 + 0 + 0") && !html.contains("✗"))
        let digest = try place.succeed("sha256sum site/runs/first/authorisation.p7s").prefix(64)
        let groups = stride(from: 0, to: 64, by: 4).map { String(digest.dropFirst($0).prefix(4)) }.joined(
            separator: " ")
        #expect(html.contains(groups))
        for text in [
            "idevid-ec-p256", "authorisation", "checkpoint", "issuers.pem", "leaf hash", "the run authority",
        ] {
            #expect(html.contains(text), "\(text)")
        }
        // The commands that the report names work as they stand.
        try place.succeed(
            "cd site && openssl cms -cmsout -print -noout -inform DER -in runs/first/authorisation.p7s | grep -q ecdsa-with-SHA256"
        )
        try place.succeed(
            "cd site && openssl cms -verify -binary -inform DER -in log/checkpoint.p7s -content log/checkpoint.txt -CAfile certificates/allowlist-signer.pem -purpose any -out /dev/null"
        )
        let again = try place.run("rootline run report first --out r.html")
        #expect(again.code == 73 && again.errors.contains("Nothing is overwritten"))
        #expect(try place.run("rootline run report nowhere").code == 66)
        #expect(try place.run("rootline run report first --format json").code == 64)
        let document = try object(try place.succeed("rootline run report first --out s.html --format json"))
        #expect(document["balanced"] as? Bool == true && document["version"] as? Int == 1)
        #expect((document["equations"] as? [[String: Any]])?.count == 9)
        #expect((document["missing"] as? [String])?.isEmpty == true)

        try DatabaseQueue(path: place.site + "/ledger.sqlite").write {
            try $0.execute(sql: "UPDATE run SET burned = 1, released = 299")
        }
        let wrong = try place.run("rootline run report first --out wrong.html")
        #expect(wrong.code == 1 && wrong.errors.contains("wrong: "))
        #expect(
            try String(contentsOfFile: place.folder + "/wrong.html", encoding: .utf8).contains(
                "do not balance"))
    }

    @Test(
        "A bar fits the terminal, however narrow it is, and TERM=dumb gets plain lines",
        arguments: [120, 80, 60, 40, 24])
    func narrow(columns: Int) throws {
        let place = try Workplace()
        try place.approve("batch", devices: 400)
        let outcome = try place.run(
            "script -qec 'stty cols \(columns); rootline run start batch/manifest.yaml' /dev/null",
            with: ["TERM": "xterm"])
        #expect(outcome.code == 0)
        let frames = outcome.output.components(separatedBy: "\u{1B}[J").dropFirst()
            .compactMap { $0.components(separatedBy: CharacterSet(charactersIn: "\r\n")).first }
        #expect(frames.count >= 2)
        for frame in frames { #expect(frame.count < columns, "\(frame)") }
        let last = try #require(frames.last)
        #expect(last.contains("█") && last.contains(columns >= 40 ? "400 of 400" : "4"))
        #expect(columns < 80 || last.contains("token "))
        let plain = try place.run("script -qec 'rootline run status' /dev/null", with: ["TERM": "dumb"])
        #expect(!plain.output.contains("\u{1B}"))
    }
}
