"""The chain of rosters: Approval, "The chain of rosters"."""

from dataclasses import dataclass

import canonical
import keys
from archive import Files
from notes import is_rehearsal
from pins import Pins
from refusal import Refused, require
from tree import sha256

LARGEST = 1 << 20
APPROVING = {"ceremony-administrator", "crypto-officer", "share-holder"}
_STATEMENT = {"version", "origin", "rehearsal", "previous", "members", "conflicts", "quorums"}
_MEMBER = {"name", "roles", "signingKey", "shareKey", "token"}
_QUORUMS = {"roster", "approval", "recovery"}


@dataclass
class Roster:
    """A version of the roster. `members` has each member's signing key and roles by the name."""

    version: int
    digest: str
    origin: str
    rehearsal: bool
    members: dict[str, tuple[bytes, set[str]]]
    quorums: dict[str, int]

    def approver(self, sid: bytes) -> bytes | None:
        """The key of the member who may approve and whose key has this digest."""
        for key, roles in self.members.values():
            if sha256(key) == sid and roles & APPROVING:
                return key
        return None

    def keys(self) -> set[bytes]:
        return {key for key, _ in self.members.values()}

    def approvers(self) -> int:
        return sum(bool(roles & APPROVING) for _, roles in self.members.values())


def _need(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _exactly(value: object, members: set[str], what: str) -> dict:
    _need(isinstance(value, dict) and set(value) == members, f"{what} has other members")
    return value


def _read(octets: bytes) -> tuple[Roster, dict]:
    _need(len(octets) <= LARGEST, "too long")
    document = _exactly(canonical.decode(octets), {"statement", "signatures"}, "the roster")
    statement = _exactly(document["statement"], _STATEMENT, "the statement")
    _need(type(statement["version"]) is int and statement["version"] >= 1, "the version")
    _need(isinstance(statement["origin"], str) and isinstance(statement["rehearsal"], bool), "origin and rehearsal")
    quorums = _exactly(statement["quorums"], _QUORUMS, "quorums")
    _need(all(type(quorum) is int and quorum >= 1 for quorum in quorums.values()), "a quorum that is no number")
    members, all_keys = {}, []
    for member in statement["members"]:
        _exactly(member, _MEMBER, "a member")
        _exactly(member["token"], {"serial", "tokenLabel"}, "a token")
        _need(isinstance(member["name"], str) and _is_names(member["roles"]), "name and roles")
        _need(member["name"] not in members, "two members have one name")
        both = [keys.from_base64(member[kind]) for kind in ("signingKey", "shareKey")]
        _need(keys.curve(both[0]) == "P-256", "a signing key that is not on P-256")
        all_keys += both
        members[member["name"]] = both[0], set(member["roles"])
        for pair in statement["conflicts"]:
            _need(_is_names(pair) and len(pair) == 2, "a conflict that is no pair")
            _need(not set(pair) <= set(member["roles"]), f"{member['name']} holds roles that conflict")
    _need(len(set(all_keys)) == len(all_keys), "a key stands twice")
    roster = Roster(
        statement["version"], sha256(octets).hex(), statement["origin"], statement["rehearsal"], members, quorums
    )
    _need(quorums["roster"] <= len(members), "a quorum that cannot be met")
    _need(max(quorums["approval"], quorums["recovery"]) <= roster.approvers(), "a quorum that cannot be met")
    return roster, document


def _check_signatures(roster: Roster, document: dict, before: Roster | None) -> None:
    """Version 1 is signed by all; each further one by the quorum of the one before and by who is new in it."""
    statement, signatures = document["statement"], document["signatures"]
    if before is None and roster.rehearsal and not signatures:
        return
    tag = "rootline/rehearsal-roster/v1" if roster.rehearsal else "rootline/roster/v1"
    message = tag.encode() + b"\n" + canonical.encode(statement)
    signed: dict[str, bytes] = {}
    for entry in signatures:
        _exactly(entry, {"name", "signature"}, "a signature")
        name, signature = entry["name"], keys.from_base64(entry["signature"])
        _need(name not in signed, f"{name} signs twice")
        candidates = [version.members[name][0] for version in (roster, before) if version and name in version.members]
        verified = [key for key in candidates if keys.ecdsa_verifies(key, signature, message, low=True)]
        _need(verified, f"no good signature by {name}")
        signed[name] = verified[0]
    old = before.members if before else {}
    for name, (key, _) in roster.members.items():
        known = name in old and old[name][0] == key
        _need(known or signed.get(name) == key, f"{name} is new and has not signed")
    if before is None:
        witnesses = [roles for _, roles in roster.members.values() if "external-witness" in roles]
        _need(witnesses, "no external witness")
    else:
        given = sum(signed.get(name) == key for name, (key, _) in old.items())
        _need(given >= before.quorums["roster"], f"signed by {given} of the version before")


def read_chain(files: Files, pins: Pins) -> list[Roster]:
    """All versions, from 1, one of them the pinned one. Refused as `roster`."""
    chain: list[Roster] = []
    while True:
        path = f"rosters/{len(chain) + 1}.json"
        octets = files.get(path)
        if octets is None:
            break
        before = chain[-1] if chain else None
        try:
            roster, document = _read(octets)
            _need(roster.version == len(chain) + 1, "another version than its name")
            _need(roster.rehearsal == is_rehearsal(pins.origin), "a rehearsal's roster, or a rehearsal without one")
            _need(document["statement"]["previous"] == (before.digest if before else None), "another `previous`")
            _need(before is None or roster.origin == before.origin, "another origin than the version before")
            _check_signatures(roster, document, before)
        except (ValueError, TypeError, KeyError) as error:
            raise Refused("roster", str(error), path) from None
        chain.append(roster)
    require(pins.roster in [roster.digest for roster in chain], "roster", "no version has the pinned digest")
    return chain
