import Allowlist
import CAllowlist
import TransparencyLog

// The functions of rootline_allowlist.h, which documents them.

@_cdecl("rootline_allowlist_apply_delta")
public func applyDelta(
    _ folder: UnsafePointer<CChar>?, _ delta: UnsafePointer<CChar>?,
    _ pins: UnsafePointer<rootline_allowlist_pins>?, _ size: UnsafeMutablePointer<UInt64>?,
    _ root: UnsafeMutablePointer<UInt8>?, _ message: UnsafeMutablePointer<CChar>?, _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        let (folder, delta) = (try text(folder, "folder"), try text(delta, "delta"))
        let (pins, _) = try readPins(pins)
        let applied = try refusing { () throws(AllowlistError) in
            try BundleDelta.apply(TarArchive(delta), to: folder, pins: pins, verifying: true)
        }
        size?.pointee = applied.after.size
        if let root { copy(applied.after.root, to: root) }
        return StatusCode.ok
    }
}
