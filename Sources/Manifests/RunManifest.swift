import Crypto
import Foundation

/// A production-run manifest: what one run is to make, checked for form.
///
/// `Templates/runs` has a manifest with every key explained. Rows are checked by ``checkRows(requiredColumns:rowCheck:)``.
public struct RunManifest: Hashable, Sendable {
    public enum KeyOrigin: String, Sendable, CaseIterable, Hashable {
        case token
        case device
    }

    public enum KeyType: String, Sendable, CaseIterable, Hashable {
        case ecP256 = "ec-p256"
        case ecP384 = "ec-p384"
    }

    public enum Delivery: String, Sendable, CaseIterable, Hashable {
        case wrapped
    }

    /// Where the devices' serials come from.
    public enum Devices: Hashable, Sendable {
        /// The path of a CSV file (RFC 4180), resolved against the manifest's folder.
        case csv(path: String)
        /// The path of a file with one JSON object a line, resolved against the manifest's folder.
        case jsonLines(path: String)
        case range(SerialRange)

        var path: String? {
            switch self {
            case .csv(let path), .jsonLines(let path): path
            case .range: nil
            }
        }
    }

    /// The largest quantity of one run.
    public static let largestQuantity = 100_000_000

    /// The manifest's path as it was given, for messages.
    public let file: String
    /// The manifest's bytes.
    public let source: [UInt8]
    /// A name of 1 to 64 of `A-Z a-z 0-9 . _ -`, fit for a folder.
    public let run: String
    public let product: String
    /// The certificate template's name or path, for the caller to resolve.
    public let template: String
    /// The issuing CA's name or path, for the caller to resolve.
    public let issuer: String
    public let keyOrigin: KeyOrigin
    public let keyType: KeyType
    public let quantity: Int
    public let delivery: Delivery
    public let station: StationKey
    public let devices: Devices

    let positions: [String: YAMLPosition]

    /// Reads the manifest and the station's key; the error carries every fault of the manifest itself.
    public static func load(path: String) throws(ManifestError) -> RunManifest {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ManifestError(
                .unreadable, subject: path, message: "the manifest cannot be read",
                hint: "Check the path and its permissions.")
        }
        var parser = ManifestParser(file: path)
        let manifest = parser.manifest(Array(data))
        var faults = FaultLog()
        for problem in parser.yaml.problems {
            faults.add(
                ManifestFault(
                    file: path, line: problem.line, column: problem.column, field: problem.field,
                    code: problem.code, message: problem.message))
        }
        try faults.throwIfFaulty(subject: path)
        guard let manifest else {
            throw ManifestError(.invalid, subject: path, message: "the manifest is incomplete")
        }
        return manifest
    }

    /// A fault at one of the manifest's keys, for checks that only the caller can make.
    public func fault(_ field: String, code: String, message: String) -> ManifestFault {
        let place = positions[field] ?? YAMLPosition(line: 1, column: 1)
        return ManifestFault(
            file: file, line: place.line, column: place.column, field: field, code: code, message: message)
    }
}

/// Reads the YAML of a manifest.
struct ManifestParser {
    let file: String
    var yaml = StrictYAML()

    mutating func manifest(_ bytes: [UInt8]) -> RunManifest? {
        let keys = [
            "version", "run", "product", "template", "issuer", "keyOrigin", "keyType", "quantity", "delivery",
            "station", "devices",
        ]
        guard let root = yaml.document(bytes), let top = yaml.fields(root, at: "", required: keys) else {
            return nil
        }
        _ = yaml.integer(top, "version", in: 1...1)
        let run = yaml.text(top, "run")
        if let run, !Self.isRunName(run) {
            yaml.refuse(
                top, "run", "field.value",
                "a run's name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or a digit")
        }
        let product = word(top, "product", most: 64)
        let template = word(top, "template", most: 1024)
        let issuer = word(top, "issuer", most: 1024)
        let origin = yaml.choice(top, "keyOrigin", of: RunManifest.KeyOrigin.self)
        if origin == .device {
            yaml.refuse(
                top, "keyOrigin", "manifest.not-in-this-version",
                "keys made by the device are not in this version; write token")
        }
        let keyType = yaml.choice(top, "keyType", of: RunManifest.KeyType.self)
        let quantity = yaml.integer(top, "quantity", in: 1...RunManifest.largestQuantity)
        let delivery = yaml.choice(top, "delivery", of: RunManifest.Delivery.self)
        let station = station(top)
        let devices = devices(top)
        guard let run, let product, let template, let issuer, let origin, let keyType, let quantity,
            let delivery, let station, let devices
        else { return nil }
        if case .range(let range) = devices, range.count != quantity {
            yaml.refuse(
                top, "quantity", "list.quantity",
                "the quantity is \(quantity), and the range has \(range.count) serials")
        }
        var positions: [String: YAMLPosition] = [:]
        for key in keys { positions[key] = top.place(of: key) }
        return RunManifest(
            file: file, source: bytes, run: run, product: product, template: template, issuer: issuer,
            keyOrigin: origin, keyType: keyType, quantity: quantity, delivery: delivery, station: station,
            devices: devices, positions: positions)
    }

    private static func isRunName(_ name: String) -> Bool {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        }
        guard let first = name.utf8.first, name.utf8.count <= 64, isLetterOrDigit(first) else { return false }
        return name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    private mutating func word(_ fields: StrictYAML.Fields, _ key: String, most: Int) -> String? {
        guard let text = yaml.text(fields, key) else { return nil }
        guard let fault = wordFault(text, most: most) else { return text }
        yaml.refuse(fields, key, "field.value", fault)
        return nil
    }

    private func wordFault(_ text: String, most: Int) -> String? {
        let count = text.unicodeScalars.count
        guard (1...most).contains(count) else {
            return "the text has \(count) characters; from 1 to \(most) are allowed"
        }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || 0x7F..<0xA0 ~= $0.value }) {
            return "control characters are not accepted"
        }
        let isBlank = { (scalar: Unicode.Scalar?) in scalar?.properties.isWhitespace ?? false }
        if isBlank(text.unicodeScalars.first) || isBlank(text.unicodeScalars.last) {
            return "the text begins or ends with a blank"
        }
        return nil
    }

    private func resolved(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
        return folder + path
    }

    private mutating func station(_ top: StrictYAML.Fields) -> StationKey? {
        guard let path = word(top, "station", most: 1024) else { return nil }
        guard let data = FileManager.default.contents(atPath: resolved(path)) else {
            yaml.refuse(top, "station", "station.unreadable", "\(resolved(path)) cannot be read")
            return nil
        }
        do {
            return try StationKey(pem: Array(data))
        } catch {
            yaml.refuse(top, "station", "station.key", error.message)
            return nil
        }
    }

    private mutating func devices(_ top: StrictYAML.Fields) -> RunManifest.Devices? {
        guard let node = top["devices"] else { return nil }
        let forms = ["csv", "jsonl", "range"]
        guard let fields = yaml.fields(node, at: "devices", required: [], optional: forms) else { return nil }
        let given = forms.filter { fields[$0] != nil }
        guard given.count == 1, let form = given.first else {
            yaml.refuse(
                top, "devices", "field.value", "devices is exactly one of: \(forms.joined(separator: ", "))")
            return nil
        }
        if form == "range" { return range(fields).map { .range($0) } }
        guard let path = word(fields, form, most: 1024) else { return nil }
        guard FileManager.default.isReadableFile(atPath: resolved(path)) else {
            yaml.refuse(fields, form, "list.unreadable", "\(resolved(path)) cannot be read")
            return nil
        }
        return form == "csv" ? .csv(path: resolved(path)) : .jsonLines(path: resolved(path))
    }

    private mutating func range(_ devices: StrictYAML.Fields) -> SerialRange? {
        guard let node = devices["range"],
            let fields = yaml.fields(
                node, at: "devices.range", required: ["prefix", "first", "count", "width", "checkDigit"],
                optional: ["suffix"])
        else { return nil }
        let prefix = affix(fields, "prefix")
        let suffix = fields["suffix"] == nil ? "" : affix(fields, "suffix")
        let first = yaml.integer(fields, "first", in: 0...999_999_999_999_999_999)
        let count = yaml.integer(fields, "count", in: 1...RunManifest.largestQuantity)
        let width = yaml.integer(fields, "width", in: 1...18)
        let check = yaml.choice(fields, "checkDigit", of: SerialRange.CheckDigit.self)
        guard let prefix, let suffix, let first, let count, let width, let check else { return nil }
        let last = first + count - 1
        guard String(last).utf8.count <= width else {
            yaml.refuse(
                fields, "width", "range.width",
                "the last number, \(last), does not fit into \(width) digits")
            return nil
        }
        return SerialRange(
            prefix: prefix, suffix: suffix, first: first, count: count, width: width, checkDigit: check)
    }

    /// A prefix or a suffix: like any serial's text, except that it may be empty.
    private mutating func affix(_ fields: StrictYAML.Fields, _ key: String) -> String? {
        guard let text = yaml.text(fields, key) else { return nil }
        if text.isEmpty { return text }
        guard let fault = wordFault(text, most: 64) else { return text }
        yaml.refuse(fields, key, "field.value", fault)
        return nil
    }
}
