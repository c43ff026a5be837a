import Crypto
import Foundation
import Testing

@Suite("A leaked list of a site of hashed serials tells nobody which devices there are")
struct HashedSiteTests {
    /// Every file of a folder, by its path.
    private func files(in folder: String) -> [String: Data] {
        var files: [String: Data] = [:]
        let enumerator = FileManager.default.enumerator(atPath: folder)
        while let name = enumerator?.nextObject() as? String {
            files[name] = FileManager.default.contents(atPath: folder + "/" + name)
        }
        return files
    }

    /// Which of the files hold something that somebody who guesses serials would look for.
    private func leaks(_ files: [String: Data], serials: [String]) -> Set<String> {
        var wanted: [Data] = [Data("EX-0".utf8)]
        // Text is searched for all of them, hashes for some: they are found or not found alike.
        for serial in serials.indices.filter({ $0.isMultiple(of: 30) }).map({ serials[$0] }) {
            // The index's hash of a plain serial, the serial's own hash, and one under a key of zeros.
            let tagged = Data("rootline/allowlist/serial/v1\n\(serial)".utf8)
            wanted.append(Data(SHA256.hash(data: tagged)))
            wanted.append(Data(SHA256.hash(data: Data(serial.utf8))))
            wanted.append(
                Data(
                    HMAC<SHA256>.authenticationCode(
                        for: tagged, using: SymmetricKey(data: [UInt8](repeating: 0, count: 32)))))
        }
        return Set(files.filter { _, bytes in wanted.contains { bytes.range(of: $0) != nil } }.keys)
    }

    private func everyKindOfEntry(_ place: Workplace) throws {
        try place.scrap("EX-00000001 --reason 'bad solder'")
        try place.succeed("rootline allowlist revoke EX-00000002 --reason keyCompromise --yes")
        try place.succeed("rootline allowlist replace EX-00000003 EX-00000004 --reason RMA --yes")
    }

    @Test("No file of the list holds a serial, and guessing serials without the key finds nothing")
    func leaked() throws {
        let serials = Workplace.serials(Stage.sealedDevices)
        let place = try Workplace(.hashed)
        try everyKindOfEntry(place)
        let list = files(in: place.site + "/log")
        #expect(list.keys.contains { $0.hasPrefix("index/serial-") })
        #expect(list.keys.contains { $0.hasPrefix("tile/entries/") })
        #expect(leaks(list, serials: serials) == [])
        // The key itself is not in it, in no form.
        let digits = try String(contentsOfFile: place.site + "/serial.key", encoding: .utf8).prefix(64)
        let key = Data(
            stride(from: 0, to: 64, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) })
        #expect(key.count == 32)
        #expect(list.values.allSatisfy { $0.range(of: key) == nil && $0.range(of: Data(digits.utf8)) == nil })
        // The hash is the one that the specification says, computed from the key file alone.
        let hash = Data(
            HMAC<SHA256>.authenticationCode(
                for: Data("rootline/allowlist/serial/v1\n\(serials[6])".utf8), using: SymmetricKey(data: key))
        )
        #expect(try place.logEntries().count { $0.range(of: hash) != nil } == 1)

        // The same search does find the serials of a plain list.
        let plain = try Workplace(.sealed)
        #expect(leaks(files(in: plain.site + "/log"), serials: serials).count >= 2)
    }

    @Test("The serial key is in no output, log or report, and in no file that is handed out")
    func keyStaysInItsFile() throws {
        let place = try Workplace(.hashed)
        let key = try String(contentsOfFile: place.site + "/serial.key", encoding: .utf8).prefix(64)
        try everyKindOfEntry(place)
        var said = try place.succeed("rootline allowlist serial-key --out key 2>&1")
        said += try place.succeed(
            "rootline doctor 2>&1; rootline run status 2>&1; rootline run report first --out report.html 2>&1"
        )
        said += try place.succeed(
            "rootline allowlist lookup EX-00000009 --allow-rehearsal --format json 2>&1")
        #expect(!said.contains(key))
        let everything = files(in: place.folder).filter { $0.value.range(of: Data(key.utf8)) != nil }
        #expect(Set(everything.keys) == ["site/serial.key", "key"])
    }
}
