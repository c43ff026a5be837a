"""Opening a bundle: its checkpoint against the pins, its entries, its tiles (Format, "Verification" 1 to 3 and 12)."""

import entries
import rotations
import tree
from archive import Files
from cms import detached
from entries import Entry
from notes import Note, check_age
from pins import Pins
from refusal import Refused, require

WIDTH = tree.WIDTH


def open_checkpoint(
    files: Files, pins: Pins, walked: rotations.Walk, allow_rehearsal: bool, now: int | None, witnesses: bool = True
) -> Note:
    """`checkpoint`, `checkpoint.txt`, `checkpoint.p7s` of a bundle. Without `witnesses`, its age is not asked either."""
    note = walked.check_note(files.read("checkpoint"), pins, allow_rehearsal, witnesses)
    require(
        files.read("checkpoint.txt") == note.text, "checkpoint-text", "not the text of the note", "checkpoint.txt"
    )
    path = "checkpoint.p7s"
    try:
        signing_time = detached(files.read(path), note.text, note.signed_by)
    except ValueError as error:
        raise Refused("checkpoint-signature", str(error), path) from None
    if witnesses:
        check_age(note, pins, signing_time, now, "checkpoint")
    return note


def split_entries(octets: bytes, count: int, file: str) -> list[bytes]:
    """The entries of an entry bundle, each as be16(length) || entry."""
    result, at = [], 0
    while at < len(octets):
        length = int.from_bytes(octets[at : at + 2], "big")
        end = at + 2 + length
        require(len(octets) >= end and at + 2 <= len(octets), "entries-malformed", "an entry is cut off", file)
        result.append(octets[at + 2 : end])
        at = end
    require(len(result) == count, "entries-malformed", f"{len(result)} entries instead of {count}", file)
    return result


def read_entries(files: Files, size: int) -> list[bytes]:
    result = []
    for path, _, width in tree.tiles("entries", size):
        result += split_entries(files.read(path), width, path)
    return result


def read_tiles(files: Files, size: int) -> list[list[bytes]]:
    """The hashes of every level, as the tiles have them."""
    result = []
    for level, count in tree.tile_levels(size):
        hashes: list[bytes] = []
        for path, _, width in tree.tiles(level, count):
            octets = files.read(path, 32 * width)
            hashes += [octets[at : at + 32] for at in range(0, len(octets), 32)]
        result.append(hashes)
    return result


def verify_tree(files: Files, note: Note) -> tuple[list[bytes], list[bytes]]:
    """The entries and their leaf hashes, proven to the signed root."""
    size = note.size
    raw = read_entries(files, size)
    tiles = read_tiles(files, size)
    leaves = [tree.leaf_hash(entry) for entry in raw]
    if tree.root(leaves) != note.root:
        if tiles and tree.root(tiles[0]) == note.root:
            index = next(i for i, (leaf, tile) in enumerate(zip(leaves, tiles[0])) if leaf != tile)
            raise Refused(
                "entry-mismatch", "not the entry that was signed", tree.entry_file(index, size), index
            )
        raise Refused("root-mismatch", "the entries do not lead to the signed root", "checkpoint")
    for level, (right, found) in enumerate(zip(tree.levels(leaves), tiles)):
        for number, (expected, hash_) in enumerate(zip(right, found)):
            if expected != hash_:
                path = next(p for p, start, width in tree.tiles(level, len(right)) if start <= number < start + width)
                raise Refused("tile-mismatch", "not the hash of what is below", path, number * WIDTH**level)
    return raw, leaves


def decode_all(raw: list[bytes]) -> list[Entry]:
    size = len(raw)
    return [entries.decode(octets, tree.entry_file(index, size), index) for index, octets in enumerate(raw)]


def check_unchanged(files: Files, note: Note) -> None:
    """Carrying, "A bundle that changes while it is read"."""
    require(files.get("checkpoint") == note.octets, "bundle-changed", "the checkpoint is another one", "checkpoint")
