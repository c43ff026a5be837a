import Foundation
import Glibc
import Logging
import PKCS11
import ProductionRun

forbidDumps()

// The run starts this program again for each worker; that is no command for people.
if CommandLine.arguments.count == 2, CommandLine.arguments[1] == Worker.argument {
    exit(Worker.serve())
}
signal(SIGPIPE, SIG_IGN)
// For whoever looks for a cause: ROOTLINE_LOG=debug. Nothing secret is ever given to a logger.
let level = ProcessInfo.processInfo.environment["ROOTLINE_LOG"].flatMap(Logger.Level.init(rawValue:))
LoggingSystem.bootstrap { label in
    var handler = StreamLogHandler.standardError(label: label)
    handler.logLevel = level ?? .critical
    return handler
}
Rootline.start()
