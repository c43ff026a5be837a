"""Applying a delta: Deltas, "Applying a delta"."""

import re

import bundle
import entries
import index
import proofs
import rotations
import tree
from archive import Files
from entries import Entry, Segment
from notes import Note, check
from pins import Pins
from refusal import Refused, require
from tree import WIDTH, entry_file, sha256

_NOTE = ("checkpoint", "checkpoint.txt", "checkpoint.p7s")
_PEM = ("issuers.pem", "signers.pem")
_NUMBERED = re.compile(r"(rosters|rotations)/([1-9][0-9]*)\.(json|p7s)", re.ASCII)


def apply(base: Files | None, delta: Files, pins: Pins, allow_rehearsal: bool, now: int | None) -> Files:
    """The files of the bundle that comes of it. Nothing of `base` is changed."""
    new = rotations.walk(_Over(delta, base), pins)
    note = bundle.open_checkpoint(delta, pins, new, allow_rehearsal, now)
    own = _own_note(base, pins, new, allow_rehearsal) if base else None
    size = own.size if own else 0
    if own and note.size <= size:
        try:
            proofs.check_extends(proofs.Tiles(base, size), own.root, note.size, note.root)
        except Refused as refused:
            raise Refused("checkpoint-fork", refused.reason, "checkpoint") from None
        return base
    first = _first_bundle(delta, note.size)
    require(first <= size // WIDTH, "delta-base", f"it begins with the entry bundle {first}", "checkpoint")
    raw = bundle.read_entries(base, size)[: first * WIDTH] if base else []
    raw += _new_entries(delta, first, note.size)
    log = bundle.decode_all(raw)
    _check_entries(log, first * WIDTH)
    leaves = _leaves(base, size, first, raw)
    require(tree.root(leaves) == note.root, "root-mismatch", "another tree than the signed one", "checkpoint")
    extends = own is None or tree.root(leaves[:size]) == own.root
    require(extends, "checkpoint-fork", "both histories are signed", "checkpoint")
    require(log and log[-1].kind == "state", "state", "the last entry is no state", None, len(log) - 1)
    _check_rest(base, delta, log, first * WIDTH, note.size)
    return Files(_grown(base, delta, note, raw, leaves, log))


class _Over(Files):
    """A delta over the receiver's own files."""

    def __init__(self, upper: Files, lower: Files | None):
        super().__init__(upper.members)
        self.lower = lower

    def get(self, path: str) -> bytes | None:
        found = self.members.get(path)
        return found if found is not None or self.lower is None else self.lower.get(path)


def _own_note(base: Files, pins: Pins, walked: rotations.Walk, allow_rehearsal: bool) -> Note:
    """The receiver's own checkpoint, by the pinned key or one that it leads to; its age and witnesses do not matter."""
    return check(base.read("checkpoint"), pins, allow_rehearsal, walked.keys[::-1], witnesses=False)


def _first_bundle(delta: Files, size: int) -> int:
    first = -(-size // WIDTH)
    while first > 0 and delta.get(entry_file((first - 1) * WIDTH, size)) is not None:
        first -= 1
    return first


def _new_entries(delta: Files, first: int, size: int) -> list[bytes]:
    result = []
    for path, start, width in tree.tiles("entries", size):
        if start >= first * WIDTH:
            result += bundle.split_entries(delta.read(path), width, path)
    return result


def _leaves(base: Files | None, size: int, first: int, raw: list[bytes]) -> list[bytes]:
    """The receiver's tiles for the entries before the first bundle, then the leaf hash of every entry of the delta."""
    kept = bundle.read_tiles(base, size)[0][: first * WIDTH] if base and first else []
    return kept + [tree.leaf_hash(octets) for octets in raw[len(kept) :]]


def _check_entries(log: list[Entry], start: int) -> None:
    for number in range(start, len(log)):
        entry, file = log[number], entry_file(number, len(log))
        cited = {"revoke": (5,), "scrap": (2,), "replace": (2, 3)}.get(entry.kind, ())
        for key in cited:
            if key in entry.fields:
                good = entry[key] < number and log[entry[key]].kind == "add"
                require(good, "entry-reference", f"{entry[key]} is no add before it", file, number)
        if entry.kind == "state":
            require(entries.covers(entry, number), "state", "it does not cover the entries before it", file, number)


def _check_rest(base: Files | None, delta: Files, log: list[Entry], start: int, size: int) -> None:
    """Step 10: what else the archive may hold, and what it must."""
    allowed = set(_NOTE) | set(_PEM)
    allowed |= {path for path, at, _ in tree.tiles("entries", size) if at >= start}
    cited = {entry[key].hex() for entry in log[start:] for key in _authorisation_key(entry)}
    allowed |= {f"authorisations/{digest}.p7s" for digest in cited}
    for folder, ending in (("rosters", "json"), ("rotations", "p7s")):
        number = 1
        while delta.get(f"{folder}/{number}.{ending}") is not None:
            allowed.add(f"{folder}/{number}.{ending}")
            number += 1
    for path, octets in sorted(delta.members.items()):
        require(path in allowed, "delta", "a file that a delta does not have", path)
        own = base.get(path) if base and _NUMBERED.fullmatch(path) else None
        require(own in (None, octets), "delta", "the receiver has other octets under this name", path)
        if path.startswith("authorisations/"):
            require(sha256(octets).hex() == path[15:-4], "authorisation", "another digest than its name", path)
    for number in range(start, len(log)):
        if log[number].kind == "open-run":
            path = f"authorisations/{log[number][4].hex()}.p7s"
            octets = _Over(delta, base).get(path)
            require(octets is not None, "file-missing", "the authorisation is missing", path, number)
            require(sha256(octets) == log[number][4], "authorisation", "another digest than its name", path, number)


def _authorisation_key(entry: Entry) -> tuple[int, ...]:
    """The key that cites a file in `authorisations/`."""
    return {"open-run": (4,), "rotate-signer": (5,)}.get(entry.kind, ())


def _grown(
    base: Files | None, delta: Files, note: Note, raw: list[bytes], leaves: list[bytes], log: list[Entry]
) -> dict[str, bytes]:
    """All files at the delta's checkpoint."""
    over = _Over(delta, base)
    files = {path: over.read(path) for path in _NOTE}
    for path in _PEM + _numbered(over) + tuple(
        f"authorisations/{entry[key].hex()}.p7s" for entry in log for key in _authorisation_key(entry)
    ):
        octets = over.get(path)
        if octets is not None:
            files[path] = octets
    for level, hashes in enumerate(tree.levels(leaves)):
        for path, start, width in tree.tiles(level, len(hashes)):
            files[path] = b"".join(hashes[start : start + width])
    for path, start, width in tree.tiles("entries", note.size):
        files[path] = b"".join(len(entry).to_bytes(2, "big") + entry for entry in raw[start : start + width])
    for segment in entries.segments(log[-1]):
        found = base.get(segment.path) if base else None
        if found is None:
            found = b"".join(index.records(log, segment))
        _check_segment(segment, found)
        files[segment.path] = found
    return files


def _numbered(over: Files) -> tuple[str, ...]:
    result = []
    for folder, ending in (("rosters", "json"), ("rotations", "p7s")):
        number = 1
        while over.get(f"{folder}/{number}.{ending}") is not None:
            result.append(f"{folder}/{number}.{ending}")
            number += 1
    return tuple(result)


def _check_segment(segment: Segment, octets: bytes) -> None:
    records = [octets[at : at + 40] for at in range(0, len(octets), 40)]
    root = tree.root([tree.leaf_hash(record) for record in records])
    good = len(octets) == 40 * segment.count and root == segment.root
    require(good, "segment", "not what the state says", segment.path)
