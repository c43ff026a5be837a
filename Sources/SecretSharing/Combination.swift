/// Which `k` of `n` things are chosen; steps through all choices in lexicographic order.
struct Combination {
    let of: Int
    private(set) var indices: [Int]

    /// The first choice; `choose` is at most `of`.
    init(of: Int, choose: Int) {
        self.of = of
        indices = Array(0..<choose)
    }

    /// The next choice; after the last one the first again, and false.
    mutating func advance() -> Bool {
        var position = indices.count - 1
        while position >= 0, indices[position] == of - indices.count + position { position -= 1 }
        guard position >= 0 else {
            indices = Array(0..<indices.count)
            return false
        }
        indices[position] += 1
        for later in position + 1..<max(indices.count, position + 1) {
            indices[later] = indices[later - 1] + 1
        }
        return true
    }

    /// How many choices there are; `of` is at most 16, the most groups and the most members.
    static func count(of: Int, choose: Int) -> Int {
        // Each division is exact: after each step the product is a binomial coefficient.
        (0..<choose).reduce(1) { $0 * (of - $1) / ($1 + 1) }
    }
}
