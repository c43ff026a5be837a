import Foundation
import Glibc

extension Site {
    /// Removes what processes that were killed had begun to write under the site and never gave its name.
    ///
    /// Every file of a ceremony is written whole beside its place, as `<name>.new-<process>`. Whoever calls holds the
    /// site's lock (`lockForRun`), so nobody is writing one now. It matters most under `secrets`, where such a file
    /// may hold a PIN. What cannot be removed stays: it has no effect.
    public func removeUnfinishedFiles() {
        for folder in ["activation", "backups", "ceremonies", "certificates", "crls", "rosters", "secrets"] {
            let walk = FileManager.default.enumerator(atPath: path(folder))
            while let name = walk?.nextObject() as? String {
                guard let mark = name.range(of: ".new-", options: .backwards) else { continue }
                let process = name[mark.upperBound...].utf8
                if !process.isEmpty, process.allSatisfy({ (0x30...0x39).contains($0) }) {
                    unlink(path("\(folder)/\(name)"))
                }
            }
        }
    }
}
