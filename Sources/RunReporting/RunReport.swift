import Foundation
import RunTelemetry

/// Everything that a run's report shows; where it comes from is the caller's to know.
public struct RunReport: Sendable {
    /// A file of the run, or an entry of the log, by its SHA-256.
    public struct Artefact: Sendable, Hashable {
        public var name: String
        /// Relative to the site.
        public var place: String
        /// Octets; nil for what is no file.
        public var size: Int?
        /// In hexadecimal.
        public var sha256: String

        public init(name: String, place: String, size: Int?, sha256: String) {
            self.name = name
            self.place = place
            self.size = size
            self.sha256 = sha256
        }
    }

    /// How far the run is.
    public enum State: Sendable, Hashable {
        case atWork
        case sealed(at: Date)
        /// Stopped on request, or ended before its first device; `run resume` goes on.
        case interrupted(reason: String?)
        /// Ended without a word: killed, or the power went.
        case killed
        case failed(code: String, reason: String)
    }

    /// A name and what it is.
    public typealias Fact = (name: String, value: String)

    public var run: String
    public var product: String
    public var origin: String
    public var isRehearsal: Bool
    public var state: State
    public var books: RunBooks
    public var openedAt: Date
    public var timeline: Timeline
    /// What was ordered and approved, by whom, until when.
    public var order: [Fact] = []
    /// What the certificates are made by.
    public var certificates: [Fact] = []
    public var artefacts: [Artefact] = []
    /// Commands for somebody who does not trust this program, each with what it shows.
    public var checks: [(purpose: String, command: String)] = []
    /// What could not be read for this report.
    public var missing: [String] = []
    public var program: String
    public var writtenAt: Date

    public init(
        run: String, product: String, origin: String, isRehearsal: Bool, state: State, books: RunBooks,
        openedAt: Date, timeline: Timeline, program: String, writtenAt: Date
    ) {
        self.run = run
        self.product = product
        self.origin = origin
        self.isRehearsal = isRehearsal
        self.state = state
        self.books = books
        self.openedAt = openedAt
        self.timeline = timeline
        self.program = program
        self.writtenAt = writtenAt
    }
}
