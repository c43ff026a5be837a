"""The kinds of value that a member can have. A kind is a function of the value and its place; Fault `form`."""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timezone

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from .refusal import Fault

Kind = Callable[[object, str], None]

_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HEXADECIMAL = re.compile(r"([0-9a-f]{2})*")


def _fail(place: str, what: str) -> None:
    raise Fault("form", f"`{place}` is not {what}")


def text(value: object, place: str) -> None:
    if not isinstance(value, str):
        _fail(place, "text")


def count(value: object, place: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        _fail(place, "a number")


def flag(value: object, place: str) -> None:
    if not isinstance(value, bool):
        _fail(place, "true or false")


def no_null(value: object, place: str) -> None:
    """Anything that holds no null."""
    if value is None:
        _fail(place, "anything but null")
    elements = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for element in elements:
        no_null(element, place)


def values(value: object, place: str) -> None:
    if not isinstance(value, dict):
        _fail(place, "an object")
    no_null(value, place)


def _matching(pattern: re.Pattern, what: str) -> Kind:
    def check(value: object, place: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            _fail(place, what)

    return check


digest = _matching(_DIGEST, "a SHA-256 in 64 lower-case hexadecimal digits")
hexadecimal = _matching(_HEXADECIMAL, "octets in lower-case hexadecimal")


def seconds_of(value: str) -> datetime | None:
    """The moment of a time in the format's one form, None for any other text."""
    match = _TIME.fullmatch(value)
    if not match:
        return None
    try:
        return datetime(*(int(part) for part in match.groups()), tzinfo=timezone.utc)
    except ValueError:
        return None


def time(value: object, place: str) -> None:
    if not isinstance(value, str) or seconds_of(value) is None:
        _fail(place, "a time YYYY-MM-DDThh:mm:ssZ")


def octets_of(value: object, place: str) -> bytes:
    """The octets of base64 text in its one form."""
    if isinstance(value, str):
        try:
            octets = base64.b64decode(value, validate=True)
            if base64.b64encode(octets).decode() == value:
                return octets
        except ValueError:
            pass
    raise Fault("form", f"`{place}` is not base64 in its one form")


def octets(value: object, place: str) -> None:
    octets_of(value, place)


def public_key(value: object, place: str) -> None:
    try:
        load_der_public_key(octets_of(value, place))
    except (ValueError, UnsupportedAlgorithm):
        _fail(place, "a SubjectPublicKeyInfo in DER")


def one_of(*texts: str) -> Kind:
    def check(value: object, place: str) -> None:
        if not isinstance(value, str) or value not in texts:
            _fail(place, "one of " + ", ".join(texts))

    return check


def nullable(kind: Kind) -> Kind:
    def check(value: object, place: str) -> None:
        if value is not None:
            kind(value, place)

    return check


def list_of(kind: Kind, length: int | None = None) -> Kind:
    def check(value: object, place: str) -> None:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            _fail(place, "a list" if length is None else f"a list of {length}")
        for position, element in enumerate(value):
            kind(element, f"{place}[{position}]")

    return check


def map_of(kind: Kind) -> Kind:
    def check(value: object, place: str) -> None:
        if not isinstance(value, dict):
            _fail(place, "an object")
        for name, element in value.items():
            kind(element, f"{place}.{name}")

    return check


def record(members: dict[str, Kind]) -> Kind:
    """An object with exactly these members; a name that ends in `?` may be absent."""
    kinds = {name.removesuffix("?"): kind for name, kind in members.items()}
    needed = {name for name in members if not name.endswith("?")}

    def check(value: object, place: str) -> None:
        if not isinstance(value, dict):
            _fail(place, "an object")
        for name in sorted(needed - value.keys()):
            raise Fault("form", f"`{place}` lacks `{name}`")
        for name in sorted(value.keys() - kinds.keys()):
            raise Fault("form", f"`{place}` has `{name}`, which it may not have")
        for name, kind in kinds.items():
            if name in value:
                kind(value[name], name if place == "line" else f"{place}.{name}")

    return check
