import ArgumentParser
import PKCS11
import Sites
import TokenKeys

/// The station's passphrase, for runs that deliver PKCS#12.
struct PassphraseOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where the station's passphrase comes from: file:PATH or fd:N.",
            discussion:
                "For runs whose manifest says `delivery: pkcs12`, and for no others. At least 16 printable ASCII characters; a file has to be its owner's alone (mode 600)."
        ))
    var passphraseSource: String?

    func read() throws -> StationPassphrase? {
        guard let passphraseSource else { return nil }
        switch try PINSource(passphraseSource) {
        case .file(let path): return try StationPassphrase(PIN.read(file: path))
        case .descriptor(let number):
            return try StationPassphrase(PIN.read(descriptor: number, name: "fd:\(number)"))
        case .known(let source): return try StationPassphrase(source)
        case .site: return nil
        }
    }
}
