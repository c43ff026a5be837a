import Allowlist
import ArgumentParser
import ProductionRun
import Sites
import TransparencyLog

/// Packages that are held against the seals of a verified list.
struct PackageOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A run's folder, whose packages must be those that its seal names; may be repeated.",
            valueName: "folder"))
    var packages: [String] = []

    /// A folder whose packages are those of a run of the list.
    struct Checked: Encodable {
        var folder: String
        var run: String
        var files: Int
        var devices: Int
        var packageIndexDigest: String
    }

    /// Throws at the first folder whose index no seal names, or whose files are not those of its index.
    func check(_ list: VerifiedList) throws -> [Checked] {
        try packages.map { folder in
            guard let index = try PackageIndex(in: folder) else {
                throw SiteError(.notASite, folder, "holds no \(PackageIndex.name)")
            }
            guard let run = list.runs.first(where: { $0.seal?.packageIndex?.bytes == index.digest }) else {
                throw AllowlistError(
                    .seal, file: "\(folder)/\(PackageIndex.name)",
                    "no seal of the list names this package index",
                    hint: "The packages are of another list, or were changed after their run was sealed.")
            }
            if let fault = try index.faults(in: folder).first {
                throw AllowlistError(
                    .seal, file: "\(folder)/packages/\(fault.file)", fault.message,
                    hint: "Take the packages of run \(run.id) again; do not use these.")
            }
            return Checked(
                folder: folder, run: run.id, files: index.lines.count, devices: index.deviceCount,
                packageIndexDigest: index.digest.hex)
        }
    }
}
