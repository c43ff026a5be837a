import Allowlist
import CAllowlist
import TransparencyLog

// The functions of rootline_allowlist.h, which documents them.

@_cdecl("rootline_allowlist_verify")
public func verify(
    _ handle: UInt64, _ summary: UnsafeMutablePointer<rootline_allowlist_summary>?,
    _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        try give(rootline_allowlist_summary(), to: summary, atLeast: rootline_allowlist_summary.firstSize)
        let list = try OpenLists.list(handle)
        let verified = try refusing { () throws(AllowlistError) in
            try BundleVerifier.verify(list.source, pins: list.pins)
        }
        try list.checkUnchanged(size: verified.treeSize, root: verified.root)
        try give(
            rootline_allowlist_summary(verified), to: summary, atLeast: rootline_allowlist_summary.firstSize)
        return StatusCode.ok
    }
}

@_cdecl("rootline_allowlist_checkpoint")
public func checkpoint(
    _ handle: UInt64, _ size: UnsafeMutablePointer<UInt64>?, _ root: UnsafeMutablePointer<UInt8>?,
    _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        let checkpoint = try OpenLists.list(handle).reader.checkpoint
        size?.pointee = checkpoint.size
        if let root { copy(checkpoint.root, to: root) }
        return StatusCode.ok
    }
}

@_cdecl("rootline_allowlist_lookup")
public func lookup(
    _ handle: UInt64, _ serial: UnsafePointer<CChar>?, _ product: UnsafePointer<CChar>?,
    _ key: UnsafePointer<UInt8>?, _ answer: UnsafeMutablePointer<rootline_allowlist_answer>?,
    _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        try give(.nothing, to: answer, atLeast: rootline_allowlist_answer.firstSize)
        let list = try OpenLists.list(handle)
        let serial = try text(serial, "serial")
        let product = product == nil ? nil : try text(product, "product")
        let key = key.flatMap { Digest32(UnsafeRawBufferPointer(start: $0, count: 32), at: 0) }
        let found = try refusing { () throws(AllowlistError) in
            try list.reader.lookup(
                serial: serial, product: product, key: key, serialKey: list.serialKey)
        }
        return try report(found, answer, asksSerial: true)
    }
}

@_cdecl("rootline_allowlist_lookup_certificate")
public func lookupCertificate(
    _ handle: UInt64, _ certificate: UnsafePointer<UInt8>?, _ key: UnsafePointer<UInt8>?,
    _ answer: UnsafeMutablePointer<rootline_allowlist_answer>?,
    _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        try give(.nothing, to: answer, atLeast: rootline_allowlist_answer.firstSize)
        let list = try OpenLists.list(handle)
        guard let certificate, let key,
            let certificate = Digest32(UnsafeRawBufferPointer(start: certificate, count: 32), at: 0),
            let key = Digest32(UnsafeRawBufferPointer(start: key, count: 32), at: 0)
        else { throw .invalid("certificate_sha256 or key_sha256 is NULL") }
        let found = try refusing { () throws(AllowlistError) in
            try list.reader.lookup(certificate: certificate, key: key)
        }
        return try report(found, answer)
    }
}

@_cdecl("rootline_allowlist_each_device")
public func eachDevice(
    _ handle: UInt64,
    _ visitor: (
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<rootline_allowlist_answer>?) -> Int32
    )?,
    _ context: UnsafeMutableRawPointer?, _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        let list = try OpenLists.list(handle)
        guard let visitor else { throw .invalid("visitor is NULL") }
        var isStopped = false
        let devices = try refusing { () throws(AllowlistError) in
            try ListedDevices(in: list.source, pins: list.pins)
        }
        try list.checkUnchanged(size: devices.checkpoint.size, root: devices.checkpoint.root)
        try refusing { () throws(AllowlistError) in
            try devices.visit { (device) throws(AllowlistError) in
                var answer = rootline_allowlist_answer(device)
                answer.struct_size = MemoryLayout<rootline_allowlist_answer>.size
                isStopped = visitor(context, &answer) != 0
                return !isStopped
            }
        }
        return isStopped ? StatusCode.stopped : StatusCode.ok
    }
}

/// Fills the answer and says yes only to a device that is listed now and whose key was asked for.
private func report(
    _ found: LookupAnswer, _ answer: UnsafeMutablePointer<rootline_allowlist_answer>?,
    asksSerial: Bool = false
) throws(CallFailure) -> Int32 {
    try give(rootline_allowlist_answer(found), to: answer, atLeast: rootline_allowlist_answer.firstSize)
    guard found.status == .listed else {
        throw CallFailure(
            StatusCode.refused, found.status.rawValue + (found.reason.map { ": \($0)" } ?? ""))
    }
    guard found.keyChecked else {
        throw CallFailure(StatusCode.keyUnchecked, "the serial is listed, but the key was not asked for")
    }
    guard found.serialChecked || !asksSerial else {
        throw CallFailure(
            StatusCode.serialUnchecked,
            "the key is listed, but only the log's serial key can tell whether this is its serial")
    }
    return StatusCode.ok
}
