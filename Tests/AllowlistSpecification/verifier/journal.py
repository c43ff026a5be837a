"""A service's journal: Journal, "The form" and "Checking"."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import canonical
import keys
import notes
from refusal import Refused, require
from tree import sha256

LONGEST = 1048576
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STATUS = {"listed", "revoked", "scrapped", "replaced", "not-listed"}

Check = Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _digest(value: object) -> bool:
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))


def _number(value: object) -> bool:
    return type(value) is int


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _base64(value: object) -> bool:
    try:
        return isinstance(value, str) and keys.from_base64(value) is not None
    except ValueError:
        return False


def _digests(value: object) -> bool:
    return isinstance(value, list) and all(_digest(element) for element in value)


# Kind: the members that must be there, and those that may.
_LINES: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "begin": ({"version": lambda v: type(v) is int and v == 1, "origin": _text, "pins": _digest, "library": _text}, {}),
    "checkpoint": ({"note": _base64, "verified": lambda v: v in ("full", "opened")}, {}),
    "decision": (
        {"status": lambda v: isinstance(v, str) and v in _STATUS, "keyChecked": _flag, "size": _number, "root": _digest,
         "accepted": _flag},
        {"serial": _text, "serialHash": _digest, "key": _digest, "certificate": _digest, "reason": _text,
         "entry": _number, "reference": lambda v: _text(v) and len(v.encode()) <= 1024},
    ),
    "fork": ({"kept": _base64, "presented": _base64, "prefixRoot": _digest, "proof": _digests}, {}),
    "repaired": ({"bytes": _number, "sha256": _digest}, {}),
}
_COMMON: dict[str, Check] = {"kind": _text, "prev": _digest, "time": _number}


@dataclass
class Journal:
    """What was checked: the digest of the last line, the lines, and the octets of an unfinished one."""

    head: str
    lines: int
    unfinished: int


def _line(octets: bytes, number: int) -> dict:
    def need(condition: object, reason: str) -> None:
        require(condition, "journal-malformed", reason, None, number)

    need(len(octets) <= LONGEST, "too long")
    try:
        line = canonical.decode(octets)
    except ValueError as error:
        raise Refused("journal-malformed", str(error), None, number) from None
    need(isinstance(line, dict) and isinstance(line.get("kind"), str) and line["kind"] in _LINES, "of no known kind")
    needed, optional = _LINES[line["kind"]]
    table = _COMMON | needed | optional
    need(set(_COMMON | needed) <= set(line) <= set(table), "members too many or too few")
    for name, value in line.items():
        need(table[name](value), f"`{name}` is in another form")
    need(not {"serial", "serialHash"} <= set(line), "a serial and its hash")
    return line


def check(
    octets: bytes, origin: str | None = None, log_key: bytes | None = None, kept_head: str | None = None
) -> Journal:
    """The steps of "Checking". Lines are numbered from 0 in refusals."""
    whole, _, unfinished = octets.rpartition(b"\n")
    raw = whole.split(b"\n") if whole else []
    require(raw, "journal-malformed", "no line")
    head, heads = "0" * 64, set()
    lists: dict[int, set[str]] = {}
    said, last = origin, None
    for number, line_octets in enumerate(raw):
        line = _line(line_octets, number)
        require(number > 0 or line["kind"] == "begin", "journal-malformed", "the first line is no begin", None, number)
        require(line["prev"] == head, "journal-chain", "`prev` is not the line before", None, number)
        head = sha256(line_octets).hex()
        heads.add(head)
        if line["kind"] == "begin":
            said = said or line["origin"]
            require(line["origin"] == said, "journal-pins", "another origin", None, number)
        elif line["kind"] == "checkpoint":
            last = _note(line["note"], said, number)
            lists.setdefault(last.size, set()).add(last.root.hex())
        elif line["kind"] == "fork":
            for member in ("kept", "presented"):
                _note(line[member], said, number)
        elif line["kind"] == "decision":
            known = line["root"] in lists.get(line["size"], ())
            require(known, "journal-checkpoint", "a decision on a list that was not accepted", None, number)
    if log_key and last:
        require(notes.signed_by(last, log_key, None), "checkpoint-signature", "the last checkpoint is by another key")
    require(kept_head is None or kept_head in heads, "journal-cut", "no line has the digest that was kept")
    return Journal(head, len(raw), len(unfinished))


def _note(text: str, origin: str, number: int) -> notes.Note:
    try:
        note = notes.read(keys.from_base64(text), None)
    except Refused as refused:
        raise Refused("journal-malformed", refused.reason, None, number) from None
    require(note.origin == origin, "journal-pins", "a note of another origin", None, number)
    return note
