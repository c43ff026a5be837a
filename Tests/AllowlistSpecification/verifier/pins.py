"""What a consumer pins, and the strict JSON of it: Pins, "The file"."""

import json
import re
from dataclasses import dataclass, field

import keys
from refusal import Refused

_MEMBERS = {"version", "origin", "logKey", "ed25519Key", "roster", "witnesses", "maxAge"}
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass
class Pins:
    origin: str
    log_key: bytes
    ed25519_key: tuple[str, bytes, bytes] | None = None
    roster: str | None = None
    witnesses: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    quorum: int = 0
    max_age: int | None = None


def _members(pairs: list) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a member comes twice")
    return result


def _refused(text: str) -> object:
    raise ValueError(f"{text} is no whole number in digits")


def _whole(digits: str) -> int:
    if digits.startswith("-") or len(digits) > 16:
        raise ValueError(f"{digits} is out of range")
    return int(digits)


def read_file(octets: bytes) -> Pins:
    """Refused as `pins`."""
    try:
        if len(octets) > 65536:
            raise ValueError("too long")
        if b"\\" in octets:
            raise ValueError("an escape")
        document = json.loads(
            octets.decode("utf-8", "strict"), object_pairs_hook=_members, parse_float=_refused, parse_int=_whole,
            parse_constant=_refused,
        )
    except (ValueError, RecursionError) as error:
        raise Refused("pins", str(error)) from None
    return read(document)


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise ValueError(reason)


def _is_number(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def read(document: object) -> Pins:
    """The pins of the parsed document. Refused as `pins`."""
    try:
        _require(isinstance(document, dict), "not an object")
        _require(set(document) <= _MEMBERS, f"unknown members {sorted(set(document) - _MEMBERS)}")
        _require({"version", "origin", "logKey"} <= set(document), "a member is missing")
        _require(_is_number(document["version"], 1, 1), "not version 1")
        _require(isinstance(document["origin"], str) and keys.is_name(document["origin"]), "the origin is no name")
        log_key = keys.from_base64(document["logKey"])
        _require(keys.curve(log_key) == "P-256", "the log key is not on P-256")
        pins = Pins(document["origin"], log_key)
        if "ed25519Key" in document:
            pins.ed25519_key = keys.verifier_key(document["ed25519Key"], 1)
            _require(pins.ed25519_key[0] == pins.origin, "the Ed25519 key has another name than the origin")
        if "roster" in document:
            pins.roster = document["roster"]
            _require(isinstance(pins.roster, str) and _DIGEST.fullmatch(pins.roster), "the roster is no digest")
        if "maxAge" in document:
            pins.max_age = document["maxAge"]
            _require(_is_number(pins.max_age, 1, 3155760000), "maxAge is out of range")
        if "witnesses" in document:
            _read_witnesses(pins, document["witnesses"])
        return pins
    except (ValueError, TypeError, AttributeError, UnicodeError) as error:
        raise Refused("pins", str(error)) from None


def _read_witnesses(pins: Pins, document: object) -> None:
    _require(isinstance(document, dict) and set(document) == {"keys", "quorum"}, "witnesses have keys and a quorum")
    pins.witnesses = [keys.verifier_key(text, 4) for text in document["keys"]]
    publics = [public for _, _, public in pins.witnesses]
    _require(len(set(publics)) == len(publics), "two witnesses have one key")
    _require(_is_number(document["quorum"], 1, len(publics)), "the quorum is not from 1 to all")
    pins.quorum = document["quorum"]
