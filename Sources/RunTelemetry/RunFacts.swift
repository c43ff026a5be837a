/// What a session of a run begins with, as ledger and command line know it.
public struct RunFacts: Sendable, Hashable {
    public var run: String
    public var product: String
    /// The run's folder, `runs/<id>`, which is there.
    public var folder: String
    public var isResumed: Bool
    public var quantity: Int
    public var spoilage: Int
    public var released: Int
    public var scrapped: Int
    public var burned: Int
    public var workers: Int
    /// Sessions a worker.
    public var sessions: Int
    public var cores: Int

    public init(
        run: String, product: String, folder: String, isResumed: Bool, quantity: Int, spoilage: Int,
        released: Int, scrapped: Int, burned: Int, workers: Int, sessions: Int, cores: Int
    ) {
        self.run = run
        self.product = product
        self.folder = folder
        self.isResumed = isResumed
        self.quantity = quantity
        self.spoilage = spoilage
        self.released = released
        self.scrapped = scrapped
        self.burned = burned
        self.workers = workers
        self.sessions = sessions
        self.cores = cores
    }
}
