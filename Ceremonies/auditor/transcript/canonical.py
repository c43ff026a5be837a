"""Canonical JSON (RFC 8785), as far as transcripts use it: no fractions, no numbers below 0 or above 2^53 - 1."""

import hashlib
import json

from .refusal import Fault

LARGEST = 2**53 - 1

_ESCAPES = {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
_ESCAPES.update({c: f"\\u{c:04x}" for c in range(0x20) if c not in _ESCAPES})


def encode(value: object) -> bytes:
    """The canonical octets of a value. ValueError where it has none (half a surrogate pair)."""
    return _text(value).encode("utf-8")


def digest(value: object) -> str:
    """SHA-256 of the canonical octets, in hexadecimal."""
    return hashlib.sha256(encode(value)).hexdigest()


def _text(value: object) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return '"' + value.translate(_ESCAPES) + '"'
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(_text(element) for element in value) + "]"
    if isinstance(value, dict):
        # RFC 8785 §3.2.3: by UTF-16 code units, so U+1F600 comes before U+FB00.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(_text(name) + ":" + _text(value[name]) for name in names) + "}"
    raise ValueError(f"no canonical form for {type(value).__name__}")


def _object(pairs: list) -> dict:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 16:
        raise ValueError("a number beyond 2^53 - 1")
    number = int(digits)
    if not 0 <= number <= LARGEST:
        raise ValueError("a number below 0 or beyond 2^53 - 1")
    return number


def _refused(text: str) -> object:
    raise ValueError(f"{text[:32]} is no integer")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_refused, parse_int=_integer, parse_constant=_refused, strict=True
)


def decode_line(octets: bytes) -> dict:
    """The object of a line (without its newline), which must be canonical to the octet. Fault `form`."""
    try:
        value = _decoder.decode(octets.decode("utf-8", "strict"))
        again = encode(value)
    except RecursionError:
        raise Fault("form", "nested too deep") from None
    except ValueError as error:
        raise Fault("form", f"not JSON as this format has it: {error}") from None
    if not isinstance(value, dict):
        raise Fault("form", "not an object")
    if again != octets:
        raise Fault("form", "not in canonical form")
    return value
