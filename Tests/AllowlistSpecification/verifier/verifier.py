"""Verifying a whole bundle: Format, "Verification"."""

from dataclasses import dataclass

import approvals
import audit
import bundle
import entries
import index
import notes
import proofs
import rotations
from archive import Files
from entries import Entry
from notes import Note
from pins import Pins
from refusal import require


@dataclass
class Verified:
    """What was verified, for who goes on with it."""

    note: Note
    log: list[Entry]
    leaves: list[bytes]
    books: audit.Books
    authorised: str

    def summary(self) -> dict:
        """The object `list` of the vectors."""
        kinds = [entry.kind for entry in self.log]
        return {
            "treeSize": self.note.size, "root": self.note.root.hex(),
            "rehearsal": notes.is_rehearsal(self.note.origin), "authorised": self.authorised,
            "entries": {kind: kinds.count(kind) for kind in entries.KINDS.values()},
            "runs": [run.summary() for run in self.books.runs.values()],
        }


def verify(
    files: Files, pins: Pins, allow_rehearsal: bool = False, now: int | None = None, kept: bytes | None = None
) -> Verified:
    walked = rotations.walk(files, pins)
    note = bundle.open_checkpoint(files, pins, walked, allow_rehearsal, now)
    raw, leaves = bundle.verify_tree(files, note)
    log = bundle.decode_all(raw)
    walked.check_entries(len(log), log.__getitem__)
    books = audit.Books(log, notes.is_rehearsal(note.origin))
    books.follow()
    index.verify(files, log)
    audit.check_authorisations(files, log)
    rotations.check_whole(files, pins, walked, note, log, leaves)
    if pins.roster:
        approvals.check(files, pins, walked.chain, log, leaves)
    if kept is not None:
        check_kept(files, note, kept, walked, log)
    bundle.check_unchanged(files, note)
    return Verified(note, log, leaves, books, "approved" if pins.roster else "claimed")


def check_kept(files: Files, note: Note, kept: bytes, walked: rotations.Walk, log: list[Entry]) -> None:
    """Deltas, "The kept checkpoint"."""
    old = notes.read(kept, None)
    require(old.origin == note.origin, "checkpoint-origin", "the kept checkpoint is of another log")
    size, root = rotations.kept_checkpoint(walked, old, log)
    proofs.check_extends(proofs.Tiles(files, note.size), note.root, size, root)
