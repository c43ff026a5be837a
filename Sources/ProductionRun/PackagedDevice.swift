import Foundation
import RunLedger

/// One device as a package's line has it.
public struct PackagedDevice: Decodable, Sendable {
    /// The row in the manifest's list, from 0.
    public let row: Int
    public let serial: String
    /// In DER.
    public let certificate: Data
    /// PKCS#8 under RFC 5649; absent where the key is in `pkcs12`, or never left the device.
    public let wrappedKey: Data?
    /// The name of the transport key under which key and secret are wrapped.
    public let transportKey: String?
    public let pkcs12: Data?
    public let registrationId: String?
    /// 32 octets under RFC 5649.
    public let wrappedRegistrationSecret: Data?

    init(line: Data) throws {
        self = try JSONDecoder().decode(PackagedDevice.self, from: line)
    }
}

/// A device's line with where it was found.
public struct FoundPackage: Sendable {
    public let device: PackagedDevice
    /// The line as it stands in its file.
    public let line: Data
    /// The file's path.
    public let file: String

    /// Finds a device's package in its run's folder.
    ///
    /// Where the run is sealed, the file has to be as the index has it. A line of another row, serial or certificate is
    /// refused: ledger and packages then tell different stories.
    public init(_ record: DeviceRecord, runFolder: String) throws {
        let (row, serial) = (record.device.row, record.device.serial)
        let folder = runFolder + "/packages"
        let files = try PackageIndex.files(in: folder)
        let listed = files.last { !$0.isRework && $0.firstRow <= row }
        let candidates = [listed].compactMap(\.self) + files.filter { $0.isRework && $0.firstRow == row }
        guard let last = candidates.last else {
            throw RunError(
                .io, folder, "no package has row \(row)", hint: "Restore the packages from the backup.")
        }
        for file in candidates {
            let path = folder + "/" + file.name
            guard let line = PackageIndex.line(row - file.firstRow, in: try PackageIndex.map(path)),
                let device = try? PackagedDevice(line: line), device.row == row, device.serial == serial,
                Array(device.certificate) == record.device.certificate
            else { continue }
            try FoundPackage.requireIndexed(file, runFolder: runFolder)
            self.device = device
            self.line = line
            self.file = path
            return
        }
        throw RunError(
            .inconsistent, folder + "/" + last.name, "it is not the package of device \(serial)",
            hint: "Ledger and packages are not of one run, or the package was changed.")
    }

    /// Throws where the run is sealed and the file is not as the index has it.
    private static func requireIndexed(_ file: PackageIndex.File, runFolder: String) throws {
        guard let index = try PackageIndex(in: runFolder) else { return }
        let folder = runFolder + "/packages"
        guard let entry = index.lines.first(where: { $0.file == file.name }) else {
            throw RunError(
                .inconsistent, folder + "/" + file.name, "the packages' index does not know this file")
        }
        if let fault = try index.fault(of: entry, in: folder) {
            throw RunError(
                .inconsistent, folder + "/" + file.name, fault.message,
                hint: "The package was changed after the run was sealed. Restore it, and find out why.")
        }
    }
}
