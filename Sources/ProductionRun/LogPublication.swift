import AllowlistPublication
import TokenKeys

extension LineKeys {
    /// Publishes what was appended under a checkpoint signed with the log's key.
    func publish(_ writer: BundleWriter, extraFiles: [ExtraFile] = []) throws {
        _ = try writer.publish(
            extraFiles: extraFiles,
            signNote: { text in try logKey.signature(over: text) },
            signText: { text in try logSigner.sign(text, detached: true) })
    }
}
