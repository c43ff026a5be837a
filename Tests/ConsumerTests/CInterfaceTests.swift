import Allowlist
import Foundation
import Testing
import TransparencyLog

@Suite("The library in C", .serialized)
struct CInterfaceTests {
    let list: PublishedList

    init() throws {
        list = try PublishedList()
    }

    private func key(_ number: Int) -> String { PublishedList.keyDigest(number).hex }
    private func certificate(_ number: Int) -> String { PublishedList.certificateDigest(number).hex }

    @Test("Only a listed device whose key was asked for is answered with 0", arguments: CInterface.allCases)
    func lookups(client: CInterface) throws {
        let none = "18446744073709551615"
        let (code, lines) = try client.run(
            list.path, key: list.pemFile, options: 2,
            ["lookup", "SN-0", "-", key(0), "lookup", "SN-0", "pump", "-", "lookup", "SN-1", "-", key(1)]
                + [
                    "lookup", "SN-2", "-", key(2), "lookup", "SN-3", "-", key(3), "lookup", "SN-0", "-",
                    key(4),
                ]
                + ["lookup", "absent", "-", key(0), "lookup", "SN-7", "-", "-"]
                + ["certificate", certificate(0), key(0), "certificate", certificate(1), key(0)]
                + ["certificate", certificate(1), key(1)])
        #expect(code == 0)
        let nothing = "key=1 index=\(none) serial= product= run= by=\(none)"
        #expect(
            lines == [
                "open 0 ok: ",
                "lookup 0 ok state=1 key=1 index=1 serial=SN-0 product=pump run=R-1 by=\(none) reason=: ",
                "lookup 2 key-unchecked state=1 key=0 index=1 serial=SN-0 product=pump run=R-1 by=\(none) "
                    + "reason=: the serial is listed, but the key was not asked for",
                "lookup 1 refused state=2 key=1 index=2 serial=SN-1 product=pump run=R-1 by=\(none) "
                    + "reason=keyCompromise: revoked: keyCompromise",
                "lookup 1 refused state=3 key=1 index=3 serial=SN-2 product=pump run=R-1 by=\(none) "
                    + "reason=fell down: scrapped: fell down",
                "lookup 1 refused state=4 key=1 index=4 serial=SN-3 product=pump run=R-1 by=5 "
                    + "reason=RMA 17: replaced: RMA 17",
                "lookup 1 refused state=0 \(nothing) reason=the serial is listed with another key or product: "
                    + "not-listed: the serial is listed with another key or product",
                "lookup 1 refused state=0 \(nothing) reason=: not-listed",
                "lookup 55 ambiguous-serial state=0 key=0 index=\(none) serial= product= run= by=\(none) "
                    + "reason=: several products have a device with this serial [ambiguous-serial]",
                "name the product, or the device's key",
                "certificate 0 ok state=1 key=1 index=1 serial=SN-0 product=pump run=R-1 by=\(none) reason=: ",
                "certificate 1 refused state=0 \(nothing) reason=the key is listed with another certificate: "
                    + "not-listed: the key is listed with another certificate",
                "certificate 1 refused state=2 key=1 index=2 serial=SN-1 product=pump run=R-1 by=\(none) "
                    + "reason=keyCompromise: revoked: keyCompromise",
            ])
    }

    @Test(
        "Verification, checkpoint and the visit of all devices say what Swift says",
        arguments: CInterface.allCases)
    func whole(client: CInterface) throws {
        let pins = try Pins(
            origin: PublishedList.origin, logKeyPEM: String(contentsOfFile: list.pemFile, encoding: .utf8))
        let verified = try BundleVerifier.verify(directory: list.path, pins: pins)
        let root = verified.root.bytes.map { String(format: "%02x", $0) }
        for path in [list.path, try list.packed()] {
            let (code, lines) = try client.run(
                path, key: list.derFile, options: 1, ["verify", "checkpoint", "each", "0", "each", "2"])
            #expect(code == 0)
            #expect(
                lines == [
                    "open 0 ok: ",
                    "verify 0 ok size=\(verified.treeSize) devices=8 revocations=1 scrapped=1 replacements=1 runs=2 "
                        + "open=2 approved=0: ",
                    "checkpoint 0 ok size=\(verified.treeSize) root=\(root[0])\(root[31])",
                    "each 0 ok visited=8 listed=5 last=SN-7: ",
                    "each 3 stopped visited=2 listed=1 last=SN-1: ",
                ])
        }
    }

    @Test("A list that is not what the pins ask for is not opened", arguments: CInterface.allCases)
    func wrongPins(client: CInterface) throws {
        let other = try PublishedList()
        let cases: [(String, String, String, String)] = [
            (list.path, other.pemFile, PublishedList.origin, "open 37 checkpoint-signature: "),
            (list.path, list.pemFile, "other.example/list", "open 38 checkpoint-origin: "),
            (list.path, list.pemFile, "with space", "open 32 pins: "),
            (list.path + "-absent", list.pemFile, PublishedList.origin, "open 33 file-missing: "),
            (list.pemFile, list.pemFile, PublishedList.origin, "open 70 archive: "),
        ]
        for (path, key, origin, expected) in cases {
            let (code, lines) = try client.run(path, key: key, origin: origin, ["verify"])
            #expect(code == 1)
            #expect(lines.first?.hasPrefix(expected) == true, "\(lines)")
        }
    }

    @Test("A damaged list is found by what reads the damaged part", arguments: CInterface.allCases)
    func damaged(client: CInterface) throws {
        try list.damage("index/serial-0-13", at: 3)
        let (code, lines) = try client.run(list.path, key: list.pemFile, ["verify", "each", "0"])
        #expect(code == 0)
        #expect(lines.contains { $0.hasPrefix("verify 52 segment size=0 ") }, "\(lines)")
        #expect(lines.last == "each 0 ok visited=8 listed=5 last=SN-7: ")
        for options in [1, 2] {
            let refused = try client.run(list.path, key: list.pemFile, options: options, [])
            #expect(refused.code == 1)
            #expect(refused.lines.first?.hasPrefix("open 52 segment: index/serial-0-13") == true)
        }
        try list.damage("tile/entries/000.p/14", at: 200)
        let entries = try client.run(list.path, key: list.pemFile, ["each", "0"])
        #expect(
            entries.lines.contains { $0.hasPrefix("each ") && $0.contains("visited=0 ") }, "\(entries.lines)")
    }

    @Test("Receipts, journals, deltas and pins files answer in C as they do in Swift")
    func keeping() throws {
        let pins = try Pins(
            origin: PublishedList.origin, logKeyPEM: String(contentsOfFile: list.pemFile, encoding: .utf8))
        let pinsFile = list.folder.appending(path: "pins.json")
        try Data(PinsFile.write(pins)).write(to: pinsFile)
        let reader = try BundleReader(directory: list.path, pins: pins)
        var maker = ReceiptMaker(reader)
        let receipt = list.folder.appending(path: "device.tlog-proof")
        try Data(maker.receipt(forEntryAt: 1).bytes).write(to: receipt)
        let delta = list.folder.appending(path: "delta.tar")
        _ = try BundleDelta.write(from: 0, of: BundleFolder(list.path), pins: pins, to: delta.path)
        let journal = list.folder.appending(path: "journal").path
        let grown = list.folder.appending(path: "grown").path

        let (code, lines) = try CInterface.shared.run(
            list.path, key: pinsFile.path, origin: "-", options: 2,
            ["receipt", receipt.path, "SN-0", key(0), "receipt", receipt.path, "SN-0", key(4)]
                + ["receipt", list.pemFile, "SN-0", key(0), "journal", journal, "delta", grown, delta.path]
                + ["delta", grown, receipt.path])
        #expect(code == 0)
        let size = reader.checkpoint.size
        #expect(lines.first == "open 0 ok: ")
        #expect(
            lines.contains(
                "receipt 0 ok state=1 key=1 index=1 serial=SN-0 product=pump run=R-1 by=18446744073709551615 "
                    + "reason=: "), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("receipt 77 receipt-device state=0") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("receipt 66 receipt-malformed state=0") }, "\(lines)")
        #expect(lines.contains("journal 0 ok advance 0 ok closed 5 closed: "), "\(lines)")
        #expect(lines.contains("delta 0 ok size=\(size): "), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("delta 70 archive size=0") }, "\(lines)")
        #expect(try BundleVerifier.verify(directory: grown, pins: pins).treeSize == size)
        #expect(try DecisionJournal.check(journal, pins: pins).lastCheckpoint == reader.checkpoint)
    }

    @Test("NULL, closed and made-up handles, short structures and small rooms are refused, not followed")
    func misuse() throws {
        let (code, lines) = try CInterface.shared.run(list.path, key: list.pemFile, ["misuse"])
        let invalid = "4 invalid-argument"
        #expect(code == 0)
        #expect(
            lines == [
                "open 0 ok: ",
                "no-path \(invalid) handle=0",
                "no-pins \(invalid) no-handle \(invalid) short-pins \(invalid) no-key \(invalid) bits \(invalid) "
                    + "not-utf8 \(invalid)",
                "no-serial \(invalid) state=0",
                "no-room \(invalid) no-answer 1 refused no-digest \(invalid) no-visitor \(invalid) "
                    + "no-summary 0 ok no-root 0 ok sha256 \(invalid)",
                "tiny 1 refused: not-lis",
                "closed 5 closed state=0",
                "made-up 5 closed zero 5 closed word=unknown",
            ])
    }

    @Test("Every refusal of the library has a number, and the header's names are their words")
    func words() throws {
        let header = try String(
            contentsOf: Places.headers.appending(path: "rootline_allowlist.h"), encoding: .utf8)
        var numbers: [String: Int] = [:]
        for match in header.matches(of: /ROOTLINE_ALLOWLIST_([A-Z0-9_]+) = (\d+)/) {
            numbers[match.1.lowercased().replacing("_", with: "-")] = Int(match.2)
        }
        let named = numbers.filter { $0.value >= 32 || ["ok", "refused", "key-unchecked"].contains($0.key) }
        let words = try CInterface.words(named.values.sorted())
        #expect(words == named.sorted { $0.value < $1.value }.map(\.key))
        for code in AllowlistError.Code.allCases.map(\.rawValue) + JournalError.Code.allCases.map(\.rawValue)
        {
            #expect(numbers[code] != nil, "\(code) has no number in the header")
        }
    }
}
