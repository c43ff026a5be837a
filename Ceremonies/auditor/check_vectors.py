#!/usr/bin/env python3
"""Holds this verifier against a folder of vectors, which the program and other verifiers answer too.

DIR/vectors.json is {"vectors": [{"name", "file", "allowRehearsal"?, "rosterDigest"?, "head"?, "expect"}]}, where
`expect` is "accepted" or {"code": …, "line": …}. The exit status is 0 only where all agree.
"""

import json
import sys
from pathlib import Path

from transcript.refusal import Refused
from transcript.verifier import verify


def answer(folder: Path, vector: dict) -> object:
    """This verifier's answer, in the form of `expect`."""
    try:
        verify(
            (folder / vector["file"]).read_bytes(), vector.get("allowRehearsal", False), vector.get("rosterDigest"),
            vector.get("head"),
        )
    except Refused as refused:
        return {"code": refused.code, "line": refused.line, "reason": refused.reason}
    return "accepted"


def agrees(expected: object, given: object) -> bool:
    if isinstance(expected, dict) and isinstance(given, dict):
        return all(expected.get(member) == given[member] for member in ("code", "line"))
    return expected == given


def _shown(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    reason = f" ({value['reason']})" if "reason" in value else ""
    return f"{value.get('code')} line {value.get('line')}{reason}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: check_vectors.py DIR", file=sys.stderr)
        return 64
    folder = Path(arguments[0])
    try:
        vectors = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))["vectors"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{folder / 'vectors.json'}: {error}", file=sys.stderr)
        return 66
    failed = 0
    for vector in vectors:
        try:
            given = answer(folder, vector)
        except Exception as error:  # A verifier that falls over a vector disagrees with it.
            given = f"no answer: {type(error).__name__}: {error}"
        if not agrees(vector.get("expect"), given):
            failed += 1
            print(f"{vector.get('name')}: expected {_shown(vector.get('expect'))}, found {_shown(given)}")
    passed = len(vectors) - failed
    if failed == 0 and vectors:
        print(f"{passed} vectors agree")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and vectors else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
