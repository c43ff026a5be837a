import Allowlist
import CAllowlist
import TransparencyLog

// The functions of rootline_allowlist.h, which documents them.

@_cdecl("rootline_allowlist_check_receipt")
public func checkReceipt(
    _ pins: UnsafePointer<rootline_allowlist_pins>?, _ receipt: UnsafePointer<UInt8>?, _ receiptSize: Int,
    _ serial: UnsafePointer<CChar>?, _ key: UnsafePointer<UInt8>?,
    _ answer: UnsafeMutablePointer<rootline_allowlist_answer>?, _ message: UnsafeMutablePointer<CChar>?,
    _ messageSize: Int
) -> Int32 {
    answering(message, messageSize) { () throws(CallFailure) in
        try give(.nothing, to: answer, atLeast: rootline_allowlist_answer.firstSize)
        let (pins, serialKey) = try readPins(pins)
        guard let receipt, receiptSize >= 0 else { throw .invalid("receipt is NULL") }
        guard let key, let key = Digest32(UnsafeRawBufferPointer(start: key, count: 32), at: 0) else {
            throw .invalid("key_sha256 is NULL")
        }
        let serial = serial == nil ? nil : try text(serial, "serial")
        let bytes = Array(UnsafeBufferPointer(start: receipt, count: receiptSize))
        let shown = try refusing { () throws(AllowlistError) in
            try Receipt(parsing: bytes).verify(
                pins: pins, device: PresentedDevice(key: key, serial: serial), serialKey: serialKey)
        }
        try give(
            rootline_allowlist_answer(shown), to: answer, atLeast: rootline_allowlist_answer.firstSize)
        guard serial == nil || shown.serialChecked else {
            throw CallFailure(
                StatusCode.serialUnchecked,
                "the key is listed, but only the log's serial key can tell whether this is its serial")
        }
        return StatusCode.ok
    }
}

extension rootline_allowlist_answer {
    fileprivate init(_ shown: ReceiptAnswer) {
        self.init(shown.device, at: shown.entryIndex, in: shown.checkpoint)
        key_checked = shown.keyChecked ? 1 : 0
        serial_checked = shown.serialChecked ? 1 : 0
    }
}
