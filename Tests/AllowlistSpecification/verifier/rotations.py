"""Rotations of the log's key: Rotation, "Rules for a consumer"."""

from dataclasses import dataclass

import cms
import notes
import rosters
import statements
import tree
from archive import Files
from entries import Entry
from notes import Note
from pins import Pins
from refusal import Refused, require
from statements import need
from tree import sha256

MOST = 1024


@dataclass
class Rotation:
    """One message, read strictly; no signature of it is verified by being here."""

    number: int
    octets: bytes
    message: cms.Message
    statement: dict
    new_key: bytes

    @property
    def path(self) -> str:
        return f"rotations/{self.number}.p7s"


def read_messages(files: Files, origin: str) -> list[Rotation]:
    """`rotations/1.p7s` and on, each beginning where the one before ends. Refused as `rotation`."""
    found: list[Rotation] = []
    retired: set[str] = set()
    while (octets := files.get(f"rotations/{len(found) + 1}.p7s")) is not None:
        number = len(found) + 1
        path = f"rotations/{number}.p7s"
        try:
            need(number <= MOST, "too many rotations")
            message, statement = statements.read(octets, statements.ROTATION)
            need(statement["origin"] == origin, "another origin")
            need(statements.is_rehearsal(statement) == notes.is_rehearsal(origin), "`type` does not fit the log")
            rotation = Rotation(number, octets, message, statement, statements.new_key(statement))
            before = found[-1].statement["newKey"] if found else statement["oldKey"]
            need(statement["oldKey"] == before, "it does not begin where the one before ends")
            retired.add(statement["oldKey"])
            need(statement["newKey"] not in retired, "it leads back to a key that was rotated out")
        except ValueError as error:
            raise Refused("rotation", str(error), path) from None
        found.append(rotation)
    return found


def check_signers(rotation: Rotation, chain: list[rosters.Roster], old_key: bytes, earliest: int) -> int:
    """Who signed a message; the version of the roster that it names. Refused as `rotation`."""
    statement = rotation.statement
    try:
        need(sha256(old_key).hex() == statement["oldKey"], "another old key")
        roster = statements.check_roster_order(chain, statement, earliest)
        statements.check_approvals(rotation.message, statement, roster, "recovery")
        need(not {old_key, rotation.new_key} & roster.keys(), "a log key is a member's")
        if statement["emergency"]:
            need(all(s.approvals is None for s in rotation.message.signers), "an emergency that is countersigned")
        else:
            statements.check_countersigned(rotation.message, old_key)
        return roster.version
    except ValueError as error:
        raise Refused("rotation", str(error), rotation.path) from None


@dataclass
class Walk:
    """From the pinned key to the last one. `keys` are all of them, the pinned one first."""

    chain: list[rosters.Roster]
    messages: list[Rotation]
    walked: list[Rotation]
    keys: list[bytes]

    def check_note(self, octets: bytes, pins: Pins, allow_rehearsal: bool, witnesses: bool = True) -> Note:
        """The last key walked to has signed the checkpoint."""
        note = notes.check(octets, pins, allow_rehearsal, self.keys[::-1], witnesses=witnesses)
        require(note.signed_by == self.keys[-1], "signer-rotated", "signed by a key that was rotated out", "checkpoint")
        return note

    def check_entries(self, size: int, entry_at) -> None:
        """Every message that was walked has its entry in the tree. Refused as `signer-future`."""
        for rotation in self.walked:
            start = rotation.statement["treeSize"]
            end = min(size, start + 1) if rotation.statement["emergency"] else size
            stands = any(_is_of(entry_at(index), rotation) for index in range(start, end))
            require(stands, "signer-future", f"rotation {rotation.number} is not in the tree", "checkpoint")


def _is_of(entry: Entry, rotation: Rotation) -> bool:
    return entry.kind == "rotate-signer" and entry[5] == sha256(rotation.octets)


def walk(files: Files, pins: Pins) -> Walk:
    """With a pinned roster: the chain of rosters, and the messages from the pinned key on. Else nothing is walked."""
    if pins.roster is None:
        return Walk([], [], [], [pins.log_key])
    chain = rosters.read_chain(files, pins)
    messages = read_messages(files, pins.origin)
    earliest = next(roster.version for roster in chain if roster.digest == pins.roster)
    keys, walked = [pins.log_key], []
    for rotation in messages:
        if walked or rotation.statement["oldKey"] == sha256(pins.log_key).hex():
            earliest = check_signers(rotation, chain, keys[-1], earliest)
            walked.append(rotation)
            keys.append(rotation.new_key)
    return Walk(chain, messages, walked, keys)


def check_whole(files: Files, pins: Pins, walked: Walk, note: Note, log: list[Entry], leaves: list[bytes]) -> None:
    """Rotation, "Of every bundle that is verified whole"."""
    messages = walked.messages or read_messages(files, pins.origin)
    places = [(index, entry) for index, entry in enumerate(log) if entry.kind == "rotate-signer"]
    for number in range(max(len(messages), len(places))):
        path = f"rotations/{number + 1}.p7s"
        if number >= len(messages):
            raise Refused("rotation", "an entry without a message", path, places[number][0])
        if number >= len(places):
            raise Refused("rotation", "a message without an entry", path)
        index, entry = places[number]
        try:
            _check_entry(messages[number], index, entry, leaves)
        except ValueError as error:
            raise Refused("rotation", str(error), path, index) from None
        if walked.chain and messages[number] not in walked.walked:
            check_signers(messages[number], walked.chain, entry[2], 1)
    if not places:
        return
    index, entry = places[-1]
    require(note.signed_by == entry[3], "signer-rotated", "not signed by the last entry's new key", "checkpoint")
    later = [place for place in range(index, len(log) - 1) if log[place].kind == "state"]
    if not entry[4] and not later:
        require(
            notes.signed_by(note, entry[2]), "rotation", "the old key has not signed the first checkpoint", "checkpoint"
        )


def _check_entry(rotation: Rotation, index: int, entry: Entry, leaves: list[bytes]) -> None:
    statement = rotation.statement
    need(entry[5] == sha256(rotation.octets), "the entry cites another message")
    need(sha256(entry[2]).hex() == statement["oldKey"], "another old key than the entry's")
    need(entry[3] == rotation.new_key, "another new key than the entry's")
    need(entry[4] == statement["emergency"], "`emergency` is not what the entry says")
    size = statement["treeSize"]
    need(entry[6] == size and entry[7].hex() == statement["rootHash"], "another trusted tree than the entry's")
    need(statement["notBefore"] <= entry[8] <= statement["notAfter"], "rotated outside its time")
    need(index == size if statement["emergency"] else index >= size, "the entry stands in another place")
    need(tree.root(leaves[:size]) == entry[7], "the tree does not extend the trusted one")


def kept_checkpoint(walked: Walk, kept: Note, log: list[Entry]) -> tuple[int, bytes]:
    """Deltas: size and root that a bundle is held to; after an emergency the last one that was trusted."""
    size, root = kept.size, kept.root
    if walked.chain:
        for entry in log:
            if entry.kind == "rotate-signer" and entry[4] and size > entry[6] and notes.signed_by(kept, entry[2], None):
                size, root = entry[6], entry[7]
    return size, root
