"""Proofs of absence: Receipts, "The proof of absence"."""

import canonical
import entries
import index
import keys
import lookup
import receipts
import tree
from pins import Pins
from refusal import Refused, require

LONGEST = 8388608
_MEMBERS = {"format", "kind", "checkpoint", "state", "segments"}


def _need(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def _object(value: object, needed: set[str], optional: set[str] = frozenset()) -> dict:
    _need(isinstance(value, dict) and needed <= set(value) <= needed | optional, "other members")
    return value


def _octets(value: object, length: int | None = None) -> bytes:
    _need(isinstance(value, str), "no base64")
    octets = keys.from_base64(value)
    _need(length in (None, len(octets)), f"not {length} octets")
    return octets


def _path(value: object) -> list[bytes]:
    _need(isinstance(value, list) and len(value) <= 64, "no path")
    return [_octets(hash_, 32) for hash_ in value]


def _number(value: object) -> int:
    _need(type(value) is int, "no number")
    return value


def _record(value: object) -> tuple[bytes, list[bytes]]:
    document = _object(value, {"record", "path"})
    return _octets(document["record"], 40), _path(document["path"])


class Proof:
    """A document in its form. ValueError otherwise."""

    def __init__(self, octets: bytes):
        _need(len(octets) <= LONGEST, "too long")
        document = canonical.decode(octets)
        _need(isinstance(document, dict) and document.get("kind") in ("key", "serial"), "the kind")
        self.kind = index.KEY if document["kind"] == "key" else index.SERIAL
        subjects = ("key",) if self.kind == index.KEY else ("serial", "serialHash")
        (subject,) = [name for name in subjects if name in document] or [None]
        _need(subject, "no subject")
        _object(document, _MEMBERS | {subject}, {"run"} if self.kind == index.SERIAL else set())
        _need(document["format"] == "rootline/absence/v1", "another format")
        self.subject: str | bytes = document[subject]
        if subject != "serial":
            self.subject = _octets(self.subject, 32)
        _need(isinstance(self.subject, bytes) or _is_serial(self.subject), "no serial")
        self.checkpoint = _octets(document["checkpoint"])
        state = _object(document["state"], {"entry", "path"})
        self.state, self.state_path = _octets(state["entry"]), _path(state["path"])
        self.run = None
        if "run" in document:
            run = _object(document["run"], {"entry", "index", "path"})
            self.run = _octets(run["entry"]), _number(run["index"]), _path(run["path"])
        _need(isinstance(document["segments"], list), "no segments")
        self.segments = [_segment(segment) for segment in document["segments"]]


def _is_serial(value: object) -> bool:
    return (
        isinstance(value, str) and 1 <= len(value.encode()) <= 255 and all(c >= " " and c != "\x7f" for c in value)
    )


def _segment(value: object) -> tuple[int, tuple | None, tuple | None]:
    document = _object(value, {"position"}, {"before", "after"})
    before, after = (_record(document[name]) if name in document else None for name in ("before", "after"))
    return _number(document["position"]), before, after


def verify(
    octets: bytes, pins: Pins, device: lookup.Question, allow_rehearsal: bool = False, now: int | None = None
) -> dict:
    """What the proof shows, as the vectors' `device`."""
    try:
        proof = Proof(octets)
    except (ValueError, TypeError) as error:
        raise Refused("absence-malformed", str(error)) from None
    note = receipts.check_note(proof.checkpoint, pins, allow_rehearsal, now)
    leads_to = tree.root_from_path(tree.leaf_hash(proof.state), note.size - 1, note.size, proof.state_path)
    _prove(note.size > 0 and leads_to == note.root, "the state is not the last entry")
    state = _decode(proof.state)
    _prove(state.kind == "state" and entries.covers(state, note.size - 1), "not a state of all entries before it")
    live = [segment for segment in entries.segments(state) if segment.kind == proof.kind]
    _prove(len(live) == len(proof.segments), "another number of segments")
    for segment, shown in zip(live, proof.segments):
        _check_segment(segment, shown, index.serial_hash(proof.subject))
    if proof.kind == index.SERIAL and (proof.run or any(segment.count for segment in live)):
        _check_run(proof, note)
    compared = _check_device(proof, device)
    return {"status": "not-listed", "keyChecked": compared}


def _prove(condition: object, reason: str) -> None:
    require(condition, "absence-proof", reason)


def _decode(octets: bytes) -> entries.Entry:
    try:
        return entries.decode(octets)
    except Refused as refused:
        raise Refused("absence-proof", refused.reason) from None


def _check_segment(segment: entries.Segment, shown: tuple, subject: bytes) -> None:
    position, before, after = shown
    _prove(position <= segment.count, "a position beyond the segment")
    _prove((before is not None) == (position > 0), "a neighbour too many or too few")
    _prove((after is not None) == (position < segment.count), "a neighbour too many or too few")
    for at, record in ((position - 1, before), (position, after)):
        if record:
            leads_to = tree.root_from_path(tree.leaf_hash(record[0]), at, segment.count, record[1])
            _prove(leads_to == segment.root, "a record that does not lead to the segment's root")
    _prove(not before or before[0][:32] < subject, "the record before is not less")
    _prove(not after or after[0][:32] > subject, "the record after is not greater")
    _prove(segment.count or segment.root == tree.EMPTY, "an empty segment with another root")


def _check_run(proof: Proof, note) -> None:
    _prove(proof.run, "nothing shows the form of serials")
    octets, number, path = proof.run
    leads_to = tree.root_from_path(tree.leaf_hash(octets), number, note.size, path)
    _prove(leads_to == note.root, "the run does not lead to the signed root")
    run = _decode(octets)
    _prove(run.kind == "open-run" and (run[12] == 1) == isinstance(proof.subject, bytes), "another form of serials")


def _check_device(proof: Proof, device: lookup.Question) -> bool:
    """Whether the subject was compared with a device."""
    if device.key is None and device.serial is None:
        return False
    if proof.kind == index.KEY:
        same = proof.subject == device.key
    elif isinstance(proof.subject, bytes):
        same = bool(device.serial and device.serial_key) and proof.subject == lookup.hashed(
            device.serial_key, device.serial
        )
    else:
        same = proof.subject == device.serial
    require(same, "receipt-device", "the proof is about another device")
    return True
