import Sites

extension CeremonyScript {
    /// Follows the script unattended in a rehearsal site, with stand-ins for its people.
    ///
    /// Everything is real but the people: keys are made on the site's tokens, labelled as a rehearsal's, and
    /// their certificates say the same. Throws before anything is changed where `check` finds a fault.
    public func rehearse(
        site: Site, answers: CeremonyAnswers = .expected, progress: (CeremonyEvent) -> Void = { _ in }
    ) throws(CeremonyError) -> CeremonyOutcome {
        guard site.isRehearsal else {
            throw CeremonyError(
                .liveSite, site.folder, "a rehearsal is refused in a live site",
                hint: "`rootline init DIR --demo` makes a site to rehearse in.")
        }
        try answers.validate(for: self)
        let lock = try concerning(site.folder) { try site.lockForRun() }
        defer { withExtendedLifetime(lock) {} }
        let faults = check(site: site)
        guard faults.isEmpty else {
            throw CeremonyError(
                .checkFailed, file,
                faults.count == 1
                    ? "a fault keeps the script from being followed"
                    : "\(faults.count) faults keep the script from being followed",
                hint: "Nothing was done. `rootline ceremony check` shows the same.", faults: faults)
        }
        return try withoutActuallyEscaping(progress) { (progress) throws(CeremonyError) in
            let runner = try CeremonyRunner(
                self, site: site, participants: StandIn.cast(for: self), answers: answers, progress: progress)
            return try runner.run()
        }
    }
}
