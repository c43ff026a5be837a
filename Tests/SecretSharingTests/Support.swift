import Foundation
import Testing

@testable import SecretSharing

extension SecretBytes {
    convenience init(text: String) {
        var bytes = Array(text.utf8)
        self.init(consuming: &bytes)
    }

    convenience init(octets: [UInt8]) {
        var bytes = octets
        self.init(consuming: &bytes)
    }

    var octets: [UInt8] { withBytes { Array($0) } }
    var text: String { String(decoding: octets, as: UTF8.self) }
    var hex: String { octets.map { String(format: "%02x", $0) }.joined() }
}

extension SLIP39.Share {
    init(_ words: String) throws(SecretSharingError) {
        try self.init(mnemonic: SecretBytes(text: words))
    }

    /// The same share with another value or another place.
    func changed(
        identifier: Int? = nil, extendable: Bool? = nil, iterationExponent: Int? = nil,
        groupIndex: Int? = nil,
        groupThreshold: Int? = nil, groupCount: Int? = nil, memberIndex: Int? = nil,
        memberThreshold: Int? = nil, value: SecretBytes? = nil
    ) -> SLIP39.Share {
        SLIP39.Share(
            identifier: identifier ?? self.identifier, extendable: extendable ?? self.extendable,
            iterationExponent: iterationExponent ?? self.iterationExponent,
            groupIndex: groupIndex ?? self.groupIndex, groupThreshold: groupThreshold ?? self.groupThreshold,
            groupCount: groupCount ?? self.groupCount, memberIndex: memberIndex ?? self.memberIndex,
            memberThreshold: memberThreshold ?? self.memberThreshold, value: value ?? self.value)
    }
}

/// The error of `body`; an issue is recorded where there is none, or another library's.
func refusal<R>(
    _ location: SourceLocation = #_sourceLocation, _ body: () throws -> R
) -> SecretSharingError? {
    do {
        _ = try body()
        Issue.record("not refused", sourceLocation: location)
    } catch let error as SecretSharingError {
        return error
    } catch {
        Issue.record(error, sourceLocation: location)
    }
    return nil
}

/// 2 of 3 groups: 2 of 3, 3 of 5, 1 of 1.
func groupedShares(_ secret: SecretBytes) throws(SecretSharingError) -> [[SLIP39.Share]] {
    try SLIP39.split(
        secret: secret, groupThreshold: 2, groups: [(2, 3), (3, 5), (1, 1)], iterationExponent: 0)
}

/// 3 of 5 in one group.
func plainShares(_ secret: SecretBytes) throws(SecretSharingError) -> [SLIP39.Share] {
    try SLIP39.split(secret: secret, groupThreshold: 1, groups: [(3, 5)], iterationExponent: 0)[0]
}
