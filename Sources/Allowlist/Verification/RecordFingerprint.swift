import TransparencyLog

/// A fingerprint of a set of index records that does not depend on their order, and is cheap.
///
/// A record is read as a vector *r* of six numbers below 2^61, which gives each record another vector. With secret
/// numbers *x* and *k* the fingerprint of a multiset *A* is the product over its records of (x − Σ kᵢ·rᵢ), in the
/// field of p = 2^61 − 1 elements.
///
/// Why two different multisets hardly ever have the same: as polynomials in *x* and *k*, the factors are linear with
/// the leading term x, so they are irreducible, and factors of different records are no multiples of each other.
/// Polynomials over a field factor uniquely, so the products of different multisets are different polynomials, of at
/// most as many degrees as there are records, *n*. Their difference is zero at a random point with a probability of at
/// most n/p (Schwartz–Zippel). The point is drawn for each verification, after the bundle was made, and shows itself
/// to nobody; so this holds for whatever bundle an attacker prepared. With two independent points it is (n/p)², less
/// than 2^-73 at ten million records. (A sum in the product's place would not do: it is the same for all multisets
/// whose records have the same sum.)
struct RecordFingerprint: Hashable, Sendable {
    private var first: UInt64 = 1
    private var second: UInt64 = 1

    /// The secret points of one verification.
    struct Secret: Sendable {
        fileprivate let first = Point()
        fileprivate let second = Point()
    }

    fileprivate struct Point: Sendable {
        let x = PrimeField.random()
        let k = (
            PrimeField.random(), PrimeField.random(), PrimeField.random(), PrimeField.random(),
            PrimeField.random(), PrimeField.random()
        )
    }

    /// Takes a record in.
    @inline(__always)
    mutating func insert(_ record: IndexRecord, _ secret: Secret) {
        let words = record.hash.bigEndianWords
        let mask = PrimeField.modulus
        // 320 bits in limbs of 61; all ones in a limb would be zero in the field, hence 60 to a limb and 20 in the last.
        let sixty = mask >> 1
        let limbs = (
            words.0 & sixty,
            (words.0 >> 60 | words.1 << 4) & sixty,
            (words.1 >> 56 | words.2 << 8) & sixty,
            (words.2 >> 52 | words.3 << 12) & sixty,
            (words.3 >> 48 | record.index << 16) & sixty,
            record.index >> 44
        )
        first = PrimeField.multiply(first, Self.factor(limbs, secret.first))
        second = PrimeField.multiply(second, Self.factor(limbs, secret.second))
    }

    /// Takes in all that another fingerprint under the same secret has taken in.
    mutating func formUnion(_ other: RecordFingerprint) {
        first = PrimeField.multiply(first, other.first)
        second = PrimeField.multiply(second, other.second)
    }

    @inline(__always)
    private static func factor(
        _ r: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64), _ point: Point
    ) -> UInt64 {
        // Six products below 2^121 each.
        var sum = UInt128(point.k.0) &* UInt128(r.0)
        sum &+= UInt128(point.k.1) &* UInt128(r.1)
        sum &+= UInt128(point.k.2) &* UInt128(r.2)
        sum &+= UInt128(point.k.3) &* UInt128(r.3)
        sum &+= UInt128(point.k.4) &* UInt128(r.4)
        sum &+= UInt128(point.k.5) &* UInt128(r.5)
        let form = PrimeField.reduce(sum)
        return form <= point.x ? point.x &- form : point.x &+ PrimeField.modulus &- form
    }
}

/// Arithmetic in the field of 2^61 − 1 elements, a Mersenne prime.
enum PrimeField {
    static let modulus: UInt64 = (1 << 61) - 1

    /// An element from the system's generator.
    static func random() -> UInt64 { UInt64.random(in: 0..<modulus) }

    /// The residue of a number below 2^125.
    @inline(__always)
    static func reduce(_ value: UInt128) -> UInt64 {
        let folded =
            UInt64(truncatingIfNeeded: value) & modulus &+ UInt64(truncatingIfNeeded: value >> 61)
        let again = folded & modulus &+ folded >> 61
        return again >= modulus ? again &- modulus : again
    }

    @inline(__always)
    static func multiply(_ left: UInt64, _ right: UInt64) -> UInt64 {
        reduce(UInt128(left) &* UInt128(right))
    }
}
