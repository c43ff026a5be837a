"""Entries, strictly: Format, "Entries". Each kind is one table of the page."""

from collections.abc import Callable
from dataclasses import dataclass

import cbor
from refusal import Refused

LATEST = 253402300799  # the end of the year 9999
MOST = 2**48  # the greatest count
REASONS = {
    0: "unspecified", 1: "keyCompromise", 2: "cACompromise", 3: "affiliationChanged", 4: "superseded",
    5: "cessationOfOperation", 9: "privilegeWithdrawn", 10: "aACompromise",
}
KINDS = {
    1: "open-run", 2: "add", 3: "revoke", 4: "scrap", 5: "replace", 6: "seal", 7: "state", 8: "rotate-signer",
}

Check = Callable[[object], bool]


@dataclass
class Entry:
    """A decoded entry: its kind by name, its fields by number."""

    kind: str
    fields: dict[int, object]

    def __getitem__(self, key: int):
        return self.fields[key]

    def get(self, key: int):
        return self.fields.get(key)


@dataclass
class Segment:
    """A live segment, as a `state` names it."""

    kind: int
    start: int
    end: int
    count: int
    root: bytes

    @property
    def path(self) -> str:
        return f"index/{'key' if self.kind == 1 else 'serial'}-{self.start}-{self.end}"


def _text(longest: int) -> Check:
    def check(value: object) -> bool:
        return (
            isinstance(value, str) and 1 <= len(value.encode()) <= longest
            and all(character >= " " and character != "\x7f" for character in value)
        )

    return check


def _octets(least: int, most: int) -> Check:
    return lambda value: isinstance(value, bytes) and least <= len(value) <= most


def _number(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _boolean(value: object) -> bool:
    return isinstance(value, bool)


def _firmware(value: object) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 16 and all(_hash(image) for image in value)


def _segments(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(segment, dict) and sorted(segment) == [0, 1, 2, 3, 4] and _number(1, 2)(segment[0])
        and all(_count(segment[key]) for key in (1, 2, 3)) and segment[1] < segment[2] and _hash(segment[4])
        for segment in value
    )


_name, _serial, _why = _text(128), _text(255), _text(256)
_hash = _octets(32, 32)
_identifier = _octets(1, 64)
_number_of_certificate = _octets(1, 20)
_count = _number(0, MOST)
_index = _number(0, 2**64 - 1)
_time = _number(0, LATEST)
_spki = _octets(1, 1024)


def _plain_or_hashed(value: object) -> bool:
    return _serial(value) or _hash(value)


# Kind: what must be there, and what may.
_TABLES: dict[str, tuple[dict[int, Check], dict[int, Check]]] = {
    "open-run": (
        {2: _name, 3: _name, 4: _hash, 5: _count, 6: _count, 7: _hash, 8: _identifier, 10: _time, 11: _boolean,
         12: _number(0, 1)},
        {9: _hash},
    ),
    "add": (
        {2: _name, 3: _name, 4: _plain_or_hashed, 5: _hash, 6: _hash, 7: _number_of_certificate, 8: _identifier,
         9: _time, 10: _boolean},
        {11: _octets(16, 16), 12: _hash, 13: _firmware},
    ),
    "revoke": (
        {2: _name, 3: lambda value: type(value) is int and value in REASONS, 4: _time},
        {5: _index, 6: _number_of_certificate, 7: _identifier},
    ),
    "scrap": ({2: _index, 3: _why, 4: _time}, {}),
    "replace": ({2: _index, 3: _index, 4: _why, 5: _time}, {}),
    "seal": (
        {2: _name, 3: _index, 4: _count, 5: _count, 6: _count, 7: _count, 8: _hash, 9: _number(0, 1), 10: _time,
         11: _boolean},
        {12: _hash},
    ),
    "state": ({2: _segments}, {}),
    "rotate-signer": (
        {2: _spki, 3: _spki, 4: _boolean, 5: _hash, 6: _count, 7: _hash, 8: _time}, {},
    ),
}


def decode(octets: bytes, file: str | None = None, index: int | None = None) -> Entry:
    """The entry. Refused as `entry-malformed`, or as `seal` where a seal's sums are wrong."""
    def malformed(reason: str) -> Refused:
        return Refused("entry-malformed", reason, file, index)

    if not 1 <= len(octets) <= 65535:
        raise malformed("an entry has 1 to 65535 octets")
    try:
        fields = cbor.decode(octets)
    except ValueError as error:
        raise malformed(str(error)) from None
    if not isinstance(fields, dict):
        raise malformed("not a map")
    if type(fields.get(0)) is not int or fields[0] != 1:
        raise malformed("not of version 1")
    kind = KINDS.get(fields.get(1)) if type(fields.get(1)) is int else None
    if kind is None:
        raise malformed("of no known kind")
    needed, optional = _TABLES[kind]
    for key in needed:
        if key not in fields:
            raise malformed(f"{kind} lacks key {key}")
    for key, value in fields.items():
        check = needed.get(key) or optional.get(key)
        if key > 1 and check is None:
            raise malformed(f"{kind} has no key {key}")
        if key > 1 and not check(value):
            raise malformed(f"key {key} of {kind} is out of its bounds")
    entry = Entry(kind, fields)
    fault = _together(entry)
    if fault:
        raise malformed(fault)
    if kind == "seal" and entry[4] != entry[5] + entry[6] + entry[7]:
        raise Refused("seal", "reserved is not released + scrapped + burned", file, index)
    return entry


def _together(entry: Entry) -> str | None:
    """What is wrong with fields that depend on one another."""
    has = entry.fields
    if entry.kind == "add" and (11 in has) != (12 in has):
        return "key 12 is there if and only if key 11 is"
    if entry.kind == "revoke" and (5 in has, 6 in has, 7 in has) not in ((True, False, False), (False, True, True)):
        return "either key 5, or keys 6 and 7"
    if entry.kind == "replace" and entry[3] <= entry[2]:
        return "key 3 is not greater than key 2"
    if entry.kind == "rotate-signer" and entry[2] == entry[3]:
        return "the new key is the old one"
    if entry.kind == "state":
        return _joined(segments(entry))
    return None


def segments(state: Entry) -> list[Segment]:
    return [Segment(*(segment[key] for key in range(5))) for segment in state[2]]


def _joined(live: list[Segment]) -> str | None:
    if not live:
        return None
    if [(s.kind, s.start) for s in live] != sorted((s.kind, s.start) for s in live):
        return "segments are not sorted by kind and start"
    ends = []
    for kind in (1, 2):
        at = 0
        for segment in live:
            if segment.kind == kind:
                if segment.start != at:
                    return "segments of a kind leave a gap or overlap"
                at = segment.end
        ends.append(at)
    if ends[0] != ends[1] or 0 in ends:
        return "segments of both kinds must end at the same entry"
    return None


def covers(state: Entry, index: int) -> bool:
    """Whether a `state` at this index covers all entries before it."""
    live = segments(state)
    if index == 0:
        return not live
    return bool(live) and all(max((s.end for s in live if s.kind == kind), default=0) == index for kind in (1, 2))
