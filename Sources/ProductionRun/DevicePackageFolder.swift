import Certificates
import Foundation
import Glibc
import TokenKeys

/// One device's package as files of its own, for a station or a person with OpenSSL.
public struct DevicePackageFolder {
    public let path: String
    /// The names of the files that were written.
    public let files: [String]

    /// Makes the folder, which must not be there, with everything that opens the package.
    ///
    /// `runFolder` has the transport keys and the certificates above the device's.
    public init(_ package: FoundPackage, runFolder: String, at path: String) throws {
        let device = package.device
        var contents: [(name: String, bytes: [UInt8])] = []
        let issuers = try DevicePackageFolder.read(runFolder + "/issuers.pem")
        contents.append(("certificate.pem", Array(pem(Array(device.certificate)).utf8) + issuers))
        if let key = device.wrappedKey { contents.append(("wrapped-key.bin", Array(key))) }
        if let message = device.pkcs12 { contents.append(("device.p12", Array(message))) }
        if let id = device.registrationId {
            contents.append(("registration-id.txt", Array((id + "\n").utf8)))
        }
        if let secret = device.wrappedRegistrationSecret {
            contents.append(("wrapped-registration-secret.bin", Array(secret)))
        }
        let isWrapped = device.wrappedKey != nil || device.wrappedRegistrationSecret != nil
        if let name = device.transportKey, isWrapped {
            let file = runFolder + "/transport-keys/\(name).bin"
            contents.append(("transport-key.bin", try DevicePackageFolder.read(file)))
        }
        contents.append(("README.txt", Array(DevicePackageFolder.instructions(device).utf8)))
        guard mkdir(path, 0o750) == 0 else {
            let code = errno
            throw RunError(
                .cannotCreate, path,
                code == EEXIST ? "is there already; nothing is overwritten" : String(cString: strerror(code)),
                hint: code == EEXIST ? "Name another folder with --out." : nil)
        }
        do {
            for (name, bytes) in contents {
                try DurableFile.write(bytes, to: path + "/" + name, exclusively: true)
            }
            try DurableFile.flushFolder(path)
        } catch {
            for (name, _) in contents { unlink(path + "/" + name) }
            rmdir(path)
            throw error
        }
        self.path = path
        files = contents.map(\.name)
    }

    private static func read(_ path: String) throws(RunError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RunError(.io, path, "cannot be read", hint: "Restore it from the backup.")
        }
        return Array(data)
    }

    /// How the station opens what is in the folder, with plain OpenSSL.
    private static func instructions(_ device: PackagedDevice) -> String {
        var text = """
            Device \(device.serial), row \(device.row).

            certificate.pem is the device's certificate, then those above it.

            """
        if device.pkcs12 != nil {
            text += """

                device.p12 has the private key and the certificates under the station's passphrase:

                    openssl pkcs12 -in device.p12 -nodes -out device.pem

                """
        }
        let wrapped = [
            device.wrappedKey == nil
                ? nil : ("wrapped-key.bin", "device-key.der", "the private key, PKCS#8 in DER"),
            device.wrappedRegistrationSecret == nil
                ? nil
                : (
                    "wrapped-registration-secret.bin", "registration-secret",
                    "the registration secret, 32 octets; the id that belongs to it is in registration-id.txt"
                ),
        ].compactMap { $0 }
        guard !wrapped.isEmpty else { return text }
        text += """

            The station's private key opens transport-key.bin, and what comes out opens the rest. Both steps belong on
            the station, where nobody else can log in: its files are secret, and so are its processes' arguments.

                openssl pkeyutl -decrypt -inkey station-private.pem -pkeyopt rsa_padding_mode:oaep \\
                  -in transport-key.bin -out transport-key

            """
        for (file, out, what) in wrapped {
            text += """

                \(what):

                    openssl enc -d -id-aes256-wrap-pad -iv A65959A6 \\
                      -K "$(od -An -v -tx1 transport-key | tr -d ' \\n')" -in \(file) -out \(out)

                """
        }
        return text
    }
}
