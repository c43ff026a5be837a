import SignedStatements
import TokenKeys

extension CeremonyScript {
    /// The script's steps as they are printed.
    func printedSteps(_ site: SiteNames?) -> [PrintedStep] {
        steps.enumerated().map { index, step in
            let content = step.content.printed
            return PrintedStep(
                number: index + 1, id: step.id, action: step.action.rawValue, actor: step.actor.onPaper,
                witnesses: step.witnesses.map(\.onPaper),
                initials: ([step.actor] + step.witnesses).flatMap { holders(of: $0, site) }, text: step.text,
                minutes: step.minutes, isIrreversible: step.isIrreversible, onFailure: step.onFailure.onPaper,
                before: content.before, after: content.after, facts: content.facts, blanks: content.blanks)
        }
    }

    /// One name for each person who holds the role: the site's where it gives one, else the role, numbered
    /// where several hold it.
    func holders(of role: CeremonyRole, _ site: SiteNames?) -> [String] {
        let count = roles.first { $0.role == role }?.count ?? 1
        let names = site?.people[role] ?? []
        return (0..<count).map { index in
            if index < names.count { return names[index] }
            return count == 1 ? role.onPaper : "\(role.onPaper) \(index + 1)"
        }
    }
}

extension CeremonyRole {
    /// The role's name in a sentence.
    var onPaper: String { String(rawValue.map { $0 == "-" ? " " : $0 }) }
}

extension FailureRule {
    fileprivate var onPaper: String {
        switch self {
        case .stop: "The ceremony stops."
        case .exception: "The ceremony stops, or goes on with an exception that actor and witnesses sign."
        case .remedy(let sentence): sentence
        }
    }
}
