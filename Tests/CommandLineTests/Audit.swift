import Foundation
import Testing

/// A line of a package, as the programming station reads it.
struct PackageLine: Decodable {
    let row: Int
    let serial: String
    let certificate: Data
    let wrappedKey: Data
    let transportKey: String
}

/// `run status --format json`.
struct StatusDocument: Decodable {
    struct Run: Decodable {
        let run: String
        let state: String
        let quantity: Int
        let spoilage: Int
        let reserved: Int
        let released: Int
        let scrapped: Int
        let burned: Int
        let outstanding: Int
    }
    let version: Int
    let runs: [Run]
}

/// `allowlist verify --format json`.
struct VerificationDocument: Decodable {
    struct Run: Decodable {
        let run: String
        let reserved: Int
        let released: Int
        let scrapped: Int
        let burned: Int
        let sealed: Bool
    }
    let version: Int
    let verified: Bool
    let treeSize: Int
    let devices: Int
    let entries: [String: Int]
    let runs: [Run]
    let warnings: [String]
}

extension Workplace {
    func status() throws -> [StatusDocument.Run] {
        let text = try succeed("rootline run status --format json")
        return try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8)).runs
    }

    func verification() throws -> VerificationDocument {
        let text = try succeed("rootline allowlist verify --allow-rehearsal --format json")
        return try JSONDecoder().decode(VerificationDocument.self, from: Data(text.utf8))
    }

    /// The lines of a run's visible packages, in the order of the files' names.
    func packages(of run: String) throws -> [PackageLine] {
        let folder = site + "/runs/\(run)/packages"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try names.filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }.sorted().flatMap { name in
            try String(contentsOfFile: folder + "/" + name, encoding: .utf8).split(separator: "\n").map {
                try JSONDecoder().decode(PackageLine.self, from: Data($0.utf8))
            }
        }
    }

    /// The log's entries, in their order, read from the tiles with nothing of the product's.
    func logEntries() throws -> [Data] {
        let size = try verification().treeSize
        var entries: [Data] = []
        while entries.count < size {
            let tile = entries.count / 256
            let digits = String(repeating: "0", count: 3 - String(tile).count) + String(tile)
            let width = min(256, size - tile * 256)
            let path = site + "/log/tile/entries/\(digits)" + (width == 256 ? "" : ".p/\(width)")
            var bytes = try #require(FileManager.default.contents(atPath: path), "\(path) is not there")
            while bytes.count > 2 {
                let length = Int(bytes[bytes.startIndex]) << 8 | Int(bytes[bytes.startIndex + 1])
                entries.append(Data(bytes.dropFirst(2).prefix(length)))
                bytes = bytes.dropFirst(2 + length)
            }
        }
        return entries
    }

    /// SHA-256 of each, by `sha256sum`.
    func digests(_ values: [[UInt8]]) throws -> [Data] {
        let scratch = folder + "/digests"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        for (index, value) in values.enumerated() {
            try Data(value).write(to: URL(fileURLWithPath: "\(scratch)/\(index)"))
        }
        let text = try succeed("cd digests && seq 0 \(values.count - 1) | xargs sha256sum; rm -r ../digests")
        return text.split(separator: "\n").map { line in
            var digest = Data()
            var digits = line.prefix(64)
            while digits.count >= 2 {
                digest.append(UInt8(digits.prefix(2), radix: 16) ?? 0)
                digits = digits.dropFirst(2)
            }
            return digest
        }
    }

    /// Holds packages, ledger and log of the sealed runs against each other; the log holds them and no others.
    ///
    /// - Parameters:
    ///   - runs: each run with the serials of its list, in the order in which they were started.
    ///   - scrapped: by run, the serials of its devices that were scrapped.
    ///   - reworked: by run, the serials of the devices that it made anew, in their order.
    @discardableResult
    func audit(
        _ runs: [(name: String, serials: [String])], scrapped: [String: [String]] = [:],
        reworked: [String: [String]] = [:]
    ) throws -> [StatusDocument.Run] {
        let status = try status()
        #expect(status.map(\.run) == runs.map(\.name))
        let verification = try verification()
        #expect(verification.verified && verification.warnings.isEmpty)
        let entries = try logEntries()
        #expect(entries.count == verification.treeSize)

        var lines: [PackageLine] = []
        var made: [DeviceCertificate] = []
        for (index, run) in runs.enumerated() {
            let record = status[index]
            #expect(record.state == "sealed" && record.outstanding == 0)
            let (lost, again) = (scrapped[run.name] ?? [], reworked[run.name] ?? [])
            #expect(record.scrapped == lost.count)
            #expect(record.released == run.serials.count + again.count - lost.count)
            #expect(record.released <= record.quantity)
            #expect(record.reserved == record.released + record.scrapped + record.burned)
            #expect(record.reserved <= record.quantity + record.spoilage)
            let sealed = verification.runs[index]
            #expect(sealed.sealed && sealed.run == run.name)
            #expect(
                sealed.released + sealed.scrapped == record.released + record.scrapped
                    && sealed.burned == record.burned && sealed.reserved == record.reserved,
                "log and ledger count alike")
            let packages = try packages(of: run.name)
            #expect(
                packages.prefix(run.serials.count).map(\.row) == Array(0..<run.serials.count),
                "every row once, in row order")
            #expect(packages.map(\.serial) == run.serials + again)
            let keys = Set(packages.map(\.transportKey))
            for key in keys {
                let path = site + "/runs/\(run.name)/transport-keys/\(key).bin"
                #expect(
                    FileManager.default.fileExists(atPath: path), "the transport key of a package is there")
            }
            lines += packages
            made += try packages.map { try DeviceCertificate(Array($0.certificate)) }
        }
        let lost = Dictionary(grouping: scrapped.values.joined()) { $0 }.mapValues(\.count)
        for (serial, devices) in Dictionary(grouping: lines, by: \.serial) {
            #expect(
                (0...1).contains(devices.count - (lost[serial] ?? 0)), "\(serial): no serial twice at once")
        }
        #expect(Set(made.map(\.der)).count == made.count, "no certificate twice")
        #expect(Set(made.map(\.serialNumber)).count == made.count, "no certificate serial number twice")
        #expect(Set(made.map(\.subjectPublicKeyInfo)).count == made.count, "no key twice")
        #expect(Set(lines.map(\.wrappedKey)).count == lines.count, "no wrapped key twice")

        // Package lines and log entries: the same devices in the same order, and no other certificate in the log.
        #expect(verification.entries["add"] == made.count)
        #expect(verification.devices == made.count)
        let scraps = scrapped.values.joined().count
        #expect((verification.entries["revoke"] ?? 0) == status.map(\.burned).reduce(0, +) + scraps)
        #expect((verification.entries["scrap"] ?? 0) == scraps)
        #expect((verification.entries["replace"] ?? 0) == lines.count - Set(lines.map(\.serial)).count)
        let certificates = try digests(made.map(\.der))
        let keys = try digests(made.map(\.subjectPublicKeyInfo))
        var entry = entries[...]
        for index in made.indices {
            while let first = entry.first, first.range(of: certificates[index]) == nil { entry.removeFirst() }
            let found = entry.popFirst()
            let isHere =
                found?.range(of: keys[index]) != nil
                && found?.range(of: Data(lines[index].serial.utf8)) != nil
            #expect(isHere, "\(lines[index].serial) is in the log behind those before it")
            if !isHere { break }
        }
        return status
    }

    static func serials(_ count: Int, from first: Int = 1) -> [String] {
        (first..<first + count).map { number in
            let digits = String(number)
            return "EX-" + String(repeating: "0", count: 8 - digits.count) + digits
        }
    }

    /// Asks the ledger through the command line: a new run with the same serials is refused, row by row.
    func expectLedgerKnows(_ serials: Int, first: Int = 1) throws {
        try succeed("make-run asked-again \(serials) \(first)")
        let outcome = try run("rootline run check asked-again/manifest.yaml")
        #expect(outcome.code == 65)
        #expect(outcome.errors.contains("the manifest has \(serials) faults"))
        #expect(outcome.errors.contains("[serial.known]"))
    }
}
