/// A share of one secret: `y` holds the values at `x` of as many polynomials as the secret has octets.
struct Point {
    let x: UInt8
    let y: SecretBytes
}

/// Splitting and recovering of one secret (SLIP-0039 "Shamir's secret-sharing": SplitSecret, RecoverSecret).
enum Polynomial {
    /// Where the polynomials take the secret's octets.
    static let secretX: UInt8 = 255
    /// Where they take the digest's and the random part's.
    static let digestX: UInt8 = 254
    static let digestLength = 4

    /// Why points give no secret.
    enum Refusal: Error {
        /// No `threshold` of the points have a digest that is right.
        case digest
        /// The points with other `x` agree; the points with these do not lie with them.
        case misfits(Set<UInt8>)
        /// The points disagree, and nothing says which are right.
        case disagreement
        case library(SecretSharingError)
    }

    static func split(
        _ secret: SecretBytes, threshold: Int, count: Int
    ) throws(SecretSharingError) -> [Point] {
        if threshold == 1 {
            return (0..<count).map { Point(x: UInt8($0), y: secret) }
        }
        var points: [Point] = []
        for index in 0..<threshold - 2 {
            points.append(Point(x: UInt8(index), y: try .random(count: secret.count)))
        }
        let randomPart = try SecretBytes.random(count: secret.count - digestLength)
        let digest = try hmacSHA256(key: randomPart, secret)
        let digestShare = SecretBytes(joining: digest.prefix(digestLength), randomPart)
        let base = points + [Point(x: digestX, y: digestShare), Point(x: secretX, y: secret)]
        for index in threshold - 2..<count {
            points.append(Point(x: UInt8(index), y: value(at: UInt8(index), of: base)))
        }
        return points
    }

    /// The secret of at least `threshold` points with distinct `x` and values of one length, if all agree.
    static func recover(threshold: Int, _ points: [Point]) throws(Refusal) -> SecretBytes {
        if threshold == 1 {
            // There is no digest: the points are the secret.
            guard points.allSatisfy({ $0.y == points[0].y }) else { throw .disagreement }
            return points[0].y
        }
        var agreeing: Set<UInt8>?
        var choice = Combination(of: points.count, choose: threshold)
        repeat {
            let base = choice.indices.map { points[$0] }
            guard let secret = try secretIfDigestHolds(base) else { continue }
            let fitting = points.filter { point in value(at: point.x, of: base) == point.y }
            if fitting.count == points.count { return secret }
            // Two sets, each with a right digest: points of two splits. Neither may be taken for the true one.
            let xs = Set(fitting.map(\.x))
            if let agreeing, agreeing != xs { throw .disagreement }
            agreeing = xs
        } while choice.advance()
        guard let agreeing else { throw .digest }
        throw .misfits(Set(points.map(\.x)).subtracting(agreeing))
    }

    private static func secretIfDigestHolds(_ base: [Point]) throws(Refusal) -> SecretBytes? {
        let secret = value(at: secretX, of: base)
        let digestShare = value(at: digestX, of: base)
        do {
            let digest = try hmacSHA256(key: digestShare.suffix(from: digestLength), secret)
            return digest.prefix(digestLength) == digestShare.prefix(digestLength) ? secret : nil
        } catch {
            throw .library(error)
        }
    }

    /// Lagrange's interpolation: the values at `x` of the polynomials of least degree through `points`.
    static func value(at x: UInt8, of points: [Point]) -> SecretBytes {
        // The coefficients come from the public `x` alone.
        let terms = points.map { point in
            var coefficient: UInt8 = 1
            for other in points where other.x != point.x {
                let quotient = FieldElement.product(x ^ other.x, FieldElement.inverse(point.x ^ other.x))
                coefficient = FieldElement.product(coefficient, quotient)
            }
            return (coefficient, point.y)
        }
        return SecretBytes(count: points.first?.y.count ?? 0) { output in
            for offset in output.indices {
                for (coefficient, y) in terms {
                    output[offset] ^= FieldElement.product(y[offset], coefficient)
                }
            }
        }
    }
}

extension SecretBytes {
    convenience init(joining parts: SecretBytes...) {
        self.init(count: parts.reduce(0) { $0 + $1.count }) { output in
            var rest = UnsafeMutableRawBufferPointer(rebasing: output[...])
            for part in parts {
                part.withBytes { rest.copyMemory(from: $0) }
                rest = UnsafeMutableRawBufferPointer(rebasing: rest[part.count...])
            }
        }
    }

    func prefix(_ length: Int) -> SecretBytes {
        SecretBytes(count: length) { output in
            withBytes { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<length])) }
        }
    }

    func suffix(from start: Int) -> SecretBytes {
        SecretBytes(count: count - start) { output in
            withBytes { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start...])) }
        }
    }
}
