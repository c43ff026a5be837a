import Allowlist
import ArgumentParser
import Foundation
import Sites

struct AllowlistPinsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pins", abstract: "Print what consumers of this site's list pin, as a file.",
        discussion: """
            Hand the file over on a way that is not the bundle's, and have the digests compared by voice: whoever can \
            exchange both can exchange everything. A consumer gives it to `verify` and `lookup` as --pins FILE.
            """)

    @OptionGroup var site: SiteOptions
    @Option(name: .long, help: "How old a checkpoint may be for the consumer: 36h, 7d, or seconds.")
    var maxAge: Age?
    @OptionGroup var witnesses: WitnessOptions
    @Option(name: .long, help: "Write to this file, which must not be there yet, instead of printing.")
    var out: String?

    func run() throws {
        var pins = try site.open().pins(allowRehearsal: true)
        pins.maxAge = maxAge?.seconds
        pins.witnesses = try witnesses.quorum()
        let bytes = PinsFile.write(pins)
        guard let out else {
            print(String(decoding: bytes, as: UTF8.self), terminator: "")
            return
        }
        try NewFile.write(bytes, to: out)
        print("written  \(out)")
    }
}
