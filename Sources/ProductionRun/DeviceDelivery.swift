import Certificates
import Manifests
import PKCS11
import Sites
import TokenKeys

/// What a worker needs to know of delivery before its first chunk.
struct DeliverySetUp: Sendable {
    /// The label of the registration group's key; nil where devices get no registration secret.
    var registrationLabel: KeyLabel?
    /// Whether the group's key may be copied to session objects.
    var registrationCopies = false
    /// The certificates above the devices', nearest first, in DER; PKCS#12 has them.
    var chain: [[UInt8]] = []
    /// Nil where keys are delivered wrapped.
    var passphrase: StationPassphrase?

    /// Octets that it takes in a message, at most.
    var messageOctets: Int {
        512 + chain.reduce(0) { $0 + $1.count + 4 } + (registrationLabel == nil ? 0 : 256)
    }

    func put(to fields: inout FieldWriter) {
        fields.put(registrationLabel?.description ?? "")
        fields.put(registrationCopies)
        fields.put(UInt32(chain.count))
        for certificate in chain { fields.put(certificate) }
        fields.put(passphrase != nil)
        passphrase?.withBytes { fields.put($0.bindMemory(to: UInt8.self)) }
    }

    init() {}

    /// Reads what ``put(to:)`` wrote.
    init(from fields: inout FieldReader) throws {
        let label = try fields.text()
        registrationLabel = label.isEmpty ? nil : KeyLabel(label)
        guard label.isEmpty || registrationLabel != nil else {
            throw RunError(.protocolBroken, "worker", "\(label) is no key label")
        }
        registrationCopies = try fields.flag()
        let count = try fields.uint32()
        guard count <= 16 else {
            throw RunError(.protocolBroken, "worker", "a chain of \(count) certificates")
        }
        for _ in 0..<count { chain.append(try fields.block()) }
        if try fields.flag() {
            var bytes = try fields.block()
            passphrase = try StationPassphrase(PIN(consuming: &bytes))
        }
    }
}

extension Issuers {
    /// The certificates above the devices', nearest first, in DER.
    static func certificates(in folder: String) throws(RunError) -> [[UInt8]] {
        let text = try pem(in: folder)
        guard let chain = derBlocks(inPEM: String(decoding: text, as: UTF8.self)) else {
            throw RunError(.siteNotReady, folder, "the issuers' certificates do not read as PEM")
        }
        return chain
    }
}

extension RunPlan {
    /// What a worker gets of a row: the values that its certificate takes, and behind them its registration id.
    func workerValues(_ row: ManifestRow, _ certificates: DeviceCertificatePlan) -> [String] {
        guard let registration else { return row.values }
        return row.values.prefix(certificates.columns.count) + [registration.ids.id(row.values)]
    }

    /// How many values that are.
    func workerColumns(_ certificates: DeviceCertificatePlan) -> Int {
        certificates.columns.count + (registration == nil ? 0 : 1)
    }
}

extension RunDriver {
    /// What the workers have to know of this run's delivery.
    func deliverySetUp(_ plan: RunPlan) throws -> DeliverySetUp {
        var setUp = DeliverySetUp()
        if let registration = plan.registration {
            setUp.registrationLabel = registration.label
            setUp.registrationCopies = registration.record.sessionCopies
        }
        if plan.manifest.delivery == .pkcs12 {
            setUp.passphrase = passphrase
            setUp.chain = try Issuers.certificates(in: site.certificates)
        }
        return setUp
    }
}

/// How devices' secrets leave the token in one session: the private key wrapped or as PKCS#12, and where there is one, the
/// registration secret wrapped.
struct DeviceDelivery {
    /// Given to the station, and to nobody else.
    let transportKey: TransportKey
    private let wrapMechanism: Mechanism
    private let registration: RegistrationSecrets?
    private let pkcs12: PKCS12Delivery?
    private let wrapped: ScratchMemory

    private struct PKCS12Delivery {
        let transportKey: ReadableTransportKey
        let chain: [[UInt8]]
        let passphrase: StationPassphrase
    }

    private final class ScratchMemory {
        let key = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
        let secret = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)

        deinit {
            key.deallocate()
            secret.deallocate()
        }
    }

    init(_ setUp: WorkerSetUp, in session: borrowing Session) throws {
        let mechanism = MechanismType(rawValue: setUp.wrapMechanism)
        transportKey = try TransportKey(for: TrustedStation(publicKeyInfo: setUp.station), in: session)
        wrapMechanism = .plain(mechanism)
        let delivery = setUp.delivery
        if let label = delivery.registrationLabel {
            registration = try RegistrationSecrets(
                label, sessionCopies: delivery.registrationCopies, wrapMechanism: mechanism, in: session)
        } else {
            registration = nil
        }
        if let passphrase = delivery.passphrase {
            pkcs12 = PKCS12Delivery(
                transportKey: try ReadableTransportKey(in: session), chain: delivery.chain,
                passphrase: passphrase)
        } else {
            pkcs12 = nil
        }
        wrapped = ScratchMemory()
    }

    /// The values that a row's certificate takes; where there are registration secrets, the id stands behind them.
    @inline(__always)
    func certificateValues(_ row: WorkChunk.Row) -> [String] {
        registration == nil ? row.values : Array(row.values.dropLast())
    }

    /// Takes the device's key out of the token and writes the device's line.
    func deliver(
        _ key: Object, of row: WorkChunk.Row, number: Int, certificate: [UInt8],
        in session: borrowing Session, to lines: inout PackageLines
    ) throws {
        let transport = pkcs12?.transportKey.object ?? transportKey.object
        let length = try session.wrap(wrapMechanism, key: key, under: transport, into: wrapped.key)
        let wrappedKey = UnsafeRawBufferPointer(rebasing: wrapped.key[..<length])
        var delivered = DeliveredSecrets()
        if let pkcs12 {
            delivered.pkcs12 = try PKCS12.encode(
                privateKey: try pkcs12.transportKey.unwrap(wrappedKey), certificate: certificate,
                chain: pkcs12.chain, friendlyName: row.serial, passphrase: pkcs12.passphrase)
        } else {
            delivered.wrappedKey = wrappedKey
        }
        if let registration, let id = row.values.last {
            let length = try registration.wrap(
                id, under: transportKey.object, in: session, into: wrapped.secret)
            delivered.registration = (id, UnsafeRawBufferPointer(rebasing: wrapped.secret[..<length]))
        }
        lines.append(row: number, serial: row.serial, certificate: certificate, delivered)
    }
}

/// A device's secrets in the forms in which they go to the station.
struct DeliveredSecrets {
    var wrappedKey: UnsafeRawBufferPointer?
    var pkcs12: [UInt8]?
    var registration: (id: String, wrappedSecret: UnsafeRawBufferPointer)?
}
