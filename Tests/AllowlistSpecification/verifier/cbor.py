"""The deterministic CBOR that entries are in: Format, "Entries"; RFC 8949 §3 and §4.2.1."""

# An entry nests no deeper: the map, the array of segments, the segment.
_DEEPEST = 8


def decode(octets: bytes) -> object:
    """The one value that the octets are. ValueError where they are anything else, or in another than the one form."""
    value, end = _value(octets, 0, 0)
    if end != len(octets):
        raise ValueError(f"{len(octets) - end} octets behind the value")
    return value


def _head(octets: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument and the offset behind them."""
    if at >= len(octets):
        raise ValueError("cut off")
    major, info = octets[at] >> 5, octets[at] & 0x1F
    at += 1
    if info < 24:
        return major, info, at
    if info > 27:
        raise ValueError("an indefinite length, or a reserved one")
    width = 1 << (info - 24)
    if at + width > len(octets):
        raise ValueError("cut off")
    argument = int.from_bytes(octets[at : at + width], "big")
    if major != 7 and argument < (24 if width == 1 else 1 << (4 * width)):
        raise ValueError("not in the shortest form")
    return major, argument, at + width


def _value(octets: bytes, at: int, depth: int) -> tuple[object, int]:
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    start = at
    major, argument, at = _head(octets, at)
    if major == 0:
        return argument, at
    if major in (2, 3):
        end = at + argument
        if end > len(octets):
            raise ValueError("cut off")
        return (octets[at:end] if major == 2 else octets[at:end].decode("utf-8", "strict")), end
    if major == 4:
        elements = []
        for _ in range(argument):
            element, at = _value(octets, at, depth + 1)
            elements.append(element)
        return elements, at
    if major == 5:
        return _map(octets, at, argument, depth)
    if octets[start] in (0xF4, 0xF5):
        return octets[start] == 0xF5, at
    raise ValueError(f"the initial octet {octets[start]:#04x} does not occur")


def _map(octets: bytes, at: int, count: int, depth: int) -> tuple[dict, int]:
    """RFC 8949 §4.2.1: keys in the bytewise order of their encodings, none twice."""
    pairs: dict = {}
    before = b""
    for _ in range(count):
        start = at
        key, at = _value(octets, at, depth + 1)
        if type(key) is not int:
            raise ValueError("a key that is no unsigned integer")
        if octets[start:at] <= before:
            raise ValueError("keys that do not ascend")
        before = octets[start:at]
        pairs[key], at = _value(octets, at, depth + 1)
    return pairs, at
