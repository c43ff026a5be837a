#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension Pins {
    /// Seconds by which a time may be ahead of the consumer's clock.
    public static let clockTolerance: UInt64 = 300

    /// The time of the system: UTC seconds since 1970.
    public static let systemClock: @Sendable () -> UInt64 = { UInt64(clamping: time(nil)) }

    /// Throws `stale` where ``maxAge`` is pinned and a checkpoint of this time is older, or was made more than
    /// ``clockTolerance`` after the clock's time.
    ///
    /// A machine whose clock is wrong cannot tell a fresh list from one that is held back: that is refused too.
    func requireFresh(_ time: UInt64) throws(AllowlistError) {
        guard let maxAge else { return }
        let now = clock()
        guard time <= now || time - now <= Self.clockTolerance else {
            throw AllowlistError(
                .stale, file: SignedHead.cmsPath,
                "the checkpoint's time is \(Self.words(forSeconds: time - now)) ahead of this machine's clock",
                hint: "set the clock right; a log that dates ahead makes an old list look fresh")
        }
        guard time >= now || now - time <= maxAge else {
            throw AllowlistError(
                .stale, file: SignedHead.cmsPath,
                "the checkpoint is \(Self.words(forSeconds: now - time)) old; at most "
                    + "\(Self.words(forSeconds: maxAge)) is allowed",
                hint: "take the newest from the publisher: what is held back may revoke devices")
        }
    }

    /// Seconds in words, of the two largest units that are not nothing.
    package static func words(forSeconds seconds: UInt64) -> String {
        let units: [(UInt64, String)] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")]
        var rest = seconds
        var parts: [String] = []
        for (length, name) in units {
            let count = rest / length
            rest %= length
            if count > 0 { parts.append("\(count) \(name)\(count == 1 ? "" : "s")") }
        }
        return parts.isEmpty ? "0 seconds" : parts.prefix(2).joined(separator: " ")
    }
}
