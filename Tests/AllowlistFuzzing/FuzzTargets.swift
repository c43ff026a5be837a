extension FuzzTarget {
    /// Every parser that bytes from outside reach.
    public static let all: [FuzzTarget] = [
        .cbor, .entry, .entryFraming, .signedNote, .checkpoint, .base64, .noteKey, .tilePath, .proof,
        .tar, .bundle, .signedLog,
        .json, .approvedMessage, .statement, .roster, .strictSignature,
        .tlogProof, .verifierKey, .receipt, .absenceProof, .pinsFile, .journal,
    ]

    /// A parser with a fault, to see that a run finds it.
    public static let brokenOnPurpose = FuzzTarget("broken", maximumLength: 8, seeds: [[0x40, 0]]) {
        (input) throws(BrokenProperty) in
        try hold(input.first != 0x42, "the first octet is 42")
        return input.first == 0x40 ? .accepted : .refused("")
    }
}
