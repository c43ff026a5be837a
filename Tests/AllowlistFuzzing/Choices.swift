/// An input read as a list of choices, so that a mutated input is a changed structure and not only noise.
///
/// Where the input ends, every further choice is 0.
struct Choices {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func unsigned() -> UInt64 {
        (0..<8).reduce(0) { (value, _) in value << 8 | UInt64(byte()) }
    }

    /// A number from 0 to `count` - 1; 0 where there is nothing to choose from.
    mutating func below(_ count: Int) -> Int {
        guard count > 1 else { return 0 }
        var value = Int(byte())
        if count > 256 { value = value << 8 | Int(byte()) }
        return value % count
    }

    mutating func bool() -> Bool { byte() & 1 == 1 }

    /// Up to `count` bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return position < end ? Array(bytes[position..<end]) : []
    }

    mutating func rest() -> [UInt8] {
        bytes(bytes.count)
    }
}
