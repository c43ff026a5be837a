"""Statements that a quorum of the roster signs, and their messages: Authorisation, "The statement" and "The message";
Rotation, "The statement". What a quorum approved is checked in one way for both."""

import re
from collections.abc import Callable

import canonical
import cms
import entries
import keys
from rosters import Roster
from tree import sha256

LONGEST_MESSAGE = 262144
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)

Check = Callable[[object], bool]


def _digest(value: object) -> bool:
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))


def _nonce(value: object) -> bool:
    return isinstance(value, str) and bool(_NONCE.fullmatch(value))


def _number(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _text(longest: int) -> Check:
    return lambda value: isinstance(value, str) and 1 <= len(value.encode()) <= longest


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


_time = _number(0, entries.LATEST)

AUTHORISATION: dict[str, Check] = {
    "type": _one_of("rootline/authorisation/v1", "rootline/rehearsal-authorisation/v1"),
    "run": _text(128), "product": _text(128), "manifest": _digest, "template": _digest, "issuer": _digest,
    "station": lambda value: value is None or _digest(value), "quantity": _number(0, entries.MOST),
    "spoilage": _number(0, entries.MOST), "notBefore": _time, "notAfter": _time, "nonce": _nonce,
    "origin": _text(1024), "treeSize": _number(0, canonical.GREATEST), "rootHash": _digest, "roster": _digest,
    "approvals": _number(1, 63), "authority": _digest,
}
ROTATION: dict[str, Check] = {
    "type": _one_of("rootline/signer-rotation/v1", "rootline/rehearsal-signer-rotation/v1"),
    "origin": _text(1024), "oldKey": _digest, "newKey": _digest, "newKeyInfo": lambda value: isinstance(value, str),
    "emergency": lambda value: isinstance(value, bool), "treeSize": _number(1, canonical.GREATEST),
    "rootHash": _digest, "notBefore": _time, "notAfter": _time, "nonce": _nonce, "roster": _digest,
    "approvals": _number(1, 63),
}


def need(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def read(octets: bytes, table: dict[str, Check]) -> tuple[cms.Message, dict]:
    """A message in its one form and the statement in it. ValueError otherwise."""
    need(len(octets) <= LONGEST_MESSAGE, "too long")
    message = cms.message(octets)
    statement = canonical.decode(message.content)
    need(isinstance(statement, dict) and set(statement) == set(table), "the statement has other members")
    for name, check in table.items():
        need(check(statement[name]), f"`{name}` is out of its range")
    need(statement["notBefore"] <= statement["notAfter"], "it ends before it begins")
    return message, statement


def is_rehearsal(statement: dict) -> bool:
    return statement["type"].startswith("rootline/rehearsal-")


def check_approvals(message: cms.Message, statement: dict, roster: Roster, quorum: str) -> None:
    """The approvers: members of the version who may approve, each once, as many as its quorum. ValueError otherwise."""
    need(statement["approvals"] == roster.quorums[quorum], f"`approvals` is not the quorum `{quorum}`")
    approvers = [signer for signer in message.signers if signer.approvals is None]
    sids = [signer.sid for signer in approvers]
    need(len(set(sids)) == len(sids), "a member has approved twice")
    for signer in approvers:
        key = roster.approver(signer.sid)
        need(key is not None, "an approval by nobody who may approve")
        need(signer.verifies(key, message.content), "an approval that does not verify")
    need(len(approvers) >= statement["approvals"], f"{len(approvers)} approvals of {statement['approvals']}")


def check_countersigned(message: cms.Message, key: bytes) -> None:
    """Exactly one SignerInfo with `approvals`, of this key, over the others as they stand. ValueError otherwise."""
    last = [signer for signer in message.signers if signer.approvals is not None]
    need(len(last) == 1, f"{len(last)} countersignatures")
    need(last[0].sid == sha256(key), "countersigned by another key")
    need(last[0].verifies(key, message.content), "the countersignature does not verify")
    need(last[0].approvals == message.approvals_digest(), "countersigned over other approvals")


def check_roster_order(versions: list[Roster], statement: dict, earliest: int) -> Roster:
    """The version that the statement names, which is `earliest` or later. ValueError otherwise."""
    named = [roster for roster in versions if roster.digest == statement["roster"]]
    need(named, "`roster` is no version of the chain")
    need(named[0].version >= earliest, "approved under a version that is no longer in force")
    return named[0]


def new_key(statement: dict) -> bytes:
    """The SubjectPublicKeyInfo of a rotation's new key. ValueError where it is not what `newKey` names."""
    info = keys.from_base64(statement["newKeyInfo"])
    need(keys.curve(info) == "P-256" and sha256(info).hex() == statement["newKey"], "`newKeyInfo` is no new key")
    need(statement["newKey"] != statement["oldKey"], "the new key is the old one")
    return info
