import Foundation

extension Site {
    /// What the stand-ins' keys follow from: a site's rehearsals are all held by the same ones, its runs are approved by
    /// them.
    ///
    /// It is no secret of anybody's; in a live site there are no stand-ins.
    public func standInSeed() throws(SiteError) -> [UInt8] {
        guard isRehearsal else {
            throw SiteError(.refused, folder, "there are no stand-ins in a live site")
        }
        let path = path("secrets/stand-ins.seed")
        if let data = FileManager.default.contents(atPath: path), data.count == 32 { return Array(data) }
        var generator = SystemRandomNumberGenerator()
        let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do {
            try FileManager.default.createDirectory(
                atPath: self.path("secrets"), withIntermediateDirectories: true)
        } catch {
            throw SiteError(.cannotCreate, self.path("secrets"), error.systemReason)
        }
        try storeDocument(path, seed)
        return seed
    }
}
