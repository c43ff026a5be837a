import Allowlist
import Approvals
import ArgumentParser
import Certificates
import Foundation
import KeyCeremony
import ProductionRun
import Rosters
import SignedStatements
import Sites
import TokenKeys
import TransparencyLog

/// Which bundle, and what is pinned of its log.
struct BundleOptions: ParsableArguments {
    @Option(name: .long, help: "The site whose list is meant (default: ROOTLINE_SITE).")
    var site: String?
    @Option(
        name: .long, help: "The bundle: a folder, or a .tar as `pack` makes it (default: the site's log).")
    var bundle: String?
    @Option(name: .long, help: "A file of pins, as `allowlist pins` prints it.")
    var pins: String?
    @Option(name: .long, help: "The pinned public key of the log, or its certificate, in PEM.")
    var logKey: String?
    @Option(name: .long, help: "The pinned origin of the log.")
    var origin: String?
    @Flag(name: .long, help: "Accept a rehearsal's list, whose devices are not real.")
    var allowRehearsal = false
    @Option(
        name: .long,
        help:
            "The roster whose members have to approve runs: a version's file, or its digest as digits or words."
    )
    var approvers: String?
    @Option(name: .long, help: "How old the checkpoint may be: 36h, 7d, or seconds.")
    var maxAge: Age?
    @OptionGroup var witnesses: WitnessOptions

    /// The bundle and the pins, from options or from the site.
    func resolve() throws -> (bundle: any BundleSource, pins: Pins) {
        let (path, pins) = try resolvePath()
        return (try openBundle(path), pins)
    }

    /// The bundle's path and the pins; what an option says takes the place of what file or site say.
    func resolvePath() throws -> (path: String, pins: Pins) {
        if let named = try namedPins() { return (try namedBundle(), try withOptions(named)) }
        let site = try namedSite()
        return (bundle ?? site.log, try withOptions(site.pins(allowRehearsal: allowRehearsal)))
    }

    /// The pins alone, for what needs no bundle.
    func resolvePins() throws -> Pins {
        if let named = try namedPins() { return try withOptions(named) }
        return try withOptions(namedSite().pins(allowRehearsal: allowRehearsal))
    }

    private func withOptions(_ named: Pins) throws -> Pins {
        var pins = named
        if let quorum = try witnesses.quorum() { pins.witnesses = quorum }
        if let approvers { pins.roster = try BundleOptions.rosterDigest(approvers) }
        if let maxAge { pins.maxAge = maxAge.seconds }
        return pins
    }

    /// The pins that a file or the options say; nil where a site is to say them.
    private func namedPins() throws -> Pins? {
        if let pins {
            guard logKey == nil, origin == nil else {
                throw ValidationError("--pins says what --log-key and --origin would.")
            }
            return try PinsFile.read(readFile(pins), allowRehearsal: allowRehearsal)
        }
        guard (logKey == nil) == (origin == nil) else {
            throw ValidationError("--log-key and --origin go together: both are pinned.")
        }
        guard let logKey, let origin else { return nil }
        let spki = try BundleOptions.publicKey(inPEMFile: logKey)
        return try Pins(origin: origin, logKeySPKI: spki, allowRehearsal: allowRehearsal)
    }

    private func namedSite() throws -> Site {
        guard let folder = try siteFolder() else {
            throw ValidationError(
                "Nothing is pinned. Name a site, or give --bundle and --pins, or --bundle, --log-key and --origin; a bundle cannot vouch for itself."
            )
        }
        return try Site(opening: folder)
    }

    private func namedBundle() throws -> String {
        guard let path = try bundle ?? siteFolder().map({ try Site(opening: $0).log }) else {
            throw ValidationError("Name the bundle with --bundle, or a site.")
        }
        return path
    }

    func siteFolder() throws -> String? {
        var options = SiteOptions()
        options.site = site
        return try options.path()
    }

    static func publicKey(inPEMFile path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SiteError(.notASite, path, "cannot be read")
        }
        let text = String(decoding: data, as: UTF8.self)
        if let key = derBlocks(inPEM: text, label: "PUBLIC KEY")?.first { return key }
        guard let certificate = derBlocks(inPEM: text)?.first else {
            throw ValidationError("\(path) holds neither a PUBLIC KEY nor a CERTIFICATE in PEM.")
        }
        return try ReceivedCertificate(der: certificate).subjectPublicKeyInfo
    }

    /// The digest of a roster that is named by its file, or by the digits or words on its paper.
    static func rosterDigest(_ text: String) throws -> Digest32 {
        let digits = text.lowercased().filter { !$0.isWhitespace }
        if let digest = Digest32(hex: digits) { return digest }
        if FileManager.default.fileExists(atPath: text) || !text.contains(" ") {
            guard let digest = Digest32(try Roster.read(path: text).digestOctets) else { throw noDigest }
            return digest
        }
        guard let digest = Digest32(try PGPWords.digest(of: text)) else { throw noDigest }
        return digest
    }

    private static var noDigest: ValidationError {
        ValidationError("--approvers is a roster's file, its 64 digits or its 32 words.")
    }
}

/// How old something may be: a number of seconds, or of s, m, h, d or w.
struct Age: ExpressibleByArgument {
    let seconds: UInt64

    init?(argument: String) {
        let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = UInt64(unit == nil ? argument : String(argument.dropLast())), number > 0 else {
            return nil
        }
        let (seconds, isTooLong) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !isTooLong, seconds <= 36_525 * 86_400 else { return nil }
        self.seconds = seconds
    }
}

extension Site {
    /// What a consumer of the site's log pins: origin, log key, and the newest roster that the log's bundle has.
    ///
    /// A newer roster reaches the bundle when the next run is opened; the first is pinned until there is one. A live
    /// site without a roster pins none.
    func pins(allowRehearsal: Bool) throws -> Pins {
        let certificate = try ReceivedCertificate(der: logKey().certificate)
        var pins = try Pins(
            origin: origin, logKeySPKI: certificate.subjectPublicKeyInfo, allowRehearsal: allowRehearsal)
        guard try isRehearsal || !rosters().isEmpty else { return pins }
        let rosters = try Approvers(self).rosters
        let published = rosters.last {
            FileManager.default.fileExists(atPath: log + "/" + BundleRosters.path(of: $0.version))
        }
        pins.roster = (published ?? rosters.first).flatMap { Digest32($0.digestOctets) }
        return pins
    }
}
