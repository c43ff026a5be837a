import Foundation
import Testing

@Suite("One octet changed, cut off or gone anywhere in a bundle is noticed, and the file is named")
struct DamagedBundleTests {
    private static let origin = "rehearsal.invalid/site"

    /// The published files whose content is signed or proven.
    private static func files(in place: Workplace) throws -> [String] {
        let names =
            FileManager.default.enumerator(atPath: place.site + "/log")?.compactMap { $0 as? String } ?? []
        return names.filter { name in
            ["checkpoint", "tile/", "index/", "authorisations/"].contains { name.hasPrefix($0) }
        }.filter { name in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: place.site + "/log/" + name, isDirectory: &isFolder)
            return !isFolder.boolValue
        }.sorted()
    }

    private func expectRefused(_ place: Workplace, _ file: String, _ what: String) throws -> String {
        let outcome = try place.run("rootline allowlist verify --allow-rehearsal")
        #expect(outcome.code == 1, "\(file) \(what): exit code \(outcome.code)")
        #expect(outcome.errors.contains(file), "\(file) \(what) is named: \(outcome.errors)")
        #expect(outcome.output.isEmpty)
        return outcome.errors
    }

    @Test("The bundle has all the kinds of files that the next tests damage")
    func kinds() throws {
        let files = try Self.files(in: Workplace(.sealed))
        for kind in [
            "checkpoint", "checkpoint.txt", "checkpoint.p7s", "tile/0/000", "tile/0/001.p/", "tile/1/000.p/",
            "tile/entries/000", "tile/entries/001.p/", "index/key-", "index/serial-", "authorisations/",
        ] {
            #expect(files.contains { $0.hasPrefix(kind) }, "\(kind)")
        }
    }

    @Test("A flipped bit, at either end or in the middle", arguments: [0, 0.13, 0.37, 0.5, 0.71, 0.93, 1])
    func flipped(at part: Double) throws {
        let place = try Workplace(.sealed)
        for file in try Self.files(in: place) {
            let url = URL(fileURLWithPath: place.site + "/log/" + file)
            let original = try Data(contentsOf: url)
            var changed = original
            changed[Int(Double(original.count - 1) * part)] ^= 1
            try changed.write(to: url)
            _ = try expectRefused(place, file, "with octet \(part) changed")
            try original.write(to: url)
        }
        try place.succeed("rootline allowlist verify --allow-rehearsal")
    }

    @Test(
        "Every octet of the two signatures over the checkpoint", arguments: ["checkpoint", "checkpoint.p7s"])
    func everyOctet(of file: String) throws {
        let place = try Workplace(.sealed)
        let url = URL(fileURLWithPath: place.site + "/log/" + file)
        let original = try Data(contentsOf: url)
        // Every octet takes a minute: each run takes others, and a failure names its octet.
        let step = 23
        for position in stride(from: Int.random(in: 0..<step), to: original.count, by: step) {
            var changed = original
            changed[position] ^= UInt8(1) << UInt8.random(in: 0..<8)
            try changed.write(to: url)
            _ = try expectRefused(place, file, "with octet \(position) changed to \(changed[position])")
        }
    }

    @Test("A file that is cut off, too long, empty or gone")
    func lengths() throws {
        let place = try Workplace(.sealed)
        for file in try Self.files(in: place) {
            let url = URL(fileURLWithPath: place.site + "/log/" + file)
            let original = try Data(contentsOf: url)
            let versions: [(String, Data)] = [
                ("without its last octet", original.dropLast()),
                ("cut in half", original.prefix(original.count / 2)),
                ("emptied", Data()), ("with an octet more", original + [0]),
            ]
            for (what, changed) in versions {
                try changed.write(to: url)
                _ = try expectRefused(place, file, what)
            }
            try FileManager.default.removeItem(at: url)
            _ = try expectRefused(place, file, "removed")
            try original.write(to: url)
        }
    }

    @Test("A changed entry is named by its index", arguments: [0, 1, 2, 150, 255, 256, 300, 303])
    func entryIndex(_ index: Int) throws {
        let place = try Workplace(.sealed)
        let file = index < 256 ? "tile/entries/000" : "tile/entries/001.p/48"
        let url = URL(fileURLWithPath: place.site + "/log/" + file)
        var bytes = try Data(contentsOf: url)
        var start = 0
        for _ in 0..<(index % 256) { start += 2 + Int(bytes[start]) << 8 + Int(bytes[start + 1]) }
        bytes[start + 2 + 5] ^= 0x20
        try bytes.write(to: url)
        let errors = try expectRefused(place, file, "with entry \(index) changed")
        #expect(errors.contains("\(file), entry \(index)"), "\(errors)")
    }

    @Test("A changed hash is named by the entry it stands for", arguments: [0, 77, 255])
    func tileIndex(_ index: Int) throws {
        let place = try Workplace(.sealed)
        let url = URL(fileURLWithPath: place.site + "/log/tile/0/000")
        var bytes = try Data(contentsOf: url)
        bytes[index * 32 + 31] ^= 0x80
        try bytes.write(to: url)
        let errors = try expectRefused(place, "tile/0/000", "with hash \(index) changed")
        #expect(errors.contains("tile/0/000, entry \(index)"), "\(errors)")
    }

    @Test("A lookup refuses a bundle whose signature or index was changed")
    func lookup() throws {
        let place = try Workplace(.sealed)
        try place.succeed("rootline allowlist lookup EX-00000007 --allow-rehearsal")
        try place.succeed("sed -i 's/^304$/305/' site/log/checkpoint")
        let outcome = try place.run("rootline allowlist lookup EX-00000007 --allow-rehearsal")
        #expect(outcome.code == 1 && outcome.output.isEmpty)
    }
}
