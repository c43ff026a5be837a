/// Gathers faults: keeps the first in full and counts the rest, so that memory stays flat.
///
/// The first are those that stand first, file by file and line by line, whenever they are found.
struct FaultLog: Sendable {
    private(set) var kept: [ManifestFault] = []
    private(set) var count = 0
    /// The files in their order; others come after them as they appear.
    private var files: [String]

    init(files: [String] = []) {
        self.files = files
    }

    mutating func add(_ fault: ManifestFault) {
        add(file: fault.file, line: fault.line) { fault }
    }

    /// Adds a fault that is made only when it is among the first.
    mutating func add(file: String, line: Int, _ fault: () -> ManifestFault) {
        count += 1
        let isFull = kept.count == ManifestError.keptFaults
        if !files.contains(file) {
            // It would come after all that are kept; a folder may have a million files with faults.
            if isFull { return }
            files.append(file)
        }
        let rank = rank(file)
        if isFull, let last = kept.last, (self.rank(last.file), last.line) < (rank, line) { return }
        let fault = fault()
        let place = kept.firstIndex { other in
            (rank, fault.line, fault.column) < (self.rank(other.file), other.line, other.column)
        }
        if isFull {
            guard place != nil else { return }
            kept.removeLast()
        }
        kept.insert(fault, at: min(place ?? kept.count, kept.count))
    }

    private func rank(_ file: String) -> Int { files.firstIndex(of: file) ?? files.count }

    func throwIfFaulty(subject: String) throws(ManifestError) {
        guard count > 0 else { return }
        throw ManifestError(
            .invalid, subject: subject,
            message: count == 1 ? "the manifest has a fault" : "the manifest has \(count) faults",
            hint: "Correct the manifest or the device list; nothing was made.",
            faults: kept, faultCount: count)
    }
}
