#!/usr/bin/env python3
"""Holds this verifier against the specification's vectors: `../README.md`, "A vector".

One line for each vector that is answered otherwise than it says, or whose kind is not known here, and a count. The exit
status is 0 only where there are vectors and all agree.
"""

import json
import sys
from pathlib import Path

import answers
import entries
import keys
import pins
from refusal import Refused

_MEMBERS = {"version", "name", "what", "bundle", "pins", "allowRehearsal", "kept", "now", "question", "expected"}


def answer(folder: Path, vector: dict) -> dict:
    """This verifier's answer, in the form of `expected`."""
    unknown = set(vector) - _MEMBERS
    if unknown or vector.get("version") != 1 or len(vector["question"]) != 1:
        raise ValueError(f"a vector of a kind that is not known here: {sorted(unknown)}")
    ((kind, question),) = vector["question"].items()
    if kind not in answers.KINDS:
        raise ValueError(f"a question that is not known here: {kind}")
    try:
        context = answers.Context(
            folder=folder, bundle=vector.get("bundle"), pins=pins.read(vector["pins"]),
            allow_rehearsal=vector.get("allowRehearsal", False), now=vector.get("now"),
            kept=keys.from_base64(vector["kept"]) if "kept" in vector else None,
        )
        return {"outcome": "ok"} | answers.KINDS[kind](context, question)
    except Refused as refused:
        return {
            "outcome": "refused", "code": refused.code, "file": refused.file, "index": refused.index,
            "reason": refused.reason,
        }


def differences(expected: object, given: object, place: str = "") -> list[str]:
    """What `expected` says and the answer does not. What it leaves out is compared only where a device is told of."""
    if isinstance(expected, dict) and isinstance(given, dict):
        keys_ = set(expected) | (set(given) if place.endswith("device") else set())
        return [
            difference for key in sorted(keys_)
            for difference in differences(expected.get(key), given.get(key), f"{place}.{key}".lstrip("."))
        ]
    same = expected == given and type(expected) is type(given)
    return [] if same else [f"{place}: expected {expected!r}, found {given!r}"]


def check_vector(folder: Path, path: Path) -> list[str]:
    try:
        vector = json.loads(path.read_text(encoding="utf-8"))
        given = answer(folder, vector)
        result = differences(vector["expected"], given)
    except Exception as error:  # A verifier that falls over a vector disagrees with it.
        return [f"no answer: {type(error).__name__}: {error}"]
    return [f"{line} ({given.get('reason', 'ok')})" for line in result]


def check_entry(row: dict) -> list[str]:
    if not set(row) <= {"name", "what", "hex", "kind", "refused"} or ("kind" in row) == ("refused" in row):
        return [f"a row of a kind that is not known here: {sorted(row)}"]
    try:
        given = entries.decode(bytes.fromhex(row["hex"])).kind
    except Refused as refused:
        given = f"refused {refused.code}"
        reason = refused.reason
    else:
        reason = "ok"
    expected = row["kind"] if "kind" in row else f"refused {row['refused']}"
    return [] if given == expected else [f"expected {expected}, found {given} ({reason})"]


def files_asked_about(folder: Path) -> set[str]:
    """The bundle and the files of every vector's question."""
    asked: set[str] = set()
    for path in folder.glob("*.json"):
        vector = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(vector, dict):
            questions = [question for question in vector["question"].values() if isinstance(question, dict)]
            asked |= {question[name] for question in questions for name in ("file", "base") if name in question}
            asked |= {vector["bundle"]} if "bundle" in vector else set()
    return asked


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: check_vectors.py VECTORS-DIR", file=sys.stderr)
        return 64
    folder = Path(arguments[0])
    counts = {"passed": 0, "failed": 0}

    def count(name: str, failures: list[str]) -> None:
        counts["failed" if failures else "passed"] += 1
        if failures:
            print(f"{name}: {'; '.join(failures)}")

    for path in sorted(folder.glob("*.json")):
        if path.name == "entries.json":
            for number, row in enumerate(json.loads(path.read_text(encoding="utf-8"))):
                count(f"entries.json {number} {row.get('name', row.get('what', ''))}", check_entry(row))
        else:
            count(path.stem, check_vector(folder, path))
    asked = files_asked_about(folder)
    for path in sorted(folder.iterdir()):
        if path.suffix != ".json" and path.name not in asked:
            count(path.name, ["a file that no vector asks about"])
    print(f"{counts['passed']} agree, {counts['failed']} do not")
    return 0 if counts["failed"] == 0 and counts["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
