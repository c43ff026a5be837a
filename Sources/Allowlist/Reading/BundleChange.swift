import TransparencyLog

extension AllowlistError {
    /// The bundle is not the one that its reader began with.
    static func changed(_ path: String?, _ message: String) -> AllowlistError {
        AllowlistError(
            .bundleChanged, file: path, message,
            hint: "somebody wrote to the bundle meanwhile; open or verify it again")
    }
}

extension SignedHead {
    /// Throws `bundle-changed` where `checkpoint` is no longer what it was when this was read.
    ///
    /// A writer puts a new checkpoint in place before it takes anything away that the old one needs. So what
    /// is missing while the checkpoint stands is missing for good.
    public func checkUnchanged(in bundle: any BundleSource) throws(AllowlistError) {
        let present = try? bundle.bytes(of: Self.notePath, maximum: SignedNote.maximumLength)
        guard present == received else {
            throw AllowlistError.changed(
                Self.notePath, "another checkpoint was put in place while it was read")
        }
    }

    /// Reads in a bundle; where that fails and the bundle was replaced meanwhile, this is what is thrown.
    func reading<Value>(
        _ bundle: any BundleSource, _ body: () throws(AllowlistError) -> Value
    ) throws(AllowlistError) -> Value {
        do {
            return try body()
        } catch {
            try checkUnchanged(in: bundle)
            throw error
        }
    }
}
