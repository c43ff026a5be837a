import ArgumentParser
import Glibc
import Sites

struct Rootline: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rootline",
        abstract: "Gives every device an identity it was born with.",
        discussion: """
            A site (`rootline init`) holds the bindings of its tokens, the ledger of every device ever made, \
            and the allowlist. Ceremonies create its keys; production runs make devices; `allowlist verify` \
            checks the outcome offline.

            Exit codes: 0 done; 1 checked, and the answer is no; 64 usage; 65 bad manifest or script; \
            66 input or module missing; 69 module not PKCS#11 or token absent; 70 a defect of ours; \
            73 cannot create output; 74 input, output or disk full; 75 locked or interrupted, can be resumed; \
            77 PIN, role or quorum refused.
            """,
        version: Rootline.version,
        subcommands: [
            InitCommand.self, DoctorCommand.self, CeremonyCommand.self, RunCommand.self,
            AllowlistCommand.self, KeyCommand.self, LedgerCommand.self,
        ])

    static let version = Release.version

    /// Parses the arguments, runs the command, and ends the process with the right code.
    static func start() -> Never {
        var command: any ParsableCommand
        do {
            command = try Rootline.parseAsRoot()
        } catch {
            Rootline.exit(withError: error)
        }
        do {
            try command.run()
        } catch let error as ExitCode {
            Rootline.exit(withError: error)
        } catch let error as ValidationError {
            Rootline.exit(withError: error)
        } catch  where Rootline.exitCode(for: error) != .failure {
            // Help and the like, which the parser has as errors of its own.
            Rootline.exit(withError: error)
        } catch {
            let report = ErrorReport(error)
            report.print(format: (command as? any FormattedCommand)?.output.format ?? .text)
            Glibc.exit(report.exitCode)
        }
        Glibc.exit(0)
    }
}
