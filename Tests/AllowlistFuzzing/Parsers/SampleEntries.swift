import Allowlist
import TransparencyLog

/// Entries of every kind with made-up values, always the same.
enum SampleEntries {
    static let run = "R-1"
    /// With a letter that has a second spelling, which Unicode calls equivalent and which is another product.
    static let product = "pomp\u{e9}"
    static let otherSpelling = "pompe\u{301}"
    static let issuer = [UInt8](repeating: 0xa1, count: 20)
    static let authorisation = Array("an authorisation".utf8)
    static let time: UInt64 = 1_700_000_000

    static func digest(_ number: Int, _ tag: UInt8) -> Digest32 {
        Digest32.sha256(Array("\(tag):\(number)".utf8))
    }

    static func openRun(
        _ run: String = run, quantity: UInt64 = 100, spoilage: UInt64 = 2, serials: SerialForm = .plain
    ) -> AllowlistEntry {
        .openRun(
            .init(
                run: run, product: product, authorisation: Digest32.sha256(authorisation),
                quantity: quantity, spoilage: spoilage, template: digest(0, 0), issuerKeyID: issuer,
                openedAt: time, isRehearsal: false, serials: serials))
    }

    static func device(_ number: Int, run: String = run, serial: ListedSerial? = nil) -> AllowlistEntry.Add {
        AllowlistEntry.Add(
            run: run, product: product, serial: serial ?? .plain("SN-\(number)"), key: digest(number, 1),
            certificate: digest(number, 2), certificateSerial: Array(digest(number, 3).bytes.prefix(16)),
            authorityKeyID: issuer, notAfter: 253_402_300_799, rotates: false)
    }

    static func burn(_ number: Int, run: String = run) -> AllowlistEntry {
        .revoke(
            .init(
                run: run, reason: .unspecified, effectiveAt: time,
                subject: .burned(
                    certificateSerial: Array(digest(number, 4).bytes.prefix(16)), authorityKeyID: issuer)))
    }

    static func seal(
        _ run: String = run, openIndex: UInt64, released: UInt64, scrapped: UInt64, burned: [Int]
    ) -> AllowlistEntry {
        .seal(
            .init(
                run: run, openIndex: openIndex, reserved: released + scrapped + UInt64(burned.count),
                released: released, scrapped: scrapped, burned: UInt64(burned.count),
                burnedDigest: AllowlistEntry.Seal.burnedDigest(
                    of: burned.map { Array(digest($0, 4).bytes.prefix(16)) }),
                activation: .pinSource, sealedAt: time, isRehearsal: false))
    }

    /// One of each kind and of each form of it.
    static let all: [AllowlistEntry] = {
        var whole = device(7, serial: .plain("größer/7"))
        whole.fdo = .init(guid: Array(0..<16), voucher: digest(7, 5))
        whole.firmware = [digest(1, 6), digest(2, 6)]
        whole.rotates = true
        return [
            openRun(), openRun("R-9", serials: .hashed), .add(device(1)),
            .add(device(8, serial: .hashed(digest(8, 10)))), .add(whole), burn(1),
            .revoke(
                .init(run: run, reason: .keyCompromise, effectiveAt: time, subject: .device(index: 1))),
            .scrap(.init(index: 70_000, reason: "dropped", scrappedAt: time)),
            .replace(.init(priorIndex: 3, newIndex: 300, reason: "RMA 17", replacedAt: time)),
            seal(openIndex: 0, released: 2, scrapped: 1, burned: [1]),
            .state(.init(segments: [])),
            .state(
                .init(segments: [
                    Segment(kind: .key, start: 0, end: 4096, recordCount: 4000, root: digest(1, 7)),
                    Segment(kind: .key, start: 4096, end: 5000, recordCount: 900, root: digest(2, 7)),
                    Segment(kind: .serial, start: 0, end: 5000, recordCount: 4900, root: digest(3, 7)),
                ])),
            .rotateSigner(
                .init(
                    oldKey: Array(1...91), newKey: Array(2...92), isEmergency: true,
                    authorisation: digest(1, 8), trustedSize: 5000, trustedRoot: digest(1, 9), rotatedAt: time
                )),
        ]
    }()

    static let encoded: [[UInt8]] = all.compactMap { try? $0.encoded() }
}
