import Crypto

/// The check of a folder of requests: every file of it is a row, in the order of the names.
struct RequestFolderCheck {
    let path: String
    let quantity: Int?
    let checks: RowChecks
    /// A fault at the manifest's `devices`.
    let devicesFault: (String, String) -> ManifestFault
    private(set) var otherNames = OtherNames()

    init(
        path: String, quantity: Int?, checks: RowChecks,
        devicesFault: @escaping (String, String) -> ManifestFault
    ) {
        self.path = path
        self.quantity = quantity
        self.checks = checks
        self.devicesFault = devicesFault
    }

    /// Reads every file once; what is wrong goes to the faults.
    mutating func check(_ faults: inout FaultLog) throws(ManifestError) -> CheckedFolder {
        let names = try RequestNames(folder: path)
        if names.count == 0 {
            faults.add(devicesFault("list.empty", "\(path) has no requests"))
        }
        for column in checks.columns where column != "serial" {
            faults.add(
                devicesFault(
                    "list.column-missing",
                    "the template uses the column \(column), and a folder of requests has serials only; write a "
                        + "list with the column csr"))
        }
        let hasColumns = checks.columns.allSatisfy { $0 == "serial" }
        var queue = checks.requests.map { RequestQueue($0, quantity: quantity) }
        var whole = SHA256()
        var stretch = SHA256()
        var stretches: [[UInt8]] = []
        var hashes: [UInt64] = []
        hashes.reserveCapacity(names.count)
        var pending: [(row: Int, serial: String)] = []
        for row in 0..<names.count {
            let file = path + "/" + names[row]
            func report(_ code: String, _ message: String) {
                faults.add(file: file, line: 1) {
                    ManifestFault(file: file, line: 1, column: 1, field: "", code: code, message: message)
                }
            }
            if let fault = names.fault(row) {
                report("requests.name", fault)
                continue
            }
            let serial = names.serial(row)
            hashes.append(keyHash(Array(serial.utf8)))
            for found in hasColumns ? checks.values(checks.columns.map { _ in serial }) : [] {
                report("list.value", found.message)
            }
            pending.append((row, serial))
            if pending.count == RowChecks.batch { lookUp(&pending, names, &faults) }
            guard let content = CheckedFolder.read(file, reason: { report("requests.unreadable", $0) })
            else { continue }
            let line = CheckedFolder.line(content, names[row])
            whole.update(data: line)
            stretch.update(data: line)
            if (row + 1).isMultiple(of: CheckedFolder.stretch) {
                stretches.append(Array(stretch.finalize()))
                stretch = SHA256()
            }
            queue?.add(
                PlacedRequest(
                    file: file, line: 1, column: 1, field: "",
                    row: RequestChecks.Row(serial: serial, request: content)), &faults)
            checks.progress(row + 1)
        }
        stretches.append(Array(stretch.finalize()))
        lookUp(&pending, names, &faults)
        queue?.finish(&faults)
        otherNames = queue?.otherNames ?? OtherNames()
        findRepeats(names, serials: repeated(in: &hashes), keys: queue?.repeatedHashes() ?? [], &faults)
        if names.count > 0, let quantity, names.count != quantity {
            faults.add(
                devicesFault(
                    "list.quantity", "the quantity is \(quantity), and the folder has \(names.count) requests"
                ))
        }
        return CheckedFolder(
            path: path, names: names, stretches: stretches, digest: Array(whole.finalize()))
    }

    private func lookUp(
        _ pending: inout [(row: Int, serial: String)], _ names: RequestNames, _ faults: inout FaultLog
    ) {
        defer { pending.removeAll(keepingCapacity: true) }
        guard !pending.isEmpty, let known = checks.releasedBy?(pending.map(\.serial)), !known.isEmpty else {
            return
        }
        for (row, serial) in pending {
            guard let run = known[serial] else { continue }
            let file = path + "/" + names[row]
            faults.add(file: file, line: 1) {
                ManifestFault(
                    file: file, line: 1, column: 1, field: "", code: RowChecks.known,
                    message: RowChecks.message(serial, run))
            }
        }
    }

    /// Compares the serials and keys behind repeated hashes, and names both files.
    private func findRepeats(
        _ names: RequestNames, serials: Set<UInt64>, keys: Set<UInt64>, _ faults: inout FaultLog
    ) {
        guard !serials.isEmpty || !keys.isEmpty else { return }
        var firstBySerial: [String: Int] = [:]
        var firstByKey: [[UInt8]: Int] = [:]
        for row in 0..<names.count where names.fault(row) == nil {
            let serial = names.serial(row)
            let file = path + "/" + names[row]
            func report(_ code: String, _ message: String) {
                faults.add(file: file, line: 1) {
                    ManifestFault(file: file, line: 1, column: 1, field: "", code: code, message: message)
                }
            }
            if serials.contains(keyHash(Array(serial.utf8))) {
                if let first = firstBySerial[serial] {
                    report(
                        "list.serial-repeated", "the serial \(serial) has the file \(names[first]) already")
                } else {
                    firstBySerial[serial] = row
                }
            }
            guard !keys.isEmpty, let content = CheckedFolder.read(file, reason: { _ in }),
                let key = checks.requests?.key(content), keys.contains(keyHash(key))
            else { continue }
            if let first = firstByKey[key] {
                report(RowChecks.keyRepeated, RowChecks.keyMessage("file \(names[first])"))
            } else {
                firstByKey[key] = row
            }
        }
    }
}
