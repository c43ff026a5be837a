/// GF(256) modulo x⁸ + x⁴ + x³ + x + 1, the Rijndael polynomial (SLIP-0039 "Shamir's secret-sharing").
///
/// No tables and no branches on values: neither the cache nor the time tells anything of a secret.
enum FieldElement {
    static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var power = left
        var result: UInt8 = 0
        for bit in 0..<UInt8(8) {
            result ^= power & (0 &- ((right &>> bit) & 1))
            power = (power &<< 1) ^ (0x1B & (0 &- (power &>> 7)))
        }
        return result
    }

    /// The 254th power, which is the inverse of all but zero.
    static func inverse(_ value: UInt8) -> UInt8 {
        var result = value
        for _ in 0..<6 {
            result = product(product(result, result), value)
        }
        return product(result, result)
    }
}
