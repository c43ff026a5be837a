import TransparencyLog

/// Which witnesses a consumer knows, and how many of them must have cosigned a checkpoint.
public struct WitnessQuorum: Hashable, Sendable {
    /// How many of the witnesses must have cosigned, at least 1.
    public let quorum: Int
    /// The witnesses, each with a name and a key of its own.
    public let witnesses: [CosignerKey]

    /// A cosignature by a pinned witness that was verified.
    public struct Cosigned: Hashable, Sendable {
        /// The witness's name.
        public let witness: String
        /// UTC seconds since 1970 at which the witness had seen no larger tree of the log.
        public let time: UInt64

        public init(witness: String, time: UInt64) {
            self.witness = witness
            self.time = time
        }
    }

    /// `quorum` of `witnesses`; refused as `pins` where that can never or always be met, and where two
    /// witnesses are one: an Ed25519 cosignature does not name its signer (C2SP tlog-cosignature), so that one
    /// key under two names would count twice.
    public init(_ quorum: Int, of witnesses: [CosignerKey]) throws(AllowlistError) {
        guard (1...max(witnesses.count, 1)).contains(quorum), !witnesses.isEmpty else {
            throw AllowlistError(
                .pins, "\(quorum) of \(witnesses.count) witnesses is no quorum",
                hint: "name at least as many witnesses as must have cosigned")
        }
        guard Set(witnesses.map(\.publicKey)).count == witnesses.count else {
            throw AllowlistError(
                .pins, "two of the witnesses have the same key",
                hint: "name each witness once; a witness counts once")
        }
        self.quorum = quorum
        self.witnesses = witnesses
    }

    /// Reads a file with one verifier key a line (C2SP signed-note, type 0x04); empty lines and lines that begin
    /// with `#` are left out.
    public init(quorum: Int, file: [UInt8]) throws(AllowlistError) {
        guard let text = String(validating: file, as: UTF8.self) else {
            throw AllowlistError(.pins, "the file of witnesses is not UTF-8")
        }
        var witnesses: [CosignerKey] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty && !line.hasPrefix("#") {
            do throws(TransparencyLogError) {
                witnesses.append(try CosignerKey(VerifierKey(parsing: line)))
            } catch {
                throw AllowlistError(
                    .pins, "line \(number + 1) of the witnesses: \(error.message)",
                    hint: "a line is name+id+key, as `rootline allowlist witness-key` prints it")
            }
        }
        try self.init(quorum, of: witnesses)
    }

    /// The verified cosignatures of a note, one a witness, in the order of the witnesses.
    ///
    /// Throws `witness-signature` where a line claims to be by a witness and does not verify, and
    /// `witness-quorum` where fewer than the quorum have cosigned. Of several lines of one witness the newest
    /// time counts.
    public func check(_ note: SignedNote) throws(AllowlistError) -> [Cosigned] {
        var cosigned: [Cosigned] = []
        for witness in witnesses {
            let found: [Cosignature]
            do throws(TransparencyLogError) {
                found = try witness.cosignatures(of: note)
            } catch {
                throw AllowlistError(
                    .witnessSignature, error.message,
                    hint: "do not use this checkpoint; ask the witness which one it cosigned")
            }
            guard let time = found.map(\.time).max() else { continue }
            cosigned.append(Cosigned(witness: witness.name, time: time))
        }
        guard cosigned.count >= quorum else {
            throw AllowlistError(
                .witnessQuorum,
                "\(cosigned.count) of the \(witnesses.count) pinned witnesses cosigned this checkpoint, "
                    + "\(quorum) must have",
                hint: "wait until the witnesses have cosigned, then take it again from its publisher")
        }
        return cosigned
    }
}

extension [WitnessQuorum.Cosigned] {
    /// The newest time at which any witness vouched for the checkpoint; nil where none did.
    public var newestTime: UInt64? { map(\.time).max() }

    /// The newest time at or after which `count` witnesses vouched for it: what freshness rests on, because
    /// fewer dishonest witnesses than the quorum cannot make it later. Nil where fewer did.
    public func time(of count: Int) -> UInt64? {
        let times = map(\.time).sorted(by: >)
        return times.indices.contains(count - 1) ? times[count - 1] : nil
    }
}
