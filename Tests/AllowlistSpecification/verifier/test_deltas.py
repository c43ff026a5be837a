"""Deltas, over a log that grows."""

import unittest

import deltas
import sample
import tree
import verifier
from archive import Files
from pins import Pins
from refusal import Refused

PINS = Pins(sample.ORIGIN, sample.SPKI)


def log(runs: int) -> list[dict]:
    result = []
    for run in range(runs):
        opening = len(result)
        result.append(sample.open_run(f"R{run}", quantity=200))
        for n in range(90):
            name = f"{run}-{n}"
            result.append(sample.add(1, f"R{run}") | {
                4: name, 5: sample.digest(f"k{name}"), 6: sample.digest(f"c{name}"), 7: bytes([1, run, n]),
            })
        result.append(sample.seal(opening, 90, run=f"R{run}"))
    return result


def delta(files: dict[str, bytes], size: int, base: int) -> dict[str, bytes]:
    result = {path: octets for path, octets in files.items() if not path.startswith(("tile/", "index/"))}
    for path, start, width in tree.tiles("entries", size):
        if start + width > base // tree.WIDTH * tree.WIDTH:
            result[path] = files[path]
    return result


class Applying(unittest.TestCase):
    def setUp(self):
        self.files = sample.bundle(log(6))
        self.size = len(log(6)) + 1

    def code(self, base: dict | None, files: dict) -> str:
        try:
            found = deltas.apply(Files(base) if base is not None else None, Files(files), PINS, False, None)
            verifier.verify(found, PINS)
        except Refused as refused:
            return refused.code
        return "ok"

    def test_from_nothing(self):
        whole = delta(self.files, self.size, 0)
        found = deltas.apply(None, Files(whole), PINS, False, None)
        self.assertEqual(found.members, self.files)

    def test_nothing_new(self):
        self.assertEqual(self.code(self.files, delta(self.files, self.size, self.size)), "ok")

    def test_another_history(self):
        other = sample.bundle(log(5))  # Its last entry is a state where the longer one has an open-run.
        self.assertEqual(self.code(other, delta(self.files, self.size, 0)), "checkpoint-fork")
        self.assertEqual(self.code(self.files, delta(other, len(log(5)) + 1, 0)), "checkpoint-fork")

    def test_a_base_beyond_the_receiver(self):
        small = sample.bundle(log(1))
        self.assertEqual(self.code(small, delta(self.files, self.size, 300)), "delta-base")

    def test_a_file_too_many(self):
        whole = delta(self.files, self.size, 0) | {"rosters/2.json": b"{}"}
        self.assertEqual(self.code(None, whole), "delta")


if __name__ == "__main__":
    unittest.main()
