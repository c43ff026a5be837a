/// Which Rootline this is; `--version` and every transcript say so.
package enum Release {
    package static let version = "0.1.0"
    /// The program that wrote a transcript.
    package static let name = "rootline \(version)"
}
