"""The answer to each kind of question that a vector can ask."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import archive
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


KINDS: dict[str, Callable[[Context, dict], dict]] = {"verify": verify}
