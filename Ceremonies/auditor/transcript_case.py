"""What the tests share: a transcript is accepted, or refused with a code at a line."""

import unittest

from transcript.refusal import Refused
from transcript_builder import Ceremony, script_step
from verify_transcript import Result, verify


class TranscriptCase(unittest.TestCase):
    def accepted(self, ceremony: Ceremony, **options: object) -> Result:
        return verify(ceremony.seal(), **({"allow_rehearsal": True} | options))

    def refused(self, code: str | None, line: int | None, transcript: object, **options: object) -> Refused:
        """With any code where there is none given."""
        data = transcript if isinstance(transcript, bytes) else transcript.seal()
        with self.assertRaises(Refused) as caught:
            verify(data, **({"allow_rehearsal": True} | options))
        if code is not None:
            self.assertEqual((caught.exception.code, caught.exception.line), (code, line), caught.exception.reason)
        return caught.exception


def spoken(**begin: object) -> Ceremony:
    """A ceremony of two steps: `opening`, in which nothing is signed, and `closing`."""
    ceremony = Ceremony(script_step("opening", "say"), **begin)
    ceremony.step("opening")
    ceremony.done()
    return ceremony.close()


def one_step(do: str, irreversible: bool = False, **begin: object) -> Ceremony:
    """A ceremony whose first step, `it`, is open."""
    ceremony = Ceremony(script_step("it", do, irreversible), **begin)
    ceremony.step("it")
    return ceremony


def finish(ceremony: Ceremony, **closing: object) -> Ceremony:
    ceremony.done()
    return ceremony.close(**closing)
