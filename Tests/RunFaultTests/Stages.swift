import FaultyToken

/// Where in a run's operations on files one kind of thing ends and the next begins.
struct Stages {
    private let operations: [FaultyToken.SiteOperation]

    init(_ operations: [FaultyToken.SiteOperation]) {
        self.operations = operations
    }

    /// The operations behind which another kind follows, one of a kind of boundary, and all others; both in order.
    func divided() -> (boundaries: [Int], others: [Int]) {
        var seen: Set<[String]> = []
        var boundaries: [Int] = []
        var others: [Int] = []
        var before = ""
        for index in operations.indices {
            let kind = Stages.kind(operations[index])
            if kind != before, seen.insert([before, kind]).inserted {
                boundaries.append(index)
            } else {
                others.append(index)
            }
            before = kind
        }
        return (boundaries, others)
    }

    /// What is done to which kind of file: its name without numbers and digests.
    private static func kind(_ operation: FaultyToken.SiteOperation) -> String {
        operation.name + " " + operation.path.replacing(/[0-9a-f]{4,}|[0-9]+/, with: "")
    }
}
