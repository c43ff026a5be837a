import Testing

@testable import Allowlist

@Suite("Dividing work among threads")
struct ParallelPassesTests {
    @Test("Each piece is done once, whatever the number of threads", arguments: [1, 2, 3, 16])
    func once(workers: Int) {
        for count in [0, 1, 2, 1000] {
            let gathered = ParallelPasses(workers: workers).run(pieces: count, from: [Int]()) {
                piece, own in
                own.append(piece)
                return true
            }
            #expect(gathered.flatMap { $0 }.sorted() == Array(0..<count))
        }
    }

    @Test("All pieces before one that ended the work are done", arguments: [1, 2, 3, 16])
    func ends(workers: Int) {
        let gathered = ParallelPasses(workers: workers).run(pieces: 10_000, from: [Int]()) {
            piece, own in
            own.append(piece)
            return piece % 1000 != 999
        }
        let done = gathered.flatMap { $0 }.sorted()
        #expect(done == Array(0..<done.count))
        #expect(done.count >= 1000)
        #expect(done.count < 10_000)
    }
}
