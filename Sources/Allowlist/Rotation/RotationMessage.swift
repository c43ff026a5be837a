/// The message by which a recovery quorum hands the log over to another key, as it stands in a bundle.
public struct RotationMessage: Sendable {
    /// The path of the message of the rotation with this number, from 1.
    public static func path(_ number: Int) -> String { "rotations/\(number).p7s" }
}
