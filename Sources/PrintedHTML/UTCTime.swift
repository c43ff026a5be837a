/// Times as transcripts and reports write them: UTC, in whole seconds.
package enum UTCTime {
    /// Seconds since 1970 of `YYYY-MM-DDThh:mm:ssZ` (RFC 3339); nil for any other form.
    package static func seconds(_ text: String) -> Int? {
        let octets = Array(text.utf8)
        guard octets.count == 20,
            zip(octets, "0000-00-00T00:00:00Z".utf8).allSatisfy({ octet, form in
                form == UInt8(ascii: "0") ? (0x30...0x39).contains(octet) : octet == form
            })
        else { return nil }
        func number(_ range: Range<Int>) -> Int { octets[range].reduce(0) { $0 * 10 + Int($1) - 0x30 } }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        // Days since 1970-01-01, counted in years that begin in March, so that the leap day is the last.
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let leapDays = shifted / 4 - shifted / 100 + shifted / 400
        let days = shifted * 365 + leapDays + dayOfYear - 719_468
        return days * 86_400 + number(11..<13) * 3_600 + number(14..<16) * 60 + number(17..<19)
    }

    /// `hh:mm:ss` of a time in that form; the text itself where it has another.
    package static func clock(_ text: String) -> String {
        seconds(text) == nil ? text : String(text.dropFirst(11).dropLast())
    }

    /// A duration as people say it: `47 s`, `3 min 05 s`, `1 h 12 min`.
    package static func spoken(_ seconds: Int?) -> String {
        guard let seconds else { return "—" }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60) min \(two(seconds % 60)) s" }
        return "\(seconds / 3_600) h \(two(seconds % 3_600 / 60)) min"
    }
}
