"""What a bundle says of one device: Format, "Index"; Lifecycle; Privacy, "What a consumer does"."""

import bisect
import hashlib
import hmac
from dataclasses import dataclass

import bundle
import entries
import index
import proofs
import rotations
from archive import Files
from entries import Entry, Segment
from pins import Pins
from refusal import Refused, require
from tree import entry_file

_STATUS = {"add": "listed", "revoke": "revoked", "scrap": "scrapped", "replace": "replaced"}


@dataclass
class Question:
    serial: str | None = None
    product: str | None = None
    key: bytes | None = None
    certificate: bytes | None = None
    serial_key: bytes | None = None


def hashed(serial_key: bytes, serial: str) -> bytes:
    """Format, "2 add": the hashed serial."""
    return hmac.new(serial_key, b"rootline/allowlist/serial/v1\n" + serial.encode(), hashlib.sha256).digest()


class Opened:
    """A bundle opened for lookups: signed, its last `state` proven, its segments with the roots of the `state`."""

    def __init__(self, files: Files, pins: Pins, allow_rehearsal: bool, now: int | None):
        walked = rotations.walk(files, pins)
        self.note = bundle.open_checkpoint(files, pins, walked, allow_rehearsal, now)
        size = self.note.size
        require(size > 0, "state", "the last entry is no state")
        self.tiles = proofs.Tiles(files, size)
        walked.check_entries(size, self.entry)
        last = self.entry(size - 1)
        require(
            last.kind == "state" and entries.covers(last, size - 1), "state", "the last entry is no state of them",
            entry_file(size - 1, size), size - 1,
        )
        self.segments: list[tuple[Segment, list[bytes]]] = [
            (segment, index.read_segment(files, segment)) for segment in entries.segments(last)
        ]

    def entry(self, number: int) -> Entry:
        octets = proofs.entry(self.tiles, self.note.root, number)
        return entries.decode(octets, entry_file(number, self.note.size), number)

    def found(self, kind: int, hash_: bytes) -> list[int]:
        """The entries that the index names under a hash, in their order."""
        result = []
        for segment, records in self.segments:
            if segment.kind == kind:
                at = bisect.bisect_left(records, hash_)
                while at < len(records) and records[at][:32] == hash_:
                    number = int.from_bytes(records[at][32:], "big")
                    require(
                        segment.start <= number < segment.end, "segment", "a record of another range", segment.path
                    )
                    result.append(number)
                    at += 1
        return sorted(result)

    def _event(self, kind: int, hash_: bytes, number: int) -> Entry:
        """An entry that the index names, which must be about a device with this hash: a record alone is no answer."""
        entry = self.entry(number)
        about = [self.entry(device) for device in index.devices(entry, number) if device <= number]
        require(
            any(add.kind == "add" and index.device_hash(add, kind) == hash_ for add in about), "segment",
            "the index names an entry about another device", None, number,
        )
        return entry

    def _form(self) -> int:
        """The form of serials; the log's first entry that is no `state` tells."""
        for number in range(self.note.size):
            entry = self.entry(number)
            if entry.kind == "open-run":
                return entry[12]
        return 0

    def look_up(self, asked: Question) -> dict:
        serial: str | bytes | None = asked.serial
        if serial is not None and self._form() == 1:
            if asked.serial_key is not None:
                serial = hashed(asked.serial_key, asked.serial)
            else:
                require(asked.key, "serial-key", "neither the log's serial key nor the device's key is known")
                serial = None
        if serial is not None:
            kind, hash_ = index.SERIAL, index.serial_hash(serial)
        else:
            require(asked.key, "question", "neither a serial nor a key")
            kind, hash_ = index.KEY, asked.key
        events = [(number, self._event(kind, hash_, number)) for number in self.found(kind, hash_)]
        adds = [
            (number, entry) for number, entry in events
            if entry.kind == "add" and self._fits(entry, asked, serial)
        ]
        checked = asked.key is not None
        if not adds:
            return {"status": "not-listed", "keyChecked": checked}
        if len({add[3] for _, add in adds}) > 1:
            raise Refused("ambiguous-serial", "devices of two products have this serial")
        device = adds[-1][0]
        about = [(number, entry) for number, entry in events if device in index.devices(entry, number)
                 and not (entry.kind == "replace" and entry[2] != device)]
        return {"entryIndex": device, "keyChecked": checked} | _state(about[-1][1])

    @staticmethod
    def _fits(add: Entry, asked: Question, serial: str | bytes | None) -> bool:
        return (
            (serial is None or add[4] == serial)
            and (asked.product is None or add[3] == asked.product)
            and (asked.key is None or add[5] == asked.key)
            and (asked.certificate is None or add[6] == asked.certificate)
        )


def _state(event: Entry) -> dict:
    state: dict = {"status": _STATUS[event.kind]}
    if event.kind == "revoke":
        state["reason"] = entries.REASONS[event[3]]
    elif event.kind == "scrap":
        state["reason"] = event[3]
    elif event.kind == "replace":
        state |= {"reason": event[4], "replacedBy": event[3]}
    return state
