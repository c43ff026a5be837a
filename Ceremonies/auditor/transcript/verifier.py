"""Reads a transcript line by line and says what it shows, or refuses it."""

from dataclasses import dataclass, field

from . import canonical
from .effects import Effects
from .first_line import check_first_line
from .members import check_members
from .refusal import Fault, Refused, require
from .signatures import sha256
from .steps import Steps


@dataclass
class Result:
    """What an accepted transcript says. `remarks` are the lines that are allowed and that an auditor should read."""

    ceremony: str
    rehearsal: bool
    origin: str
    sequence: int
    script: dict
    participants: list[dict]
    lines: int
    sign_offs: int
    artefacts: list[dict]
    exceptions: list[dict]
    interruptions: int
    head: str
    remarks: list[tuple[int, str]] = field(default_factory=list)


def verify(
    data: bytes, allow_rehearsal: bool = False, roster_digest: str | None = None, head: str | None = None
) -> Result:
    """Checks a transcript's octets against version 1 of the specification.

    `roster_digest` is the pinned SHA-256 of the site's first roster, `head` the head on paper, both in lower-case
    hexadecimal. Raises `Refused` with the first refusal in the order of the lines and, within a line, in the order
    of the specification's table of codes.
    """
    if not data:
        raise Refused("form", 1, "the file is empty")
    lines = data.split(b"\n")
    rest = lines.pop()
    if rest:
        lines.append(rest)
    previous, time = "0" * 64, ""
    begin: dict = {}
    remarks: list[tuple[int, str]] = []
    for number, octets in enumerate(lines, start=1):
        try:
            require(number < len(lines) or not rest, "form", "the last line has no newline")
            line = canonical.decode_line(octets)
            check_members(line)
            require(line["prev"] == previous, "chain", "`prev` is not the hash of the line before")
            # Times of this form sort as text.
            require(line["time"] >= time, "time", "earlier than the line before")
            if number == 1:
                check_first_line(line, allow_rehearsal, roster_digest)
                begin = line
                effects = Effects(begin, roster_digest)
                steps = Steps(begin, effects)
            else:
                steps.take(line)
                remarks += [(number, remark) for remark in steps.remarks]
        except Fault as fault:
            raise Refused(fault.code, number, fault.reason) from None
        previous, time = sha256(octets), line["time"]
    if not steps.ended:
        raise Refused("incomplete", len(lines), "the transcript ends before its last sign-off")
    if head is not None and head != previous:
        raise Refused("head", len(lines), f"the head is {previous}")
    if not begin["rehearsal"] and roster_digest is None:
        remarks.append((1, "no roster digest was given: nothing shows whose keys these are"))
    if head is None:
        remarks.append((len(lines), "no head was given: compare the one above with the one on paper"))
    return Result(
        begin["ceremony"], begin["rehearsal"], begin["origin"], begin["sequence"], begin["script"],
        begin["participants"], len(lines), steps.sign_offs, steps.closing["artefacts"], steps.exceptions,
        steps.interruptions, previous, remarks,
    )
