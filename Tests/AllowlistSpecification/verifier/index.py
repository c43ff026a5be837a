"""The sorted index: Format, "Index" and "Verification" 9."""

import hashlib

import tree
from archive import Files
from entries import Entry, Segment, segments
from refusal import require

_TAG = b"rootline/allowlist/serial/v1\n"
KEY, SERIAL = 1, 2


def serial_hash(serial: str | bytes) -> bytes:
    """By what a serial, plain or hashed, stands in the index."""
    return serial if isinstance(serial, bytes) else hashlib.sha256(_TAG + serial.encode()).digest()


def device_hash(add: Entry, kind: int) -> bytes:
    return add[5] if kind == KEY else serial_hash(add[4])


def records(entries: list[Entry], segment: Segment) -> list[bytes]:
    """The records that the entries give a segment."""
    result = set()
    for index in range(segment.start, segment.end):
        for device in devices(entries[index], index):
            result.add(device_hash(entries[device], segment.kind) + index.to_bytes(8, "big"))
    return sorted(result)


def devices(entry: Entry, index: int) -> list[int]:
    """The indexes of the `add`s that an entry is about."""
    if entry.kind == "add":
        return [index]
    if entry.kind == "revoke":
        return [entry[5]] if 5 in entry.fields else []
    if entry.kind == "scrap":
        return [entry[2]]
    return [entry[2], entry[3]] if entry.kind == "replace" else []


def read_segment(files: Files, segment: Segment) -> list[bytes]:
    """The records of a segment, held against the `state`. Refused as `segment`."""
    path = segment.path
    octets = files.read(path)
    require(len(octets) == 40 * segment.count, "segment", f"{len(octets)} octets", path)
    found = [octets[at : at + 40] for at in range(0, len(octets), 40)]
    require(tree.root([tree.leaf_hash(record) for record in found]) == segment.root, "segment", "another root", path)
    require(all(a < b for a, b in zip(found, found[1:])), "segment", "records that do not ascend", path)
    return found


def verify(files: Files, entries: list[Entry]) -> None:
    """Every live segment is there, has its root, and holds exactly the records that the entries give."""
    for segment in segments(entries[-1]):
        found = read_segment(files, segment)
        require(found == records(entries, segment), "segment", "other records than the entries give", segment.path)
