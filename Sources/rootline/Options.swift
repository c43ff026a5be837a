import ArgumentParser
import Foundation
import PKCS11
import Sites

/// Text for people or one JSON document for programs.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

struct OutputOptions: ParsableArguments {
    @Option(name: .long, help: "How to print the answer: text or json.")
    var format: OutputFormat = .text
}

/// A command whose errors, too, are printed in the format asked for.
protocol FormattedCommand {
    var output: OutputOptions { get }
}

struct SiteOptions: ParsableArguments {
    @Option(name: .long, help: "The site's folder (default: the environment's ROOTLINE_SITE).")
    var site: String?

    func open() throws -> Site {
        guard let folder = try path() else {
            throw ValidationError("No site is named: use --site DIR or set ROOTLINE_SITE.")
        }
        return try Site(opening: folder)
    }

    /// The folder named by the option or the environment; nil where neither is.
    func path() throws -> String? {
        if let site { return site }
        let value = ProcessInfo.processInfo.environment["ROOTLINE_SITE"]
        return value?.isEmpty == false ? value : nil
    }
}

struct PINOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Where a PIN comes from: [TOKEN=]file:PATH or [TOKEN=]fd:N, or NAME=… for a person's token; may be repeated.",
            discussion: """
                Without it, site.yaml's pin source is used, and else a prompt on the terminal. A token that a quorum \
                opens is opened by its share holders, each with their own token's PIN or the words of their share.
                """))
    var pinSource: [String] = []

    /// The source for the site's token of this name.
    ///
    /// Where a command opens several tokens, each source must say whose it is: a PIN tried on another token costs one
    /// of its few tries.
    func source(_ name: String, in site: Site, ofSeveral: Bool = false) throws -> PINSource {
        let binding = try site.token(name)
        if binding.activation == .quorum, let shares = try ShareCollection(of: name, in: site) {
            guard !isNamed(name) else {
                throw SiteError(
                    .refused, "token \(name)", "is opened by its share holders together, not by one PIN",
                    hint: "Name the sources of the holders' own PINs: --pin-source NAME=file:PATH")
            }
            return .known(try pin(from: shares, site))
        }
        for text in pinSource {
            let parts = text.split(separator: "=", maxSplits: 1)
            if parts.count == 2, !parts[0].contains(":") {
                if parts[0] == name { return try PINSource(String(parts[1])) }
            } else {
                guard !ofSeveral || site.description.tokens.count == 1 else {
                    throw ValidationError("Say whose PIN it is: --pin-source TOKEN=\(text)")
                }
                return try PINSource(text)
            }
        }
        if binding.pinSource != nil { return .site }
        return .known(try Terminal.promptForPIN("PIN of token \(name) (\(binding.label)): "))
    }
}
