/// Gathers faults: keeps the first in full and counts the rest, so that memory stays flat.
///
/// The first are those that stand first, file by file and line by line, whenever they are found.
struct FaultLog: Sendable {
    private(set) var kept: [ManifestFault] = []
    private(set) var count = 0
    /// The files in their order; others come after them as they appear.
    private var files: [String]
    /// A folder among the files, whose own files stand in its place, in the order of their names.
    private let folder: String?

    init(files: [String] = [], folder: String? = nil) {
        self.files = files + (folder.map { [$0] } ?? [])
        self.folder = folder
    }

    mutating func add(_ fault: ManifestFault) {
        add(file: fault.file, line: fault.line) { fault }
    }

    /// Adds a fault that is made only when it is among the first.
    mutating func add(file: String, line: Int, _ fault: () -> ManifestFault) {
        count += 1
        let isFull = kept.count == ManifestError.keptFaults
        let isInFolder = folder.map { file.hasPrefix($0 + "/") } ?? false
        if !isInFolder, !files.contains(file) { files.append(file) }
        if isFull, let last = kept.last, place(last.file, last.line) < place(file, line) { return }
        let fault = fault()
        let here = (place(file, fault.line), fault.column)
        let index = kept.firstIndex { other in here < (place(other.file, other.line), other.column) }
        if isFull {
            guard index != nil else { return }
            kept.removeLast()
        }
        kept.insert(fault, at: min(index ?? kept.count, kept.count))
    }

    private struct Place: Comparable {
        var rank: Int
        var name: String
        var line: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.rank, left.name, left.line) < (right.rank, right.name, right.line)
        }
    }

    private func place(_ file: String, _ line: Int) -> Place {
        if let index = files.firstIndex(of: file) { return Place(rank: index, name: "", line: line) }
        guard let folder, file.hasPrefix(folder + "/") else {
            return Place(rank: files.count, name: "", line: line)
        }
        return Place(rank: files.firstIndex(of: folder) ?? files.count, name: file, line: line)
    }

    func throwIfFaulty(subject: String) throws(ManifestError) {
        guard count > 0 else { return }
        throw ManifestError(
            .invalid, subject: subject,
            message: count == 1 ? "the manifest has a fault" : "the manifest has \(count) faults",
            hint: "Correct the manifest or the device list; nothing was made.",
            faults: kept, faultCount: count)
    }
}
