import Foundation
import Logging
import RunTelemetry

/// The program's log.
///
/// For whoever looks for a cause: ROOTLINE_LOG=debug, and ROOTLINE_LOG_FORMAT=json for programs that read it. Nothing
/// secret is ever given to a logger.
enum Logs {
    static let output: LogOutput = {
        let environment = ProcessInfo.processInfo.environment
        return LogOutput(
            level: environment["ROOTLINE_LOG"].flatMap(Logger.Level.init(rawValue:)),
            form: environment["ROOTLINE_LOG_FORMAT"].flatMap(LogOutput.Form.init(rawValue:)) ?? .text)
    }()
}
