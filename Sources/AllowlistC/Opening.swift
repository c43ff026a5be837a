import Allowlist
import CAllowlist
import TransparencyLog

// The functions of rootline_allowlist.h, which documents them.

@_cdecl("rootline_allowlist_abi_version")
public func abiVersion() -> UInt32 {
    UInt32(ROOTLINE_ALLOWLIST_ABI_VERSION)
}

@_cdecl("rootline_allowlist_word")
public func word(_ status: Int32) -> UnsafePointer<CChar> {
    // A static string of ASCII is stored with a NUL behind it for the life of the process.
    UnsafeRawPointer(StatusCode.word(of: status).utf8Start).assumingMemoryBound(to: CChar.self)
}

@_cdecl("rootline_allowlist_sha256")
public func sha256(
    _ bytes: UnsafePointer<UInt8>?, _ size: Int, _ digest: UnsafeMutablePointer<UInt8>?
) -> Int32 {
    guard let digest, size >= 0, bytes != nil || size == 0 else { return StatusCode.invalidArgument }
    copy(Digest32.sha256(UnsafeRawBufferPointer(start: bytes, count: size)), to: digest)
    return StatusCode.ok
}

@_cdecl("rootline_allowlist_open")
public func open(
    _ path: UnsafePointer<CChar>?, _ pins: UnsafePointer<rootline_allowlist_pins>?, _ options: UInt32,
    _ handle: UnsafeMutablePointer<UInt64>?, _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    handle?.pointee = 0
    return answering(message, messageSize) { () throws(CallFailure) in
        guard let handle else { throw .invalid("handle is NULL") }
        let path = try text(path, "path")
        let (pins, serialKey) = try readPins(pins)
        handle.pointee = try open(path, pins, serialKey, options)
        return StatusCode.ok
    }
}

@_cdecl("rootline_allowlist_close")
public func close(_ handle: UInt64) {
    OpenLists.table.remove(handle)
}

private func open(
    _ path: String, _ pins: Pins, _ serialKey: SerialKey?, _ options: UInt32
) throws(CallFailure) -> UInt64 {
    let (checkIndex, verify) = (
        UInt32(ROOTLINE_ALLOWLIST_CHECK_INDEX), UInt32(ROOTLINE_ALLOWLIST_VERIFY)
    )
    guard options & ~(checkIndex | verify) == 0 else { throw .invalid("options has unknown bits") }
    let list = try refusing { () throws(AllowlistError) in
        let source = try openBundle(path)
        guard options & verify == 0 else {
            // A verified bundle's reader asks the index that was verified.
            let verified = try VerifiedBundle(source, pins: pins)
            return OpenList(
                source: source, pins: pins, serialKey: serialKey, verified: verified.list,
                reader: verified.reader)
        }
        let reader = try BundleReader(in: source, pins: pins, checkingIndex: options & checkIndex != 0)
        return OpenList(source: source, pins: pins, serialKey: serialKey, verified: nil, reader: reader)
    }
    return OpenLists.table.insert(list)
}

/// The pins, and the serial key where one is given.
func readPins(
    _ pins: UnsafePointer<rootline_allowlist_pins>?
) throws(CallFailure) -> (Pins, SerialKey?) {
    guard let pins else { throw .invalid("pins is NULL") }
    let least = 56
    let size = UnsafeRawPointer(pins).load(as: Int.self)
    guard size >= least else {
        throw .invalid("struct_size of pins is \(size), at least \(least) are needed")
    }
    let given = pins.pointee
    let allowRehearsal = given.allow_rehearsal != 0
    let serialKey = given.serial_key.flatMap {
        SerialKey(UnsafeRawBufferPointer(start: $0, count: SerialKey.byteCount))
    }
    if let path = given.pins_file {
        guard given.origin == nil, given.log_key == nil else {
            throw .invalid("origin and log_key stand in the pins file, too")
        }
        let path = try text(path, "pins_file")
        let read = try refusing { () throws(AllowlistError) in
            try PinsFile.read(readFile(path), allowRehearsal: allowRehearsal)
        }
        return (read, serialKey)
    }
    let origin = try text(given.origin, "origin")
    guard let key = given.log_key, given.log_key_size >= 0 else { throw .invalid("log_key is NULL") }
    let bytes = Array(UnsafeBufferPointer(start: key, count: given.log_key_size))
    let read = try refusing { () throws(AllowlistError) in
        if bytes.first == UInt8(ascii: "-") {
            return try Pins(
                origin: origin, logKeyPEM: String(decoding: bytes, as: UTF8.self),
                allowRehearsal: allowRehearsal)
        }
        return try Pins(origin: origin, logKeySPKI: bytes, allowRehearsal: allowRehearsal)
    }
    return (read, serialKey)
}

/// The octets of a small file that lies beside no bundle.
private func readFile(_ path: String) throws(AllowlistError) -> [UInt8] {
    guard let slash = path.lastIndex(of: "/") else {
        return try BundleFolder(".").bytes(of: path, maximum: 1 << 16)
    }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return try BundleFolder(folder).bytes(of: String(path[path.index(after: slash)...]), maximum: 1 << 16)
}
