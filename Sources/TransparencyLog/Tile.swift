/// The coordinates of one tile or entry bundle (C2SP tlog-tiles).
public struct Tile: Hashable, Sendable {
    /// Hashes in a full tile, entries in a full bundle.
    public static let fullWidth = 256

    /// What a tile holds.
    public enum Content: Hashable, Sendable {
        /// Hashes of subtrees of 256^level leaves.
        case hashes(level: Int)
        /// The entries themselves.
        case entries
    }

    public let content: Content
    /// Position from the left within the level, from 0.
    public let index: UInt64
    /// Hashes or entries held, 1 to 256; less than 256 is a partial tile.
    public let width: Int

    /// Nil where level (0 to 63) or width (1 to 256) is out of range.
    public init?(_ content: Content, index: UInt64, width: Int = Tile.fullWidth) {
        if case .hashes(let level) = content, !(0...63).contains(level) { return nil }
        guard (1...Tile.fullWidth).contains(width) else { return nil }
        self.content = content
        self.index = index
        self.width = width
    }

    /// The tile at `index` as it must exist for a tree of `size` leaves, or nil where it is empty.
    public init?(_ content: Content, index: UInt64, treeSize size: UInt64) {
        let level = if case .hashes(let level) = content { level } else { 0 }
        guard (0...63).contains(level) else { return nil }
        let hashes = level < 8 ? size >> UInt64(8 * level) : 0
        let (first, overflow) = index.multipliedReportingOverflow(by: UInt64(Tile.fullWidth))
        guard !overflow, first < hashes else { return nil }
        self.init(content, index: index, width: Int(min(hashes - first, UInt64(Tile.fullWidth))))
    }

    public var isFull: Bool { width == Tile.fullWidth }

    /// The path below the log's folder, such as `tile/0/x001/x234/067.p/12`.
    public var path: String {
        var path =
            switch content {
            case .hashes(let level): "tile/\(level)/"
            case .entries: "tile/entries/"
            }
        path += Tile.encode(index)
        return isFull ? path : path + ".p/\(width)"
    }

    /// The inverse of `path`; every other spelling is refused.
    public init(path: some StringProtocol) throws(TransparencyLogError) {
        guard let tile = Tile(parsing: path), tile.path == path else {
            throw TransparencyLogError(.tilePath, "\(path) is not the path of a tile")
        }
        self = tile
    }

    private init?(parsing path: some StringProtocol) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard parts.popFirst() == "tile", let kind = parts.popFirst(), !parts.isEmpty else { return nil }
        let content: Content
        if kind == "entries" {
            content = .entries
        } else if let level = Int(kind) {
            content = .hashes(level: level)
        } else {
            return nil
        }
        var width = Tile.fullWidth
        if parts.count >= 2, let folder = parts.dropLast().last, folder.hasSuffix(".p") {
            guard let last = parts.popLast(), let value = Int(last) else { return nil }
            width = value
            parts[parts.endIndex - 1] = folder.dropLast(2)
        }
        guard parts.count <= 7 else { return nil }
        var index: UInt64 = 0
        for part in parts {
            guard let digits = UInt64(part.hasPrefix("x") ? part.dropFirst() : part), digits < 1000 else {
                return nil
            }
            let (scaled, overflow) = index.multipliedReportingOverflow(by: 1000)
            guard !overflow, UInt64.max - scaled >= digits else { return nil }
            index = scaled + digits
        }
        self.init(content, index: index, width: width)
    }

    private static func encode(_ index: UInt64) -> String {
        var rest = index / 1000
        var path = threeDigits(index % 1000)
        while rest > 0 {
            path = "x" + threeDigits(rest % 1000) + "/" + path
            rest /= 1000
        }
        return path
    }

    private static func threeDigits(_ value: UInt64) -> String {
        let text = String(value)
        return String(repeating: "0", count: 3 - text.count) + text
    }
}

extension Tile {
    /// The hashes in the bytes of a tile, or nil where there are not exactly `width` of them.
    public func hashes(in bytes: [UInt8]) -> [Digest32]? {
        guard bytes.count == width * Digest32.byteCount else { return nil }
        return bytes.withUnsafeBufferPointer { buffer in
            let raw = UnsafeRawBufferPointer(buffer)
            return (0..<width).map { Digest32(raw, at: $0 * Digest32.byteCount) ?? Digest32() }
        }
    }

    /// Every tile that a tree of `size` leaves consists of, entry bundles first, level by level.
    public static func all(treeSize size: UInt64) -> [Tile] {
        var tiles: [Tile] = []
        func add(_ content: Content) -> Bool {
            var index: UInt64 = 0
            while let tile = Tile(content, index: index, treeSize: size) {
                tiles.append(tile)
                index += 1
            }
            return index > 0
        }
        guard add(.entries) else { return [] }
        var level = 0
        while add(.hashes(level: level)) { level += 1 }
        return tiles
    }
}
