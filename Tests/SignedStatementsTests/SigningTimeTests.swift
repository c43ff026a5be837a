import Foundation
import SignedStatements
import SwiftASN1
import Testing

@Suite("Times in CMS") struct SigningTimeTests {
    private func text(_ seconds: Int64) throws -> String {
        String(decoding: try SigningTime.der(seconds).dropFirst(2), as: UTF8.self)
    }

    @Test(
        "The turn of a day, a leap year and 2050 are written as RFC 5652 has it",
        arguments: [
            (Int64(0), "700101000000Z"), (951_782_399, "000228235959Z"), (951_782_400, "000229000000Z"),
            (951_868_800, "000301000000Z"), (1_709_164_800, "240229000000Z"),
            (2_524_607_999, "491231235959Z"), (2_524_608_000, "20500101000000Z"),
            (4_107_542_400, "21000301000000Z"), (253_402_300_799, "99991231235959Z"),
        ])
    func known(seconds: Int64, text: String) throws {
        #expect(try self.text(seconds) == text)
        #expect(try SigningTime.read(DER.parse(SigningTime.der(seconds))) == seconds)
    }

    @Test("Any time reads back, and is the one that the system's calendar gives")
    func random() throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        for _ in 0..<500 {
            let seconds = Int64.random(in: 0...253_402_300_799)
            formatter.dateFormat = seconds < 2_524_608_000 ? "yyMMddHHmmss'Z'" : "yyyyMMddHHmmss'Z'"
            #expect(
                try text(seconds) == formatter.string(from: Date(timeIntervalSince1970: Double(seconds))))
            #expect(try SigningTime.read(DER.parse(SigningTime.der(seconds))) == seconds)
        }
    }

    @Test("Before 1970 and after 9999 nothing is written")
    func outside() {
        for seconds in [-1, 253_402_300_800, Int64.max, Int64.min] {
            #expect(throws: (any Error).self) { try SigningTime.der(seconds) }
        }
    }
}
