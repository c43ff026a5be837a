/// A step as it stands on paper: what the people need to follow it, and the blanks that they fill in.
struct PrintedStep: Sendable, Hashable {
    /// From 1, in the script's order.
    let number: Int
    let id: String
    /// The script's word for what is done.
    let action: String
    let actor: String
    let witnesses: [String]
    /// Who initials the step: each holder of the actor's role, then of the witnesses'.
    let initials: [String]
    let text: String
    let minutes: Int
    let isIrreversible: Bool
    let onFailure: String
    /// What has to be so before the step; nil where the step has no condition.
    let before: String?
    /// What is so after it.
    let after: String?
    /// What the script gives the step: its keys and their values, in the script's words.
    let facts: [Fact]
    let blanks: [Blank]

    struct Fact: Sendable, Hashable {
        let name: String
        let value: String
    }

    /// What is filled in by hand, beside time and initials.
    enum Blank: Sendable, Hashable {
        /// A line to write on.
        case value(String)
        /// Boxes to tick.
        case choice(String, options: [String])
        /// Boxes for a SHA-256's digits, and lines for its words.
        case digest(String)
    }
}
