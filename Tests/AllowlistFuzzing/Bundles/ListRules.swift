import Allowlist
import TransparencyLog

/// A second opinion on whole lists, written from rules 4 to 9 of the format's verification and nothing else.
///
/// It goes through every entry for every question, so it only suits lists of a few dozen.
struct ListRules {
    private let entries: [AllowlistEntry]

    init(_ entries: [AllowlistEntry]) {
        self.entries = entries
    }

    /// Whether the list keeps the rules. Rotations are not judged here.
    func isKept() -> Bool {
        guard case .state? = entries.last else { return false }
        for (index, entry) in entries.enumerated() where !isAllowed(entry, at: index) { return false }
        for (index, run) in openings() where sealIndex(run.run, from: index) == nil {
            guard released(run.run, before: entries.count) <= Int(run.quantity) else { return false }
        }
        return devicesAreUnique() && certificatesAreUnique()
    }

    private func isAllowed(_ entry: AllowlistEntry, at index: Int) -> Bool {
        switch entry {
        case .openRun(let run):
            return !run.isRehearsal && run.authorisation == Digest32.sha256(SampleEntries.authorisation)
                && openings().first?.run.serials == run.serials
                && openings().filter { $0.run.run.isSpelled(run.run) }.count == 1
        case .add(let device):
            guard let run = openRun(device.run, at: index) else { return false }
            return device.product.isSpelled(run.product) && device.serial.form == run.serials
                && device.authorityKeyID == run.issuerKeyID
                && reserved(run.run, before: index + 1) <= run.quantity + run.spoilage
        case .revoke(let revoke):
            switch revoke.subject {
            case .device(let cited): return device(cited, before: index)?.run.isSpelled(revoke.run) ?? false
            case .burned(_, let issuer):
                guard let run = openRun(revoke.run, at: index) else { return false }
                return issuer == run.issuerKeyID
                    && reserved(run.run, before: index + 1) <= run.quantity + run.spoilage
            }
        case .scrap(let scrap):
            return device(scrap.index, before: index) != nil
                && scraps(before: index).allSatisfy { $0.index != scrap.index }
        case .replace(let replace):
            return device(replace.priorIndex, before: index) != nil
                && device(replace.newIndex, before: index) != nil
                && replaces(before: index).allSatisfy {
                    $0.priorIndex != replace.priorIndex && $0.newIndex != replace.newIndex
                }
        case .seal(let seal): return isRight(seal, at: index)
        case .state(let state): return covers(state, index)
        case .rotateSigner: return true
        }
    }

    private func isRight(_ seal: AllowlistEntry.Seal, at index: Int) -> Bool {
        guard let run = openRun(seal.run, at: index),
            openings().contains(where: { $0.index == Int(seal.openIndex) && $0.run.run.isSpelled(seal.run) })
        else { return false }
        let burned = burnedSerials(seal.run, before: index)
        let reserved = Int(reserved(seal.run, before: index))
        let released = released(seal.run, before: index)
        return !seal.isRehearsal && released <= Int(run.quantity)
            && seal.reserved == UInt64(reserved) && seal.released == UInt64(released)
            && seal.scrapped == UInt64(reserved - burned.count - released)
            && seal.burned == UInt64(burned.count)
            && seal.burnedDigest == AllowlistEntry.Seal.burnedDigest(of: burned)
    }

    private func covers(_ state: AllowlistEntry.State, _ index: Int) -> Bool {
        guard index > 0 else { return state.segments.isEmpty }
        return Segment.Kind.allCases.allSatisfy { kind in
            let segments = state.segments.filter { $0.kind == kind }
            return segments.first?.start == 0 && segments.last?.end == UInt64(index)
        }
    }

    private func devicesAreUnique() -> Bool {
        let devices = entries.indices.compactMap { index in
            device(UInt64(index), before: entries.count).map { (index, $0) }
        }
        for (place, (index, device)) in devices.enumerated() {
            let earlier = devices[..<place]
            let namesake = earlier.last {
                $0.1.product.isSpelled(device.product) && $0.1.serial.indexHash == device.serial.indexHash
            }
            for other in [namesake, earlier.last(where: { $0.1.key == device.key })].compactMap({ $0 }) {
                let isReplaced = replaces(before: entries.count).contains {
                    $0.priorIndex == UInt64(other.0) && $0.newIndex == UInt64(index)
                }
                guard isReplaced else { return false }
            }
        }
        return true
    }

    private func certificatesAreUnique() -> Bool {
        var digests: [Digest32] = []
        var names: [[[UInt8]]] = []
        for entry in entries {
            if case .add(let device) = entry {
                digests.append(device.certificate)
                names.append([device.authorityKeyID, device.certificateSerial])
            }
            if case .revoke(let revoke) = entry, case .burned(let serial, let issuer) = revoke.subject {
                names.append([issuer, serial])
            }
        }
        return Set(digests).count == digests.count && Set(names).count == names.count
    }
}

extension ListRules {
    private func openings() -> [(index: Int, run: AllowlistEntry.OpenRun)] {
        entries.enumerated().compactMap { (index, entry) in
            if case .openRun(let run) = entry { (index, run) } else { nil }
        }
    }

    /// The run's opening, where it stands before `index` and no seal is between.
    private func openRun(_ id: String, at index: Int) -> AllowlistEntry.OpenRun? {
        guard let opening = openings().first(where: { $0.run.run.isSpelled(id) && $0.index < index }) else {
            return nil
        }
        let seal = sealIndex(id, from: opening.index)
        return seal == nil || seal == index || (seal ?? 0) > index ? opening.run : nil
    }

    private func sealIndex(_ id: String, from start: Int) -> Int? {
        entries.indices.first { index in
            if case .seal(let seal) = entries[index], seal.run.isSpelled(id), index > start {
                true
            } else {
                false
            }
        }
    }

    private func device(_ index: UInt64, before end: Int) -> AllowlistEntry.Add? {
        guard index < UInt64(end), case .add(let device) = entries[Int(index)] else { return nil }
        return device
    }

    private func reserved(_ id: String, before end: Int) -> UInt64 {
        let added = entries[..<end].filter {
            if case .add(let device) = $0 { device.run.isSpelled(id) } else { false }
        }
        return UInt64(added.count + burnedSerials(id, before: end).count)
    }

    /// Devices of the run less those that were scrapped before its seal.
    private func released(_ id: String, before end: Int) -> Int {
        let scrapped = scraps(before: end).filter {
            device($0.index, before: end)?.run.isSpelled(id) ?? false
        }.count
        return Int(reserved(id, before: end)) - burnedSerials(id, before: end).count - scrapped
    }

    private func burnedSerials(_ id: String, before end: Int) -> [[UInt8]] {
        entries[..<end].compactMap { entry in
            guard case .revoke(let revoke) = entry, revoke.run.isSpelled(id),
                case .burned(let serial, _) = revoke.subject
            else { return nil }
            return serial
        }
    }

    private func scraps(before end: Int) -> [AllowlistEntry.Scrap] {
        entries[..<end].compactMap { if case .scrap(let scrap) = $0 { scrap } else { nil } }
    }

    private func replaces(before end: Int) -> [AllowlistEntry.Replace] {
        entries[..<end].compactMap { if case .replace(let replace) = $0 { replace } else { nil } }
    }
}

extension String {
    /// Whether two texts are the same octets. Swift's `==` also holds for spellings that Unicode calls equivalent.
    fileprivate func isSpelled(_ other: String) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}
