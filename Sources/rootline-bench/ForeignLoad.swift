import Foundation
import Glibc

/// How busy programs that are not ours keep the machine while something is measured.
struct ForeignLoad {
    private let begun = ForeignLoad.ticks()
    private let ownBegun = ForeignLoad.ownSeconds()

    /// The share of all processors' time since the beginning that others used, 0 to 1.
    func share() -> Double {
        let now = Self.ticks()
        let total = Double(now.total - begun.total)
        guard total > 0 else { return 0 }
        let own = (Self.ownSeconds() - ownBegun) * Double(sysconf(Int32(_SC_CLK_TCK)))
        return max(0, Double(now.busy - begun.busy) - own) / total
    }

    /// Clock ticks of all processors since the machine's start (`/proc/stat`, proc(5)); stolen ones are busy ones.
    private static func ticks() -> (busy: Int, total: Int) {
        let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Int($0) }
        guard fields.count >= 8 else { return (0, 0) }
        // user nice system idle iowait irq softirq steal
        let total = fields.prefix(8).reduce(0, +)
        return (total - fields[3] - fields[4], total)
    }

    /// Processor time of this program and of the children that it waited for.
    private static func ownSeconds() -> Double {
        let own = rusage.own
        var children = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &children)
        return own.processorSeconds + children.processorSeconds
    }
}

extension rusage {
    /// What this program used so far, without its children.
    static var own: rusage {
        var own = rusage()
        getrusage(RUSAGE_SELF.rawValue, &own)
        return own
    }

    /// In user and in system mode together.
    var processorSeconds: Double {
        Double(ru_utime.tv_sec + ru_stime.tv_sec) + Double(ru_utime.tv_usec + ru_stime.tv_usec) / 1_000_000
    }
}
