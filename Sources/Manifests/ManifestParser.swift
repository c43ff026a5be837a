import Foundation
import StrictYAML

/// Reads the YAML of a manifest.
struct ManifestParser {
    let file: String
    var yaml = YAMLReader()

    /// Whatever of the manifest can be read; what cannot is in the reader's problems.
    mutating func draft(_ bytes: [UInt8]) -> ManifestDraft {
        var draft = ManifestDraft(file: file, source: bytes)
        let keys = [
            "version", "run", "product", "template", "issuer", "keyOrigin", "keyType", "quantity", "delivery",
            "devices",
        ]
        guard let root = yaml.document(bytes),
            let top = yaml.fields(root, required: keys, optional: ["station", "registration"])
        else { return draft }
        for key in keys + ["station"] { draft.positions[key] = top.place(of: key) }
        if top["registration"] != nil { draft.positions["registration"] = top.place(of: "registration") }
        _ = yaml.integer(top, "version", in: 1...1)
        draft.run = yaml.text(top, "run")
        if let run = draft.run, !Self.isRunName(run) {
            yaml.refuse(
                top, "run", "field.value",
                "a run's name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or a digit")
        }
        draft.product = word(top, "product", most: 64)
        draft.template = word(top, "template", most: 1024)
        draft.issuer = word(top, "issuer", most: 1024)
        draft.keyOrigin = yaml.choice(top, "keyOrigin", of: RunManifest.KeyOrigin.self)
        draft.keyType = yaml.choice(top, "keyType", of: RunManifest.KeyType.self)
        draft.quantity = yaml.integer(top, "quantity", in: 1...RunManifest.largestQuantity)
        draft.delivery = yaml.choice(top, "delivery", of: RunManifest.Delivery.self)
        draft.station = station(top)
        draft.devices = devices(top)
        draft.registration = registration(top)
        requireFit(draft, top)
        if case .range(let range) = draft.devices, let quantity = draft.quantity, range.count != quantity {
            yaml.refuse(
                top, "quantity", "list.quantity",
                "the quantity is \(quantity), and the range has \(range.count) serials")
        }
        return draft
    }

    /// Keys of the token go wrapped to a station; keys of the devices come with requests and go nowhere.
    private mutating func requireFit(_ draft: ManifestDraft, _ top: YAMLReader.Fields) {
        if draft.keyOrigin != .device, top["station"] == nil {
            yaml.refuse(top, "station", "field.missing", "the key station has to be given")
        }
        guard let origin = draft.keyOrigin else { return }
        let deliveries: [RunManifest.Delivery] = origin == .token ? [.wrapped, .pkcs12] : [.certificate]
        if let given = draft.delivery, !deliveries.contains(given) {
            let fitting = deliveries.map(\.rawValue).joined(separator: " or ")
            yaml.refuse(
                top, "delivery", "field.combination",
                "with keyOrigin \(origin.rawValue) the delivery is \(fitting)")
        }
        switch (origin, draft.devices) {
        case (.token, .requests):
            yaml.refuse(
                top, "devices", "field.combination",
                "requests are for keys that devices made; keyOrigin says token")
        case (.device, .range):
            yaml.refuse(
                top, "devices", "field.combination",
                "a range has no certification requests; name a list with the column csr, or a folder: requests"
            )
        default: break
        }
        if origin == .device, top["station"] != nil {
            yaml.refuse(
                top, "station", "field.combination",
                "with keyOrigin device nothing is wrapped for a station: leave the key out")
        }
        if origin == .device, top["registration"] != nil {
            yaml.refuse(
                top, "registration", "field.combination",
                "a registration secret leaves the token wrapped for a station alone; with keyOrigin device there is none"
            )
        }
    }

    private static func isRunName(_ name: String) -> Bool {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        }
        guard let first = name.utf8.first, name.utf8.count <= 64, isLetterOrDigit(first) else { return false }
        return name.utf8.allSatisfy { isLetterOrDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    private mutating func word(_ fields: YAMLReader.Fields, _ key: String, most: Int) -> String? {
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

    private mutating func station(_ top: YAMLReader.Fields) -> StationKey? {
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

    private mutating func registration(_ top: YAMLReader.Fields) -> Registration? {
        guard let node = top["registration"], let fields = yaml.fields(node, required: ["group", "id"])
        else { return nil }
        let group = yaml.text(fields, "group")
        if let group, !Self.isRunName(group) {
            yaml.refuse(
                fields, "group", "field.value",
                "a group's name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or a digit")
        }
        guard let group, let text = word(fields, "id", most: 256) else { return nil }
        do {
            return Registration(group: group, id: try RegistrationIDText(parsing: text))
        } catch {
            yaml.refuse(fields, "id", "registration.id", error.message)
            return nil
        }
    }

    private mutating func devices(_ top: YAMLReader.Fields) -> RunManifest.Devices? {
        guard let node = top["devices"] else { return nil }
        let forms = ["csv", "jsonl", "range", "requests"]
        guard let fields = yaml.fields(node, required: [], optional: forms) else { return nil }
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
        if form == "requests" {
            var folder = resolved(path)
            while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
            return .requests(folder: folder)
        }
        return form == "csv" ? .csv(path: resolved(path)) : .jsonLines(path: resolved(path))
    }

    private mutating func range(_ devices: YAMLReader.Fields) -> SerialRange? {
        guard let node = devices["range"],
            let fields = yaml.fields(
                node, required: ["prefix", "first", "count", "width", "checkDigit"],
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
    private mutating func affix(_ fields: YAMLReader.Fields, _ key: String) -> String? {
        guard let text = yaml.text(fields, key) else { return nil }
        if text.isEmpty { return text }
        guard let fault = wordFault(text, most: 64) else { return text }
        yaml.refuse(fields, key, "field.value", fault)
        return nil
    }
}

/// What of a manifest can be read.
struct ManifestDraft: Sendable {
    let file: String
    let source: [UInt8]
    var run: String?
    var product: String?
    var template: String?
    var issuer: String?
    var keyOrigin: RunManifest.KeyOrigin?
    var keyType: RunManifest.KeyType?
    var quantity: Int?
    var delivery: RunManifest.Delivery?
    var station: StationKey?
    var devices: RunManifest.Devices?
    var registration: Registration?
    /// Where the keys' values stand.
    var positions: [String: YAMLPosition] = [:]

    /// The manifest, when nothing of it is missing.
    var manifest: RunManifest? {
        guard let run, let product, let template, let issuer, let keyOrigin, let keyType, let quantity,
            let delivery, let devices, (station != nil) == (keyOrigin == .token)
        else { return nil }
        return RunManifest(
            file: file, source: source, run: run, product: product, template: template, issuer: issuer,
            keyOrigin: keyOrigin, keyType: keyType, quantity: quantity, delivery: delivery, station: station,
            devices: devices, registration: registration)
    }

    /// A fault at one of the manifest's keys.
    func fault(_ field: String, _ code: String, _ message: String) -> ManifestFault {
        let place = positions[field] ?? YAMLPosition(line: 1, column: 1)
        return ManifestFault(
            file: file, line: place.line, column: place.column, field: field, code: code, message: message)
    }
}
