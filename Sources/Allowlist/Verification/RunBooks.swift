import TransparencyLog

/// Follows the runs of a log entry by entry and holds them to their authorisations and seals.
struct RunBooks {
    private struct Book {
        let opening: AllowlistEntry.OpenRun
        let openIndex: UInt64
        var added: UInt64 = 0
        var scrapped: UInt64 = 0
        var burnedSerials: [[UInt8]] = []
        var burned: UInt64 = 0
        var seal: AllowlistEntry.Seal?

        var reserved: UInt64 { added + burned }
    }

    private var books: [Book] = []
    private var positions: [String: Int] = [:]
    private var lastPosition = 0
    /// That of the first run, which holds for the log.
    private(set) var serials: SerialForm?

    /// Opens a run; its id must be new.
    mutating func open(_ run: AllowlistEntry.OpenRun, at index: UInt64) throws(AllowlistError) {
        guard positions[run.run] == nil else {
            throw AllowlistError(.run, "the run \(run.run) was opened before")
        }
        guard run.serials == serials ?? run.serials else {
            throw AllowlistError(
                .run, "the run \(run.run) has \(run.serials.name) serials, and runs before it have others",
                hint: "a log has one form of serials for good; ask the publisher")
        }
        serials = run.serials
        positions[run.run] = books.count
        books.append(Book(opening: run, openIndex: index))
    }

    /// Counts released devices, `count` like this one, into their open run.
    mutating func add(_ device: AllowlistEntry.Add, count: UInt64 = 1) throws(AllowlistError) {
        let position = try openRun(device.run)
        let opening = books[position].opening
        guard device.product == opening.product else {
            throw AllowlistError(
                .run, "the run \(device.run) makes \(opening.product), not \(device.product)")
        }
        guard device.authorityKeyID == opening.issuerKeyID else {
            throw AllowlistError(.run, "the certificate is not by the issuer of the run \(device.run)")
        }
        guard device.serial.form == opening.serials else {
            throw AllowlistError(
                .run,
                "the run \(device.run) has \(opening.serials.name) serials, and this device's is "
                    + device.serial.form.name)
        }
        books[position].added += count
        try checkReserved(position)
    }

    /// Counts a burned certificate into its open run.
    mutating func burn(
        _ serial: [UInt8], authorityKeyID: [UInt8], run: String
    ) throws(AllowlistError) {
        let position = try openRun(run)
        guard authorityKeyID == books[position].opening.issuerKeyID else {
            throw AllowlistError(.run, "the burned certificate is not by the issuer of the run \(run)")
        }
        books[position].burned += 1
        books[position].burnedSerials.append(serial)
        try checkReserved(position)
    }

    /// Counts a scrapped device; after the seal it no longer changes the run's books.
    mutating func scrap(_ device: AllowlistEntry.Add) throws(AllowlistError) {
        guard let position = positions[device.run] else {
            throw AllowlistError(.run, "the run \(device.run) was never opened")
        }
        if books[position].seal == nil { books[position].scrapped += 1 }
    }

    /// Closes a run, if its seal says what the log holds.
    mutating func seal(_ seal: AllowlistEntry.Seal) throws(AllowlistError) {
        let position = try openRun(seal.run)
        let book = books[position]
        guard seal.openIndex == book.openIndex else {
            throw AllowlistError(
                .seal, "the seal cites entry \(seal.openIndex), the run was opened at \(book.openIndex)")
        }
        let rows: [(String, UInt64, UInt64)] = [
            ("reserved", seal.reserved, book.reserved),
            ("released", seal.released, book.added - book.scrapped),
            ("scrapped", seal.scrapped, book.scrapped),
            ("burned", seal.burned, book.burned),
        ]
        for (name, sealed, counted) in rows where sealed != counted {
            throw AllowlistError(
                .seal, "the seal of \(seal.run) says \(name) \(sealed), the log holds \(counted)")
        }
        guard seal.burnedDigest == AllowlistEntry.Seal.burnedDigest(of: book.burnedSerials) else {
            throw AllowlistError(
                .seal, "the seal of \(seal.run) is over other burned certificates than the log's")
        }
        try checkReleased(position)
        books[position].seal = seal
        books[position].burnedSerials = []
    }

    /// Checks what can only be said at the end, and reports all runs.
    func finish() throws(AllowlistError) -> [VerifiedList.Run] {
        for position in books.indices where books[position].seal == nil { try checkReleased(position) }
        return books.map { book in
            VerifiedList.Run(
                id: book.opening.run, product: book.opening.product, openIndex: book.openIndex,
                authorisation: book.opening.authorisation, quantity: book.opening.quantity,
                spoilage: book.opening.spoilage, released: book.added - book.scrapped,
                scrapped: book.scrapped, burned: book.burned, openedAt: book.opening.openedAt,
                seal: book.seal)
        }
    }

    private mutating func openRun(_ id: String) throws(AllowlistError) -> Int {
        // Devices of one run stand together, so the last run is nearly always the right one.
        if lastPosition < books.count, books[lastPosition].opening.run == id,
            books[lastPosition].seal == nil
        {
            return lastPosition
        }
        guard let position = positions[id] else {
            throw AllowlistError(.run, "the run \(id) was never opened")
        }
        guard books[position].seal == nil else {
            throw AllowlistError(.run, "the run \(id) was sealed before")
        }
        lastPosition = position
        return position
    }

    private func checkReserved(_ position: Int) throws(AllowlistError) {
        let book = books[position]
        guard book.reserved <= book.opening.quantity + book.opening.spoilage else {
            throw AllowlistError(
                .quantity,
                "the run \(book.opening.run) made more than its quantity of \(book.opening.quantity) and "
                    + "spoilage of \(book.opening.spoilage)",
                hint: "the line made devices that nobody authorised; do not use this list")
        }
    }

    private func checkReleased(_ position: Int) throws(AllowlistError) {
        let book = books[position]
        guard book.added - book.scrapped <= book.opening.quantity else {
            throw AllowlistError(
                .quantity, index: book.openIndex,
                "the run \(book.opening.run) released \(book.added - book.scrapped) devices, more than its "
                    + "quantity of \(book.opening.quantity)",
                hint: "the line released devices that nobody authorised; do not use this list")
        }
    }
}
