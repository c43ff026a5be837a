import Sites

extension CeremonyScript {
    /// Follows the script in a rehearsal site, with stand-ins for its people.
    ///
    /// Everything is real but the people: keys are made on the site's tokens, labelled as a rehearsal's, and their
    /// certificates say the same. Throws before anything is changed where `check` finds a fault.
    public func rehearse(site: Site, room: any CeremonyRoom) throws(CeremonyError) -> CeremonyOutcome {
        guard site.isRehearsal else {
            throw CeremonyError(
                .liveSite, site.folder, "a rehearsal is refused in a live site",
                hint: "`rootline init DIR --demo` makes a site to rehearse in.")
        }
        let lock = try site.lockForCeremony()
        defer { withExtendedLifetime(lock) {} }
        try requireFollowable(site: site)
        let people = try Participant.standIns(
            for: self, seed: try concerning(site.folder) { try site.standInSeed() })
        return try begin(site: site, room: room, participants: people, rosters: [], after: nil).run()
    }

    /// Follows the script unattended, each question answered as the script expects it or as `answers` says.
    public func rehearse(
        site: Site, answers: CeremonyAnswers = .expected,
        progress: @escaping (CeremonyEvent) -> Void = { _ in }
    ) throws(CeremonyError) -> CeremonyOutcome {
        try answers.validate(for: self)
        return try rehearse(site: site, room: UnattendedRoom(answers: answers, progress: progress))
    }
}
