import Foundation
import Glibc
import Testing

/// A mount namespace of its own, in which a tmpfs goes away with the process.
private enum MountNamespace {
    static let command = geteuid() == 0 ? "unshare -m" : "unshare -rm"

    static let canBeMade: Bool = {
        guard let place = try? Workplace() else { return true }
        let outcome = try? place.run("mkdir small && \(command) mount -t tmpfs -o size=1m tmpfs small")
        return outcome?.code == 0
    }()
}

@Suite(
    "A full disk stops a run with its books in order",
    .enabled(
        if: MountNamespace.canBeMade,
        "no mount namespace can be made here: run as root or allow user namespaces"))
struct DiskFullTests {
    /// Runs a script with the site moved to a tmpfs of so many MiB; at the end it is moved back.
    private func run(_ script: String, size: Int, in place: Workplace) throws -> Outcome {
        try """
        set -u
        mkdir small && mount -t tmpfs -o size=\(size)m tmpfs small || exit 99
        cp -a site small/site && rm -rf site
        export ROOTLINE_SITE="$PWD/small/site"
        \(script)
        rm -f small/ballast
        cp -a small/site site
        """.write(toFile: place.folder + "/script.sh", atomically: true, encoding: .utf8)
        return try place.run("\(MountNamespace.command) sh script.sh")
    }

    @Test("A run that will not fit is refused beforehand, with the space it needs")
    func tooSmall() throws {
        let place = try Workplace(.sealed)
        try place.succeed("make-run batch 500 1000 && rootline run approve batch/manifest.yaml")
        let before = try place.books()
        let outcome = try run("rootline run start batch/manifest.yaml; echo code $?", size: 7, in: place)
        #expect(outcome.output == "code 74\n")
        #expect(outcome.errors.contains("the run will write about 9 MiB and "), "\(outcome.errors)")
        #expect(outcome.errors.contains("MiB are free\n  Free some space; nothing was begun."))
        #expect(try place.books().difference(from: before) == nil)
        try place.succeed("rootline run start batch/manifest.yaml")
    }

    @Test(
        "A run that meets a full disk says so, and goes on when there is space", arguments: [1, 25, 60, 150])
    func fillsUp(after packages: Int) throws {
        let place = try Workplace(.sealed)
        try place.approve("batch", devices: 600, first: 1000, options: "--spoilage 16")
        let outcome = try run(
            """
            rootline run start batch/manifest.yaml --workers 2 &
            until [ "$(ls small/site/runs/batch/packages 2>/dev/null | wc -l)" -ge \(packages) ]; do sleep 0.002; done
            kill -STOP $!
            cat /dev/zero >small/ballast 2>/dev/null
            kill -CONT $!
            wait $!
            echo code $?
            rootline run status batch
            rootline allowlist verify --allow-rehearsal >verified 2>&1; echo verified $?
            rm small/ballast
            rootline run resume batch >resumed; echo code $?
            """, size: 24, in: place)
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.first == "code 74", "\(outcome.output)\(outcome.errors)")
        #expect(
            lines.contains { $0.hasPrefix("batch  open  ") || $0.hasPrefix("batch  sealing  ") },
            "\(outcome.output)")
        #expect(lines.contains("verified 0"), "what was published before is whole")
        #expect(lines.last == "code 0", "\(outcome.output)\(outcome.errors)")
        #expect(outcome.errors.contains("space"), "\(outcome.errors)")
        #expect(outcome.errors.contains("rootline run resume"), "\(outcome.errors)")
        try place.audit([
            ("first", Workplace.serials(Stage.sealedDevices)), ("batch", Workplace.serials(600, from: 1000)),
        ])
    }
}
