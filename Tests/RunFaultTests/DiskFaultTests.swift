import FaultyToken
import Foundation
import Glibc
import Testing

/// A disk that refuses to write from one operation on, all of it or a part, until it is mended.
struct DiskFault: Sendable, CustomStringConvertible {
    let error: String
    let only: String
    let operation: Int

    var description: String {
        "\(error) of \(only.isEmpty ? "everything" : only) from operation \(operation)"
    }
}

@Suite("A disk that fails stops a run with its books in order", .serialized)
struct DiskFaultTests {
    static let rows = 6

    private func operations(of part: String) throws -> Int {
        let place = try Place(rows: Self.rows)
        let log = place.folder + "/operations.log"
        let outcome = try place.making(
            Fault(only: part), resuming: false, with: ["SITE_FILES_LOG": log]
        ).wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try FaultyToken.siteOperations(log: log).count
    }

    @Test(
        "A full disk, under ledger, packages, transport keys or log alone, is told, and the run resumed",
        arguments: ["ledger.sqlite", "/packages", "/transport-keys", "/log/", ""])
    func full(part: String) throws {
        let count = try operations(of: part)
        try #require(count > 4)
        let faults = (1...count).map { DiskFault(error: "ENOSPC", only: part, operation: $0) }
        Campaign.run("full: \(part.isEmpty ? "all" : part)", Campaign.some(3, of: faults)) {
            try disturbed($0, words: ["space", "full", "unable to open"])
        }
    }

    @Test(
        "A disk that breaks or becomes read-only is told, and the run resumed", arguments: ["EROFS", "EIO"])
    func broken(error: String) throws {
        let count = try operations(of: "")
        let faults = (1...count).map { DiskFault(error: error, only: "", operation: $0) }
        Campaign.run(error, Campaign.some(6, of: faults)) {
            try disturbed(
                $0, words: ["Read-only", "Input/output", "read-only", "readonly", "I/O", "writable"])
        }
    }

    private func disturbed(_ fault: DiskFault, words: [String]) throws -> [String] {
        let place = try Place(rows: Self.rows)
        let plan = "fail:\(fault.operation)+:\(fault.error)"
        let outcome = try place.making(.files(plan, only: fault.only), resuming: false).wait()
        var findings = try place.lookBetween()
        // 73: something could not be made at all. 0: nothing was to be written any more that matters.
        if ![0, 73, 74].contains(outcome.code) {
            findings.append("exit \(outcome.code): \(outcome.errors)")
        }
        if outcome.code != 0, !words.contains(where: outcome.errors.contains) {
            findings.append("it does not say why: \(outcome.errors)")
        }
        let shown = place.visible
        findings += try place.finish()
        if place.visible < shown { findings.append("packages are gone") }
        return try findings + place.audit()
    }

    @Test("A real read-only remount in the middle of a run is told, and the run resumed")
    func remounted() throws {
        let place = try Place(rows: 60)
        let script = """
            set -u
            cd "$1" || exit 98
            mkdir disk && mount -t tmpfs -o size=64m tmpfs disk || exit 99
            cp -a site disk/site && mv site site-before
            "$2" run start batch/manifest.yaml --workers 2 --site "$PWD/disk/site" &
            until [ "$(ls disk/site/runs/batch/packages 2>/dev/null | wc -l)" -ge 8 ]; do sleep 0.002; done
            kill -STOP $!
            mount -o remount,ro disk 2>/dev/null || echo busy
            kill -CONT $!
            wait $!
            echo code $?
            mount -o remount,rw disk
            "$2" run resume batch --workers 2 --site "$PWD/disk/site" >/dev/null
            echo code $?
            cp -a disk/site site
            """
        try script.write(toFile: place.folder + "/script.sh", atomically: true, encoding: .utf8)
        let prefix = geteuid() == 0 ? "unshare -m" : "unshare -rm"
        var environment = place.environment
        environment["FAULTY_TOKEN_PLAN"] = "C_WrapKey=slow:10"
        let outcome = try Program(
            "exec \(prefix) sh \"$1/script.sh\" \"$1\" \"$0\"", [Repository.rootline, place.folder],
            in: place.folder, environment
        ).wait()
        let lines = outcome.output.split(separator: "\n")
        // A file system with files open for writing cannot be remounted: then the kernel says busy, and nothing was
        // disturbed. The shim above does what an operator's disk does by itself.
        if lines.contains("busy") {
            #expect(lines.contains("code 0"))
        } else {
            #expect(lines.first == "code 74", "\(outcome.output)\(outcome.errors)")
        }
        #expect(try place.audit() == [])
    }
}
