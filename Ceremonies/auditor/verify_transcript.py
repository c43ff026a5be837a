#!/usr/bin/env python3
"""Verifies the transcript of a key ceremony, offline, from its specification alone. See README.md."""

import argparse
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from transcript.refusal import Refused
from transcript.verifier import Result, verify
from transcript.words import words

__all__ = ["Refused", "Result", "main", "verify"]

_ACCEPTED, _REFUSED, _USAGE, _NO_INPUT = 0, 1, 64, 66


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: {message}\n")


def _digest(value: str) -> str:
    """Paper may say it in groups and in capitals."""
    digest = "".join(value.split()).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise argparse.ArgumentTypeError(f"{value!r} is not a SHA-256 in hexadecimal")
    return digest


def _parser() -> _Parser:
    parser = _Parser(prog="verify_transcript.py", description="Verifies the transcript of a key ceremony, offline.")
    parser.add_argument("transcript", metavar="TRANSCRIPT", help="the file transcript.jsonl of a ceremony")
    parser.add_argument("--allow-rehearsal", action="store_true", help="accept the transcript of a rehearsal")
    parser.add_argument("--roster-digest", type=_digest, metavar="HEX", help="the pinned digest of the first roster")
    parser.add_argument("--head", type=_digest, metavar="HEX", help="the head that people wrote on paper")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text (the default) or json")
    return parser


def _text(result: Result) -> str:
    rehearsal = " (a rehearsal)" if result.rehearsal else ""
    script = result.script
    said = [
        f"accepted: {result.ceremony}{rehearsal}, ceremony {result.sequence} of {result.origin}",
        f"script: {script['id']} ({script['kind']}), {script['digest']}",
        "people:",
        *(f"  {person['name']}: {', '.join(person['roles'])}" for person in result.participants),
        f"lines: {result.lines}",
        f"sign-offs: {result.sign_offs}, every signature verified",
        f"interruptions: {result.interruptions}",
        f"artefacts: {len(result.artefacts)}",
        *(f"  {artefact['path']} {artefact['fileDigest']}" for artefact in result.artefacts),
        f"exceptions: {len(result.exceptions)}",
        *(
            f"  {entry['number']} in {entry['step']}: expected {entry['expected']}; happened {entry['happened']}; "
            f"decision {entry['decision']}"
            for entry in result.exceptions
        ),
        f"head: {result.head}",
        *(f"  {' '.join(row)}" for row in words(result.head)),
    ]
    if result.remarks:
        said += ["to look at:", *(f"  line {line}: {remark}" for line, remark in result.remarks)]
    return "\n".join(_printable(line) for line in said)


def _printable(line: str) -> str:
    """Texts are the transcript's: they must not move the cursor."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        data = Path(options.transcript).read_bytes()
    except OSError as error:
        print(f"{options.transcript}: {error.strerror}", file=sys.stderr)
        return _NO_INPUT
    as_json = options.format == "json"
    try:
        result = verify(data, options.allow_rehearsal, options.roster_digest, options.head)
    except Refused as refused:
        answer = {
            "accepted": False, "code": refused.code, "line": refused.line, "reason": refused.reason, "head": None,
        }
        text = f"refused {refused.code} line {refused.line}: {refused.reason}"
        print(json.dumps(answer) if as_json else _printable(text))
        return _REFUSED
    if as_json:
        details = asdict(result)
        details["remarks"] = [{"line": line, "remark": remark} for line, remark in result.remarks]
        answer = {"accepted": True, "code": None, "line": None, "reason": None, "head": result.head} | details
        print(json.dumps(answer))
    else:
        print(_text(result))
    return _ACCEPTED


if __name__ == "__main__":
    sys.exit(main())
