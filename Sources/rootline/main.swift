import Foundation
import Glibc
import Logging
import PKCS11
import ProductionRun
import RunTelemetry

forbidDumps()

// The run starts this program again for each worker; that is no command for people.
if CommandLine.arguments.count == 2, CommandLine.arguments[1] == Worker.argument {
    exit(Worker.serve())
}
signal(SIGPIPE, SIG_IGN)
LoggingSystem.bootstrap { Logs.output.handler(label: $0) }
Rootline.start()
