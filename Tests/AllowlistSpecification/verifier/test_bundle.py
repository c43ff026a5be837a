"""A small bundle, and what is refused of it."""

import unittest

import sample
import verifier
from archive import Files
from pins import Pins
from refusal import Refused

LOG = [sample.open_run(), sample.add(1), sample.add(2), {0: 1, 1: 4, 2: 1, 3: "broken", 4: 1}, sample.seal(0, 2, 1)]
PINS = Pins(sample.ORIGIN, sample.SPKI)


def code(files: dict[str, bytes], pins: Pins = PINS, **more) -> str:
    try:
        verifier.verify(Files(files), pins, **more)
    except Refused as refused:
        return refused.code
    return "ok"


class Bundle(unittest.TestCase):
    def setUp(self):
        self.files = sample.bundle(LOG)

    def test_in_order(self):
        verified = verifier.verify(Files(self.files), PINS)
        self.assertEqual(verified.summary()["runs"][0]["released"], 1)
        self.assertEqual(verified.summary()["entries"]["add"], 2)

    def test_every_file_is_needed(self):
        for path in self.files:
            with self.subTest(path):
                without = {other: octets for other, octets in self.files.items() if other != path}
                self.assertEqual(code(without), "file-missing")

    def test_no_bit_of_any_file_may_differ(self):
        for path, octets in self.files.items():
            for at in range(0, len(octets), 7):
                changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
                with self.subTest(path, at=at):
                    self.assertNotEqual(code(self.files | {path: changed}), "ok")

    def test_two_levels_of_tiles(self):
        log = [sample.open_run(quantity=700)]
        log += [
            sample.add(1)
            | {4: f"S{n}", 5: sample.digest(f"k{n}"), 6: sample.digest(f"c{n}"), 7: n.to_bytes(2, "big")}
            for n in range(1, 600)
        ]
        files = sample.bundle([*log, sample.seal(0, 599)])
        self.assertEqual(code(files), "ok")
        self.assertEqual(code(files | {"tile/1/000.p/2": bytes(64)}), "tile-mismatch")

    def test_the_books(self):
        again = sample.add(3)
        for name, log, refused in (
            ("quantity", [sample.open_run(quantity=1), sample.add(1), sample.add(2)], "quantity"),
            ("serial twice", [sample.open_run(), sample.add(1), again | {4: "SN-1"}], "duplicate"),
            ("key twice", [sample.open_run(), sample.add(1), again | {5: sample.digest("key 1")}], "duplicate"),
            ("no run", [sample.add(1)], "run"),
        ):
            with self.subTest(name):
                self.assertEqual(code(sample.bundle(log)), refused)


if __name__ == "__main__":
    unittest.main()
