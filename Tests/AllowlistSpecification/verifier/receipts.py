"""Receipts: Receipts, "The receipt"."""

import re

import entries
import keys
import lookup
import notes
import tree
from pins import Pins
from refusal import Refused, require

LONGEST = 221072
_INDEX = re.compile(rb"index (0|[1-9][0-9]{0,19})", re.ASCII)


def _malformed(reason: str) -> Refused:
    return Refused("receipt-malformed", reason)


def _base64(text: bytes) -> bytes:
    try:
        return keys.from_base64(text.decode("ascii"))
    except ValueError:
        raise _malformed("base64 in another form") from None


def read(octets: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """Entry, index, audit path and note. Refused as `receipt-malformed`."""
    if len(octets) > LONGEST:
        raise _malformed("too long")
    head, separator, note = octets.partition(b"\n\n")
    lines = head.split(b"\n")
    if not separator or lines[0] != b"c2sp.org/tlog-proof@v1" or len(lines) < 3:
        raise _malformed("not a tlog-proof")
    if not lines[1].startswith(b"extra "):
        raise _malformed("no entry")
    entry = _base64(lines[1][6:])
    if not 1 <= len(entry) <= 65535:
        raise _malformed("an entry has 1 to 65535 octets")
    index = _INDEX.fullmatch(lines[2])
    if not index or int(index.group(1)) >= 2**64:
        raise _malformed("the index")
    path = [_base64(line) for line in lines[3:]]
    if len(path) > 64 or any(len(hash_) != 32 for hash_ in path):
        raise _malformed("the path")
    return entry, int(index.group(1)), path, note


def check_note(octets: bytes, pins: Pins, allow_rehearsal: bool, now: int | None) -> notes.Note:
    """Receipts, "Verification" 2; Pins, "How old a checkpoint is"."""
    note = notes.check(octets, pins, allow_rehearsal, file=None)
    notes.check_age(note, pins, None, now, None)
    return note


def verify(
    octets: bytes, pins: Pins, device: lookup.Question, allow_rehearsal: bool = False, now: int | None = None
) -> dict:
    """What the receipt shows, as the vectors' `device`."""
    raw, index, path, note_octets = read(octets)
    note = check_note(note_octets, pins, allow_rehearsal, now)
    leads_to = tree.root_from_path(tree.leaf_hash(raw), index, note.size, path)
    require(leads_to == note.root, "receipt-proof", "the path does not lead to the signed root")
    entry = entries.decode(raw, None, index)
    require(entry.kind == "add", "receipt-malformed", "the entry is no add")
    serial: str | bytes | None = device.serial
    if serial is not None and isinstance(entry[4], bytes):
        serial = lookup.hashed(device.serial_key, serial) if device.serial_key else None
    for field, value in ((5, device.key), (6, device.certificate), (4, serial), (3, device.product)):
        require(value is None or entry[field] == value, "receipt-device", f"the device has another key {field}")
    return {"status": "listed", "entryIndex": index, "keyChecked": device.key is not None}
