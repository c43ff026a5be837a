import Allowlist
import TransparencyLog

extension VectorCase {
    /// Signed lists in which something occurs twice.
    static let repeats: [VectorCase] = [
        .rule("serial-twice", "A serial of one product twice, without a `replace`.", .duplicate) { log in
            try log.append(.add(VectorLog.device(5, serial: "SN-1")))
        },
        .rule("serial-twice-in-two-runs", "A serial of one product twice, in two runs.", .duplicate) { log in
            try log.append(log.openRun("R-2"))
            try log.append(.add(VectorLog.device(5, run: "R-2", serial: "SN-1")))
        },
        .rule(
            "serial-twice-after-a-scrap", "A scrapped device's serial again, without a `replace`.", .duplicate
        ) { log in
            try log.append(VectorLog.scrap(1))
            try log.append(.add(VectorLog.device(5, serial: "SN-1")))
        },
        .rule("key-twice", "A device key twice.", .duplicate) { log in
            var device = VectorLog.device(5)
            device.key = VectorLog.device(1).key
            try log.append(.add(device))
        },
        .rule("key-twice-in-two-products", "A device key twice, in two products.", .duplicate) { log in
            try log.append(log.openRun("R-2", product: "Syringe pump"))
            var device = VectorLog.device(5, run: "R-2", product: "Syringe pump")
            device.key = VectorLog.device(1).key
            try log.append(.add(device))
        },
        .rule(
            "serial-thrice-replaced-once", "A serial three times, of which one `replace` explains two.",
            .duplicate
        ) {
            log in
            let second = try log.append(.add(VectorLog.device(5, serial: "SN-1")))
            try log.append(VectorLog.replace(1, second))
            try log.append(.add(VectorLog.device(6, serial: "SN-1")))
        },
        .rule("certificate-twice", "A certificate twice.", .duplicate) { log in
            var device = VectorLog.device(5)
            device.certificate = VectorLog.device(1).certificate
            try log.append(.add(device))
        },
        .rule("certificate-serial-twice", "A certificate serial number of one issuer twice.", .duplicate) {
            log in
            var device = VectorLog.device(5)
            device.certificateSerial = VectorLog.device(1).certificateSerial
            try log.append(.add(device))
        },
        .rule(
            "certificate-serial-twice-burned", "A burned certificate with a listed one's serial number.",
            .duplicate
        ) {
            log in
            try log.append(VectorLog.burn(1))
        },
        .rule(
            "certificate-serial-twice-replaced",
            "A certificate serial number twice, which no `replace` explains.",
            .duplicate
        ) { log in
            var device = VectorLog.device(5)
            device.certificateSerial = VectorLog.device(1).certificateSerial
            try log.append(.add(device))
            try log.append(VectorLog.replace(1, 5))
        },
    ]

    /// Index segments that disagree with the log or with their root.
    static let brokenIndexes: [VectorCase] = [
        .rule("index-record-missing", "The signed index of keys lacks a device.", .segment) { log in
            log.changeIndex = { kind, records in if kind == .key { records.remove(at: 1) } }
        },
        .rule("index-record-missing-of-an-event", "The signed index of serials lacks a revocation.", .segment)
        { log in
            try log.append(VectorLog.revoke(2))
            log.changeIndex = { kind, records in
                if kind == .serial { records.removeAll { $0.index == 5 } }
            }
        },
        .rule(
            "index-record-too-many", "The signed index of serials has a device that the log does not.",
            .segment
        ) {
            log in
            log.changeIndex = { kind, records in
                guard kind == .serial else { return }
                records.append(IndexRecord(hash: VectorLog.digest(99, "serial"), index: 2))
                records.sort()
            }
        },
        .rule(
            "index-record-under-another-hash", "The signed index of keys has a device under another key.",
            .segment
        ) {
            log in
            log.changeIndex = { kind, records in
                guard kind == .key else { return }
                records[1] = IndexRecord(hash: VectorLog.digest(99, "key"), index: records[1].index)
                records.sort()
            }
        },
        .rule("index-record-of-another-entry", "The signed index of keys leads to another entry.", .segment) {
            log in
            log.changeIndex = { kind, records in
                guard kind == .key else { return }
                records[1] = IndexRecord(hash: records[1].hash, index: 0)
            }
        },
        .rule("index-out-of-order", "The signed index of keys is not sorted.", .segment) { log in
            log.changeIndex = { kind, records in if kind == .key { records.swapAt(1, 2) } }
        },
        .rule("index-record-twice", "The signed index of keys has a record twice.", .segment) { log in
            log.changeIndex = { kind, records in if kind == .key { records.insert(records[1], at: 1) } }
        },
        .rule(
            "index-beyond-its-range", "A record of the signed index cites an entry behind the segment.",
            .segment
        ) {
            log in
            log.changeIndex = { kind, records in
                guard kind == .key else { return }
                records.append(IndexRecord(hash: VectorLog.digest(99, "key"), index: 1000))
                records.sort()
            }
        },
        .damaged("index-file-altered", "A bit of a segment was changed.", .segment) { _, files in
            files.flip("index/key-0-8", 45)
        },
        .damaged("index-file-short", "A segment lacks its last record.", .segment) { _, files in
            files["index/serial-0-8"]?.removeLast(40)
        },
        .damaged("index-file-missing", "A segment is not there.", .fileMissing) { _, files in
            files["index/key-0-8"] = nil
        },
        .damaged("index-files-exchanged", "The segments of the two kinds are exchanged.", .segment) {
            _, files in
            let keys = files["index/key-0-8"]
            files["index/key-0-8"] = files["index/serial-0-8"]
            files["index/serial-0-8"] = keys
        },
    ]
}
