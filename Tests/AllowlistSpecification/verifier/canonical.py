"""JSON in its canonical form (RFC 8785), with whole numbers from 0 to 2^53 - 1 only."""

import json

GREATEST = 2**53 - 1
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _string(text: str) -> str:
    return '"' + "".join(_SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def _write(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return f"[{','.join(map(_write, value))}]"
    # RFC 8785 §3.2.3: sorted by UTF-16 code units.
    members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{_string(name)}:{_write(member)}" for name, member in members) + "}"


def encode(value: object) -> bytes:
    return _write(value).encode("utf-8")


def _members(pairs: list) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a member comes twice")
    return result


def _fraction(text: str) -> object:
    raise ValueError(f"{text[:32]} is no whole number")


def _whole(digits: str) -> int:
    if len(digits) > 16 or not 0 <= int(digits) <= GREATEST:
        raise ValueError(f"{digits[:32]} is out of range")
    return int(digits)


def decode(octets: bytes) -> object:
    """The value. ValueError unless the octets are exactly its canonical form."""
    try:
        value = json.loads(
            octets.decode("utf-8", "strict"), object_pairs_hook=_members, parse_float=_fraction, parse_int=_whole,
            parse_constant=_fraction,
        )
        again = encode(value)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if again != octets:
        raise ValueError("not in canonical form")
    return value
