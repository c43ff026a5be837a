"""DER (ITU-T X.690), strictly, as far as CMS and certificates need it."""

import re
from datetime import datetime, timezone

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x30, 0x31, 0x02, 0x03, 0x04, 0x05, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18

_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z", re.ASCII)


class Element:
    """One tag, length and value; `whole` are all its octets."""

    def __init__(self, tag: int, content: bytes, whole: bytes):
        self.tag, self.content, self.whole = tag, content, whole

    def children(self) -> list["Element"]:
        if not self.tag & 0x20:
            raise ValueError("not constructed")
        return sequence_of(self.content)

    def expect(self, tag: int) -> "Element":
        if self.tag != tag:
            raise ValueError(f"tag {self.tag:#04x} instead of {tag:#04x}")
        return self


def _element(octets: bytes, at: int) -> tuple[Element, int]:
    start = at
    if len(octets) - at < 2:
        raise ValueError("cut off")
    tag, length = octets[at], octets[at + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of more octets")
    at += 2
    if length & 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4 or len(octets) - at < width:
            raise ValueError("a length that is not DER")
        length = int.from_bytes(octets[at : at + width], "big")
        if length < 0x80 or length < 1 << 8 * (width - 1):
            raise ValueError("a length that is not the shortest")
        at += width
    if len(octets) - at < length:
        raise ValueError("cut off")
    return Element(tag, octets[at : at + length], octets[start : at + length]), at + length


def sequence_of(octets: bytes) -> list[Element]:
    """The elements, one behind the other."""
    result, at = [], 0
    while at < len(octets):
        element, at = _element(octets, at)
        result.append(element)
    return result


def one(octets: bytes, tag: int) -> Element:
    """The one element that the octets are."""
    element, end = _element(octets, 0)
    if end != len(octets):
        raise ValueError("octets behind the end")
    return element.expect(tag)


def encode(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(dotted: str) -> bytes:
    """The whole encoding of an object identifier."""
    arcs = [int(arc) for arc in dotted.split(".")]
    content = b""
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(septets))
    return encode(OID, content)


def check_sorted(elements: list[Element]) -> None:
    """The order of a SET OF (X.690 §11.6). Equal ones are in order."""
    encodings = [element.whole for element in elements]
    longest = max(map(len, encodings), default=0)
    if encodings != sorted(encodings, key=lambda octets: octets.ljust(longest, b"\0")):
        raise ValueError("a SET OF that is not in order")


def time(element: Element) -> int:
    """Seconds of a UTCTime to the end of 2049, or of a GeneralizedTime after it (RFC 5652 §11.3)."""
    text = element.content.decode("ascii")
    if element.tag == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    else:
        element.expect(GENERALIZED_TIME)
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("a time in another form")
    moment = datetime(*(int(part) for part in match.groups()), tzinfo=timezone.utc)
    if element.tag == GENERALIZED_TIME and 1950 <= moment.year < 2050:
        raise ValueError("a GeneralizedTime where UTCTime belongs")
    return int(moment.timestamp())
