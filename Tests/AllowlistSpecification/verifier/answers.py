"""The answer to each kind of question that a vector can ask."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import absence
import archive
import deltas
import lookup as lookups
import receipts
import verifier
from pins import Pins


@dataclass
class Context:
    """What a vector says beside its question."""

    folder: Path
    bundle: str | None
    pins: Pins
    allow_rehearsal: bool
    now: int | None
    kept: bytes | None

    def files(self) -> archive.Files:
        return archive.open_bundle(self.folder / self.bundle)


def verify(context: Context, question: object) -> dict:
    verified = verifier.verify(context.files(), context.pins, context.allow_rehearsal, context.now, context.kept)
    return {"list": verified.summary()}


def _device(question: dict, *others: str) -> lookups.Question:
    """The device that is asked for. ValueError where the question has a member that is not known here."""
    texts, octets = {"serial", "product"}, {"key": "key", "certificate": "certificate", "serialKey": "serial_key"}
    unknown = set(question) - texts - set(octets) - set(others)
    if unknown:
        raise ValueError(f"a question with {sorted(unknown)}")
    return lookups.Question(
        **{name: question[name] for name in texts if name in question},
        **{field: bytes.fromhex(question[name]) for name, field in octets.items() if name in question},
    )


def lookup(context: Context, question: dict) -> dict:
    opened = lookups.Opened(context.files(), context.pins, context.allow_rehearsal, context.now)
    return {"device": opened.look_up(_device(question))}


def receipt(context: Context, question: dict) -> dict:
    octets = (context.folder / question["file"]).read_bytes()
    device = _device(question, "file")
    return {"device": receipts.verify(octets, context.pins, device, context.allow_rehearsal, context.now)}


def absent(context: Context, question: dict) -> dict:
    octets = (context.folder / question["file"]).read_bytes()
    device = _device(question, "file")
    return {"device": absence.verify(octets, context.pins, device, context.allow_rehearsal, context.now)}


def apply(context: Context, question: dict) -> dict:
    if not set(question) <= {"base"}:
        raise ValueError(f"a question with {sorted(question)}")
    base = archive.open_bundle(context.folder / question["base"]) if "base" in question else None
    files = deltas.apply(base, context.files(), context.pins, context.allow_rehearsal, context.now)
    verified = verifier.verify(files, context.pins, context.allow_rehearsal, context.now, context.kept)
    return {"list": verified.summary()}


KINDS: dict[str, Callable[[Context, dict], dict]] = {
    "verify": verify, "lookup": lookup, "receipt": receipt, "absence": absent, "apply": apply,
}
