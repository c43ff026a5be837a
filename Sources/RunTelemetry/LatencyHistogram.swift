/// How long devices took, counted on a logarithmic scale: of fixed size however many there are, and mergeable.
///
/// Each doubling of the time from 16.384 µs (2^14 ns) on has four buckets of equal width: 96 buckets, to 275 s. Shorter
/// times count in the first, longer ones in the last.
public struct LatencyHistogram: Sendable, Hashable {
    public static let bucketCount = 96
    private static let firstExponent = 14

    /// How many times fell into each bucket.
    public private(set) var counts = [UInt64](repeating: 0, count: bucketCount)
    /// The sum of all times, in nanoseconds.
    public private(set) var sum: UInt64 = 0
    /// The longest time, in nanoseconds; 0 where there is none.
    public private(set) var longest: UInt64 = 0

    public init() {}

    /// Counts one time, in nanoseconds.
    public mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(of: nanoseconds)] &+= 1
        sum &+= nanoseconds
        longest = max(longest, nanoseconds)
    }

    /// Counts one time.
    public mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        // Beyond a year nothing is told apart any more, and nothing overflows.
        record(
            UInt64(min(max(seconds, 0), 31_536_000)) * 1_000_000_000
                + UInt64(max(attoseconds, 0) / 1_000_000_000))
    }

    /// Adds the times of another.
    public mutating func merge(_ other: LatencyHistogram) {
        for bucket in 0..<Self.bucketCount { counts[bucket] &+= other.counts[bucket] }
        sum &+= other.sum
        longest = max(longest, other.longest)
    }

    /// How many times were counted.
    public var count: UInt64 { counts.reduce(0, &+) }
    public var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    /// The bucket in which a time counts.
    static func bucket(of nanoseconds: UInt64) -> Int {
        guard nanoseconds >> firstExponent > 0 else { return 0 }
        let exponent = 63 - nanoseconds.leadingZeroBitCount
        let quarter = Int(nanoseconds >> (exponent - 2)) & 3
        return min(bucketCount - 1, (exponent - firstExponent) * 4 + quarter)
    }

    /// The shortest time of a bucket, in nanoseconds; the first one's is taken as 0.
    static func lowerBound(of bucket: Int) -> UInt64 {
        bucket == 0 ? 0 : UInt64(4 + bucket % 4) << (bucket / 4 + firstExponent - 2)
    }

    /// The first time that is beyond a bucket, in nanoseconds.
    static func upperBound(of bucket: Int) -> UInt64 {
        UInt64(4 + (bucket + 1) % 4) << ((bucket + 1) / 4 + firstExponent - 2)
    }

    /// The time within which this share of the devices (0 to 1) was done, in nanoseconds; nil where there is none.
    ///
    /// Within a bucket times are taken as evenly spread: the answer is off by a fifth at most, mostly by far less.
    public func quantile(_ share: Double) -> UInt64? {
        let count = count
        guard count > 0 else { return nil }
        let wanted = max(1, (min(max(share, 0), 1) * Double(count)).rounded(.up))
        var before = 0.0
        for (bucket, number) in counts.enumerated() where number > 0 {
            if before + Double(number) >= wanted {
                // Nothing bounds the last bucket but the longest time itself.
                let lower = Double(Self.lowerBound(of: bucket))
                let upper =
                    bucket == Self.bucketCount - 1 ? Double(longest) : Double(Self.upperBound(of: bucket))
                let time = lower + (upper - lower) * (wanted - before) / Double(number)
                return min(UInt64(min(max(time, 0), 9e18)), longest)
            }
            before += Double(number)
        }
        return longest
    }

    /// For each doubling from 2^15 ns (32.768 µs) to 2^37 ns (137 s): that bound, and how many times were below it.
    public var cumulative: [(bound: UInt64, count: UInt64)] {
        var steps: [(bound: UInt64, count: UInt64)] = []
        var count: UInt64 = 0
        for bucket in 0..<Self.bucketCount - 4 {
            count &+= counts[bucket]
            if bucket % 4 == 3 { steps.append((Self.upperBound(of: bucket), count)) }
        }
        return steps
    }
}

// The wire between a worker and the run.
extension LatencyHistogram {
    /// The histogram for the wire: how many buckets are not empty (1 octet), for each its number (1) and count (8), then
    /// the sum (8) and the longest time (8), little-endian.
    public var octets: [UInt8] {
        var octets: [UInt8] = [UInt8(counts.count { $0 > 0 })]
        for (bucket, count) in counts.enumerated() where count > 0 {
            octets.append(UInt8(bucket))
            Self.append(count, to: &octets)
        }
        Self.append(sum, to: &octets)
        Self.append(longest, to: &octets)
        return octets
    }

    /// Reads what `octets` wrote; nil for anything else.
    public init?(octets: [UInt8]) {
        guard let buckets = octets.first.map(Int.init), buckets <= Self.bucketCount,
            octets.count == 1 + buckets * 9 + 16
        else { return nil }
        var previous = -1
        for index in 0..<buckets {
            let offset = 1 + index * 9
            let bucket = Int(octets[offset])
            let count = Self.number(octets, at: offset + 1)
            guard bucket > previous, bucket < Self.bucketCount, count > 0 else { return nil }
            counts[bucket] = count
            previous = bucket
        }
        sum = Self.number(octets, at: octets.count - 16)
        longest = Self.number(octets, at: octets.count - 8)
        guard Self.bucket(of: longest) == max(previous, 0) else { return nil }
    }

    private static func append(_ number: UInt64, to octets: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { octets.append(contentsOf: $0) }
    }

    private static func number(_ octets: [UInt8], at offset: Int) -> UInt64 {
        octets.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

// As lines of a time line hold it.
extension LatencyHistogram: Codable {
    private enum CodingKeys: String, CodingKey {
        case buckets
        case sum
        case longest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let pairs = counts.enumerated().filter { $1 > 0 }.map { [UInt64($0), $1] }
        try container.encode(pairs, forKey: .buckets)
        try container.encode(sum, forKey: .sum)
        try container.encode(longest, forKey: .longest)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for pair in try container.decode([[UInt64]].self, forKey: .buckets) {
            guard pair.count == 2, pair[0] < Self.bucketCount else {
                throw DecodingError.dataCorruptedError(
                    forKey: .buckets, in: container, debugDescription: "no bucket and count")
            }
            counts[Int(pair[0])] = pair[1]
        }
        sum = try container.decode(UInt64.self, forKey: .sum)
        longest = try container.decode(UInt64.self, forKey: .longest)
    }
}

/// The times that are shown of a histogram, in microseconds.
public struct LatencyQuantiles: Sendable, Hashable, Codable {
    public var medianMicroseconds: Double
    public var p90Microseconds: Double
    public var p99Microseconds: Double
    public var longestMicroseconds: Double

    /// nil where no time was counted.
    public init?(_ histogram: LatencyHistogram) {
        guard let median = histogram.quantile(0.5), let p90 = histogram.quantile(0.9),
            let p99 = histogram.quantile(0.99)
        else { return nil }
        func microseconds(_ nanoseconds: UInt64) -> Double { (Double(nanoseconds) / 100).rounded() / 10 }
        medianMicroseconds = microseconds(median)
        p90Microseconds = microseconds(p90)
        p99Microseconds = microseconds(p99)
        longestMicroseconds = microseconds(histogram.longest)
    }
}
