extension String {
    /// Whether two texts are the same octets of UTF-8.
    ///
    /// Swift's `==` also holds for spellings that Unicode calls equivalent, such as é as one character or as two. In
    /// a log these are two texts, as they are for every other reader.
    package func isSpelled(_ other: some StringProtocol) -> Bool {
        self == other && utf8.elementsEqual(other.utf8)
    }

    /// The text as the octets that tell it apart from every other one.
    package var spelling: [UInt8] { Array(utf8) }
}
