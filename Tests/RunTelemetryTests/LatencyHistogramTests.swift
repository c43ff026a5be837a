import Foundation
import Testing

@testable import RunTelemetry

@Suite struct LatencyHistogramTests {
    @Test("Every time falls into the one bucket whose bounds hold it")
    func buckets() {
        for bucket in 1..<LatencyHistogram.bucketCount - 1 {
            let (lower, upper) = (
                LatencyHistogram.lowerBound(of: bucket), LatencyHistogram.upperBound(of: bucket)
            )
            #expect(LatencyHistogram.bucket(of: lower) == bucket)
            #expect(LatencyHistogram.bucket(of: upper - 1) == bucket)
            #expect(LatencyHistogram.bucket(of: upper) == bucket + 1)
            // A bucket is a quarter of its lower bound wide at most: 16.384 µs to 275 s in 96 of them.
            #expect(Double(upper - lower) <= Double(lower) / 4)
        }
        #expect(LatencyHistogram.bucket(of: 0) == 0)
        #expect(LatencyHistogram.upperBound(of: 95) == 1 << 38)
        #expect(LatencyHistogram.bucket(of: .max) == 95)
    }

    @Test("Quantiles are off by a fifth at most, and never beyond the longest time")
    func quantiles() throws {
        var histogram = LatencyHistogram()
        let times = (1...10_000).map { UInt64($0) * 37_000 }
        for time in times { histogram.record(time) }
        for share in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
            let exact = Double(times[Int(share * 10_000) - 1])
            let told = Double(try #require(histogram.quantile(share)))
            #expect(abs(told - exact) / exact < 0.2, "\(share): \(told) is not \(exact)")
        }
        #expect(histogram.quantile(1) == times.last)
        #expect(histogram.longest == times.last)
        #expect(histogram.sum == times.reduce(0, +))
        #expect(LatencyHistogram().quantile(0.5) == nil)
    }

    @Test("Merging counts as if all had been counted in one")
    func merging() {
        var (one, other, all) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for index in UInt64(0)..<5000 {
            let time = index * index * 13
            if index.isMultiple(of: 3) { one.record(time) } else { other.record(time) }
            all.record(time)
        }
        one.merge(other)
        #expect(one == all)
    }

    @Test("The wire and the time line's JSON give back the same histogram, empty ones too")
    func encoding() throws {
        var histogram = LatencyHistogram()
        #expect(LatencyHistogram(octets: histogram.octets) == histogram)
        for index in UInt64(0)..<300 { histogram.record(index << (index % 38)) }
        histogram.record(.max >> 1)
        #expect(LatencyHistogram(octets: histogram.octets) == histogram)
        let json = try JSONEncoder().encode(histogram)
        #expect(try JSONDecoder().decode(LatencyHistogram.self, from: json) == histogram)
        #expect(histogram.octets.count <= 1 + 96 * 9 + 16)
    }

    @Test("Octets that no histogram has are refused")
    func malformed() {
        var histogram = LatencyHistogram()
        for time in [UInt64(20_000), 190_000, 200_000, 3_000_000] { histogram.record(time) }
        let good = histogram.octets
        var refused = [[], Array(good.dropLast()), good + [0], [97] + good.dropFirst()]
        // A bucket twice, one that does not exist, one without a count, and a longest time in no bucket.
        for (offset, value) in [(10, good[1]), (1, 96), (2, 0)] {
            var changed = good
            changed[offset] = value
            refused.append(changed)
        }
        var changed = good
        changed[good.count - 1] = 1
        refused.append(changed)
        for octets in refused { #expect(LatencyHistogram(octets: octets) == nil, "\(octets)") }
    }

    @Test("The steps for Prometheus only grow, and count everything below their bound")
    func cumulative() {
        var histogram = LatencyHistogram()
        let times = (0..<2000).map { UInt64($0 * $0) * 41 }
        for time in times { histogram.record(time) }
        let steps = histogram.cumulative
        #expect(steps.count == 23 && steps.first?.bound == 1 << 15 && steps.last?.bound == 1 << 37)
        for (step, next) in zip(steps, steps.dropFirst()) {
            #expect(next.bound == step.bound * 2 && next.count >= step.count)
        }
        for step in steps { #expect(Int(step.count) == times.count { $0 < step.bound }) }
    }
}
