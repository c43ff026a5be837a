import Foundation

/// When a certificate ends.
enum ValidityEnd: Hashable, Sendable {
    /// 99991231235959Z: no well-defined end (RFC 5280 section 4.1.2.5).
    case never
    case years(Int)
    case days(Int)
    case hours(Int)

    /// Reads `99991231235959Z`, `P20Y`, `P90D` or `PT12H` (ISO 8601, one unit, 1 to 99 999).
    init?(_ text: String) {
        if text == "99991231235959Z" {
            self = .never
            return
        }
        let isTime = text.hasPrefix("PT")
        let body = text.dropFirst(isTime ? 2 : 1)
        let digits = body.dropLast()
        guard text.hasPrefix("P"), let unit = body.last, let number = Int(digits), String(number) == digits,
            (1...99_999).contains(number)
        else { return nil }
        switch (isTime, unit) {
        case (false, "Y"): self = .years(number)
        case (false, "D"): self = .days(number)
        case (true, "H"): self = .hours(number)
        default: return nil
        }
    }

    /// The last second of validity, in seconds since 1970 UTC.
    ///
    /// RFC 5280 counts both ends as valid, so a duration ends one second before the same time of its last day.
    /// A year from 29 February ends on 28 February.
    func end(from start: Int64) -> Int64 {
        switch self {
        case .never: return CalendarTime.endOfTime
        case .hours(let count): return start + Int64(count) * 3600 - 1
        case .days(let count): return start + Int64(count) * 86_400 - 1
        case .years(let count):
            var time = CalendarTime(seconds: start)
            time.year += count
            if time.month == 2, time.day == 29, !CalendarTime.isLeap(time.year) {
                time.month = 3
                time.day = 1
            }
            return time.seconds - 1
        }
    }
}

/// A UTC time in the proleptic Gregorian calendar, without leap seconds.
struct CalendarTime: Hashable, Sendable {
    var year: Int
    var month: Int
    var day: Int
    var secondOfDay: Int

    /// 99991231235959Z.
    static let endOfTime: Int64 = 253_402_300_799

    static func isLeap(_ year: Int) -> Bool { (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 }

    init(seconds: Int64) {
        let days = Int((seconds - (((seconds % 86_400) + 86_400) % 86_400)) / 86_400)
        secondOfDay = Int(((seconds % 86_400) + 86_400) % 86_400)
        // Days since 1 March of year 0, in eras of 400 years: March comes first so that the leap day is last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var seconds: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468) * 86_400 + Int64(secondOfDay)
    }

    /// Whole seconds since 1970 UTC, fractions dropped; nil outside the years 1950 to 9999.
    static func seconds(of date: Date) -> Int64? {
        let interval = date.timeIntervalSince1970.rounded(.down)
        guard interval >= -631_152_000, interval <= Double(endOfTime) else { return nil }
        return Int64(interval)
    }
}
