import TransparencyLog

extension FuzzTarget {
    /// `Tile(path:)`: every tile has one path, and every path that is accepted is that of its tile.
    static let tilePath = FuzzTarget(
        "tile-path", maximumLength: 80,
        seeds: [
            "tile/0/000", "tile/entries/x001/x234/067.p/12", "tile/63/x018/x446/x744/x073/x709/x551/615",
            "tile/0/x000/001", "tile/0/256.p/256", "tile/-1/000", "tile/0/+01", "tile/00/000",
        ].map { Array($0.utf8) }
    ) { (input) throws(BrokenProperty) in
        var choices = Choices(input)
        let level = choices.below(64)
        let width = choices.below(256) + 1
        let content = choices.bool() ? Tile.Content.entries : .hashes(level: level)
        if let tile = Tile(content, index: choices.unsigned(), width: width) {
            try hold((try? Tile(path: tile.path)) == tile, "a tile is not the one of its path")
        }
        let path = String(decoding: input, as: UTF8.self)
        guard let tile = try? Tile(path: path) else { return .refused("") }
        try hold(tile.path == path, "a tile has two paths")
        try hold((1...256).contains(tile.width), "a tile has no hash, or too many")
        return .accepted
    }
}
