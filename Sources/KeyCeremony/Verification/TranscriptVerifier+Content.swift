import CanonicalJSON
import Crypto
import SignedStatements

// What a step may hold, and what it must: answers, digests, lists of objects, shares.
extension TranscriptVerifier {
    private static let answered: Set<String> = ["check", "record", "choose", "inspect-bag", "seal-bag"]
    /// The effect that is each step's own.
    private static let own: [String: String] = [
        "split": "set-activation", "generate-key": "generate-key", "verify-key": "test-signature",
        "sign-certificate": "sign-certificate", "sign-crl": "sign-crl", "wrap": "wrap", "unwrap": "unwrap",
        "destroy": "destroy", "enrol": "enrol-credential", "sign-roster": "sign-roster", "login": "login",
        "collect-shares": "login",
    ]

    mutating func takeContent(_ type: String, _ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        func only(_ actions: String...) throws(TranscriptRefusal) {
            guard actions.contains(step.action) else {
                throw refuse(.order, "`\(type)` does not belong into a \(step.action) step")
            }
        }
        switch type {
        case "answer": try takeAnswer(line, step)
        case "read-out":
            try only("read-out")
            try requireValue(line)
        case "compare":
            try only("compare")
            try requireValue(line)
            hasFailed = line["takenDown"] != line["value"]
        case "inventory":
            try only("inventory")
            let (token, objects) = (line["token"]?.text ?? "", line["objects"] ?? .null)
            try requireToken(token)
            inventories[token] = (inventories[token]?.first ?? objects, objects)
        case "printed": try only("print")
        case "shares":
            try only("split")
            guard effects.keys.allSatisfy({ !$0.hasPrefix("set-activation ") }) else {
                throw refuse(.order, "shares were made and put in force already")
            }
            try requireToken(line["token"]?.text ?? "")
            let holders = (line["holders"]?.items ?? []).compactMap { $0["name"]?.text }
            let needed = line["needed"]?.number ?? 0
            guard Set(holders).count == holders.count, needed >= 2, needed <= holders.count,
                holders.allSatisfy({ name in people.contains { $0.name == name } })
            else { throw refuse(.people, "the holders are not \(needed) or more different participants") }
            guard let quorums = quorums(line, holders: holders.count, needed: needed) else {
                throw refuse(.people, "the groups are not those of the holders")
            }
            shares = Shares(set: line["set"]?.text ?? "", needed: needed, holders: holders, quorums: quorums)
        case "share-read-back":
            try only("split")
            guard let shares, shares.set == line["set"]?.text, shares.readBack.count < shares.holders.count,
                shares.holders[shares.readBack.count] == line["name"]?.text
            else { throw refuse(.order, "no share of this holder is to be read back now") }
            self.shares?.readBack.append(shares.holders[shares.readBack.count])
        case "quorums-tested":
            try only("split")
            guard let shares, shares.set == line["set"]?.text, shares.readBack == shares.holders,
                !shares.isTested, line["count"]?.number == shares.quorums
            else { throw refuse(.order, "not every share was read back, or not every quorum was tried") }
            self.shares?.isTested = true
        case "share-presented":
            guard allows("login", in: step) else {
                throw refuse(.order, "no token is opened in a \(step.action) step")
            }
            // An interrupted `split` may need the new set, to see whether it is in force, and the old one.
            if let set = line["set"]?.text, set != presentedSet {
                presented = []
                presentedSet = set
            }
            guard people.contains(where: { $0.name == line["name"]?.text }),
                !presented.contains(line["name"]?.text ?? "")
            else { throw refuse(.people, "a share is presented by nobody, or twice by one") }
            presented.append(line["name"]?.text ?? "")
        default: try takeEffect(type, line, step)
        }
        events.insert(type)
    }

    private mutating func takeAnswer(_ line: JSONValue, _ step: Step) throws(TranscriptRefusal) {
        guard Self.answered.contains(step.action), !events.contains("answer") else {
            throw refuse(.order, "no answer is wanted here")
        }
        guard (line["bag"] != nil) == step.action.hasSuffix("-bag") else {
            throw refuse(.form, "`bag` belongs to inspect-bag and seal-bag, and to them alone")
        }
        guard line["by"]?.text == seats().first?.name else {
            throw refuse(.people, "the actor answers")
        }
        guard step.action == "check" else { return }
        guard let answer = line["answer"]?.text, answer == "yes" || answer == "no" else {
            throw refuse(.form, "a check is answered with yes or no")
        }
        hasFailed = answer == "no"
    }

    private func requireValue(_ line: JSONValue) throws(TranscriptRefusal) {
        let of = line["of"]?.text ?? ""
        let wanted: String?
        switch of {
        case "head": wanted = line["prev"]?.text
        case "roster": wanted = madeRoster?.digest ?? rosters.last?.digest
        default: wanted = digests["\(of) \(line["subject"]?.text ?? "")"]
        }
        guard (of == "head" || of == "roster") == (line["subject"] == nil) else {
            throw refuse(.form, "`subject` belongs to key, certificate and crl")
        }
        guard let wanted, wanted == line["value"]?.text else {
            throw refuse(.effect, "the digest read out is not that of the \(of)")
        }
    }

    func requireToken(_ name: String) throws(TranscriptRefusal) {
        guard (begin["tokens"]?.items ?? []).contains(where: { $0["name"]?.text == name }) else {
            throw refuse(.order, "the ceremony has no token \(name)")
        }
    }

    /// What has to stand in a step before it is done.
    func requireContent(_ step: Step) throws(TranscriptRefusal) {
        let isThere: Bool
        switch step.action {
        case let action where Self.answered.contains(action): isThere = events.contains("answer")
        case "read-out", "compare", "inventory": isThere = events.contains(step.action)
        case "print": isThere = events.contains("printed")
        case "break": isThere = events.contains("back")
        default: isThere = Self.own[step.action].map { observed.contains($0) } ?? true
        }
        guard isThere || step.action == "enrol" else {
            throw refuse(.order, "the step \(step.id) was not done")
        }
    }

    /// Whether a step may hold an effect of this kind.
    func allows(_ effect: String, in step: Step) -> Bool {
        if effect == Self.own[step.action] { return true }
        // A token that a break or an interruption closed is opened again by the next step that needs it.
        let uses: Set<String> = [
            "inventory", "split", "generate-key", "verify-key", "sign-certificate", "sign-crl", "wrap",
            "unwrap",
            "destroy",
        ]
        return effect == "login" && uses.contains(step.action)
    }

    /// How many quorums a set of shares has: of one group, or of the groups that the line lists; nil where these
    /// contradict its holders.
    private func quorums(_ line: JSONValue, holders: Int, needed: Int) -> Int? {
        guard let groups = line["groups"]?.items else {
            return line["groupsNeeded"] == nil ? binomial(holders, needed) : nil
        }
        let pairs = groups.map { (needed: $0["needed"]?.number ?? 0, count: $0["holders"]?.number ?? 0) }
        guard let groupsNeeded = line["groupsNeeded"]?.number, (1...pairs.count).contains(groupsNeeded),
            pairs.count >= 2, pairs.allSatisfy({ $0.needed >= 1 && $0.needed <= $0.count }),
            pairs.reduce(0, { $0 + $1.count }) == holders,
            pairs.map(\.needed).sorted().prefix(groupsNeeded).reduce(0, +) == needed
        else { return nil }
        // The sum over all sets of `groupsNeeded` groups of the products of their own numbers of quorums.
        var sums = [1] + [Int](repeating: 0, count: groupsNeeded)
        for pair in pairs {
            let own = binomial(pair.count, pair.needed)
            for size in stride(from: groupsNeeded, to: 0, by: -1) { sums[size] += sums[size - 1] * own }
        }
        return sums[groupsNeeded]
    }

    /// How many subsets of `needed` a set of `count` has.
    private func binomial(_ count: Int, _ needed: Int) -> Int {
        (0..<needed).reduce(1) { $0 * (count - $1) / ($1 + 1) }
    }
}
