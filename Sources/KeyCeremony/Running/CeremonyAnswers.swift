import Foundation
import StrictYAML

/// What people answer to the steps that ask: `check` with yes or no, `record` with a text, `compare` with the
/// digest that was taken down.
///
/// A rehearsal's answers are those that the script expects, unless a file says otherwise.
public struct CeremonyAnswers: Sendable {
    private let given: [String: String]
    private let file: String

    /// Every answer as the script expects it.
    public static let expected = CeremonyAnswers(given: [:], file: "")

    /// Reads a YAML map of step ids to answers, at most 64 KiB.
    public static func load(path: String) throws(CeremonyError) -> CeremonyAnswers {
        func invalid(_ message: String, line: Int? = nil) -> CeremonyError {
            CeremonyError(
                .answersInvalid, line.map { "\(path):\($0)" } ?? path, message,
                hint: "The file maps step ids to answers, e.g. `room-sealed: yes`.")
        }
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 16 else {
            throw invalid("no such file, or larger than 64 KiB")
        }
        var yaml = YAMLReader()
        let root = yaml.document(Array(data))
        if let problem = yaml.problems.first {
            // Nothing but comments is a file of no answers.
            if problem.code == "yaml.empty" { return CeremonyAnswers(given: [:], file: path) }
            throw invalid(problem.message, line: problem.line)
        }
        guard case .mapping(let pairs) = root?.content else {
            throw invalid("a map of step ids to answers is wanted")
        }
        var given: [String: String] = [:]
        for (key, value) in pairs {
            // `yes` and `007` are answers as they are written: they are compared as text.
            guard let id = key.scalar, let answer = value.scalar else {
                throw invalid("an answer is a word, a number or a text", line: key.position.line)
            }
            guard (1...256).contains(answer.count), !answer.contains(where: \.isNewline) else {
                throw invalid("an answer has 1 to 256 characters on one line", line: value.position.line)
            }
            given[id] = answer
        }
        return CeremonyAnswers(given: given, file: path)
    }

    /// Throws where a step is answered that the script has not, or that takes no answer.
    public func validate(for script: CeremonyScript) throws(CeremonyError) {
        for id in given.keys.sorted() {
            guard let step = script.steps.first(where: { $0.id == id }) else {
                throw CeremonyError(.answersInvalid, file, "the script has no step `\(id)`")
            }
            guard step.action.takesAnswer else {
                throw CeremonyError(
                    .answersInvalid, file, "step `\(id)` takes no answer: it is a \(step.action.rawValue)")
            }
        }
    }

    subscript(step: String) -> String? { given[step] }
}
