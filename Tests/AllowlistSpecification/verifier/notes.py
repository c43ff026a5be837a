"""Signed notes and checkpoints: Format, "Checkpoint"; Witnesses; C2SP signed-note and tlog-checkpoint."""

import re
from dataclasses import dataclass, field

import keys
from pins import Pins
from refusal import Refused, require
from tree import sha256

LONGEST = 131072
_SIZE = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


@dataclass
class Note:
    """A checkpoint's note. `lines` are name, key id and what stands behind it, of each signature line."""

    octets: bytes
    text: bytes
    lines: list[tuple[str, bytes, bytes]]
    origin: str
    size: int
    root: bytes
    # Which of the keys that were asked for has signed.
    signed_by: bytes | None = None
    # The times of pinned witnesses, the newest first.
    witness_times: list[int] = field(default_factory=list)


def read(octets: bytes, file: str | None = "checkpoint") -> Note:
    """The note. Refused as `checkpoint-malformed`."""
    def malformed(reason: str) -> Refused:
        return Refused("checkpoint-malformed", reason, file)

    if len(octets) > LONGEST:
        raise malformed("too long")
    try:
        whole = octets.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise malformed("not UTF-8") from None
    if any((c < " " and c != "\n") or "\x7f" <= c < "\xa0" for c in whole):
        raise malformed("a control character")
    split = whole.rfind("\n\n")
    if split < 0 or not whole.endswith("\n"):
        raise malformed("no signatures behind an empty line")
    text, signatures = whole[: split + 1], whole[split + 2 :]
    if not signatures:
        raise malformed("no signature line")
    parts = text.split("\n")
    if len(parts) != 4:
        raise malformed("not three lines")
    origin, size, root = parts[:3]
    if not keys.is_name(origin):
        raise malformed("the origin is no key name")
    if not _SIZE.fullmatch(size) or int(size) >= 2**64:
        raise malformed("the tree size is not decimal in its one form")
    try:
        root_hash = keys.from_base64(root)
    except ValueError:
        raise malformed("the root is not base64") from None
    if len(root_hash) != 32:
        raise malformed("the root has not 32 octets")
    lines = [_line(line, malformed) for line in signatures[:-1].split("\n")]
    return Note(octets, text.encode(), lines, origin, int(size), root_hash)


def _line(line: str, malformed) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, space, encoded = rest.partition(" ")
    if dash != "\u2014" or not space or not keys.is_name(name):
        raise malformed("not a signature line")
    try:
        blob = keys.from_base64(encoded)
    except ValueError:
        raise malformed("a signature that is not base64") from None
    if len(blob) < 5:
        raise malformed("a signature without octets")
    return name, blob[:4], blob[4:]


def is_rehearsal(origin: str) -> bool:
    return origin.startswith("rehearsal.invalid/")


def signed_by(note: Note, spki: bytes, file: str | None = "checkpoint") -> bool:
    """Whether the log's key has a line here. One that does not verify refuses the note."""
    found = False
    for name, key_id, signature in note.lines:
        if name == note.origin and key_id == sha256(spki)[:4]:
            require(
                keys.ecdsa_verifies(spki, signature, note.text), "checkpoint-signature",
                "a line of the log's key does not verify", file,
            )
            found = True
    return found


def check(
    octets: bytes, pins: Pins, allow_rehearsal: bool, candidates: list[bytes] | None = None,
    file: str | None = "checkpoint", witnesses: bool = True,
) -> Note:
    """A checkpoint against the pins: form, origin, signatures, rehearsal, witnesses. `candidates` are the keys that may
    have signed, the last one first; without them it is the pinned one."""
    note = read(octets, file)
    require(note.origin == pins.origin, "checkpoint-origin", f"the origin is {note.origin}", file)
    for spki in candidates or [pins.log_key]:
        if signed_by(note, spki, file) and note.signed_by is None:
            note.signed_by = spki
    require(note.signed_by, "checkpoint-signature", "no line by the log's key", file)
    if pins.ed25519_key:
        check_ed25519(note, pins.ed25519_key, file)
    require(allow_rehearsal or not is_rehearsal(note.origin), "rehearsal", "a rehearsal's list", file)
    if witnesses:
        check_witnesses(note, pins, file)
    return note


def check_ed25519(note: Note, key: tuple[str, bytes, bytes], file: str | None) -> None:
    name, key_id, public = key
    mine = [signature for line_name, line_id, signature in note.lines if (line_name, line_id) == (name, key_id)]
    require(
        mine and all(keys.ed25519_verifies(public, signature, note.text) for signature in mine),
        "checkpoint-signature", "no good line by the log's Ed25519 key", file,
    )


def check_witnesses(note: Note, pins: Pins, file: str | None) -> None:
    """Witnesses, "What a consumer pins and checks"."""
    times = []
    for name, key_id, public in pins.witnesses:
        mine = [signature for line_name, line_id, signature in note.lines if (line_name, line_id) == (name, key_id)]
        if mine:
            times.append(max(_cosigned_at(note, public, blob, file) for blob in mine))
    require(
        len(times) >= pins.quorum, "witness-quorum", f"{len(times)} of {pins.quorum} witnesses have cosigned", file
    )
    note.witness_times = sorted(times, reverse=True)


def _cosigned_at(note: Note, public: bytes, blob: bytes, file: str | None) -> int:
    time = int.from_bytes(blob[:8], "big")
    message = f"cosignature/v1\ntime {time}\n".encode() + note.text
    require(
        len(blob) == 72 and time < 2**63 and keys.ed25519_verifies(public, blob[8:], message), "witness-signature",
        "a cosignature does not verify", file,
    )
    return time


def check_age(note: Note, pins: Pins, signing_time: int | None, now: int | None, file: str | None) -> None:
    """Pins, "How old a checkpoint is"."""
    if pins.max_age is None:
        return
    time = note.witness_times[pins.quorum - 1] if pins.witnesses else signing_time
    require(time is not None and now is not None, "stale", "nothing says when the checkpoint was made", file)
    require(now - time <= pins.max_age, "stale", f"{now - time} seconds old", file)
    require(time - now <= 300, "stale", f"{time - now} seconds ahead of the clock", file)
