"""Verifying a whole bundle: Format, "Verification"."""

from dataclasses import dataclass

import audit
import bundle
import entries
import index
import notes
import proofs
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
    note = bundle.open_checkpoint(files, pins, allow_rehearsal, now)
    raw, leaves = bundle.verify_tree(files, note)
    log = bundle.decode_all(raw)
    books = audit.Books(log, notes.is_rehearsal(note.origin))
    books.follow()
    index.verify(files, log)
    audit.check_authorisations(files, log)
    if kept is not None:
        check_kept(proofs.Tiles(files, note.size), note, kept)
    bundle.check_unchanged(files, note)
    return Verified(note, log, leaves, books, "claimed")


def check_kept(tiles: proofs.Tiles, note: Note, kept: bytes) -> None:
    """Deltas, "The kept checkpoint"."""
    old = notes.read(kept, None)
    require(old.origin == note.origin, "checkpoint-origin", "the kept checkpoint is of another log")
    proofs.check_extends(tiles, note.root, old.size, old.root)
