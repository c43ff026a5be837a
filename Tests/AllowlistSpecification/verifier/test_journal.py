"""Journals."""

import unittest

import canonical
import journal
import keys
import sample
import tree
from refusal import Refused

NOTE = sample.note([b"entry"], [sample.KEY])
ROOT = tree.leaf_hash(b"entry").hex()
LINES = [
    {"kind": "begin", "version": 1, "origin": sample.ORIGIN, "pins": "00" * 32, "library": "test 1"},
    {"kind": "checkpoint", "note": keys.to_base64(NOTE), "verified": "full"},
    {"kind": "decision", "serial": "S", "status": "listed", "keyChecked": True, "entry": 0, "size": 1, "root": ROOT,
     "accepted": True},
    {"kind": "repaired", "bytes": 3, "sha256": "00" * 32},
]


def written(lines: list[dict]) -> bytes:
    octets, prev = b"", "0" * 64
    for line in lines:
        encoded = canonical.encode({"prev": prev, "time": 1} | line)
        octets, prev = octets + encoded + b"\n", tree.sha256(encoded).hex()
    return octets


class Journals(unittest.TestCase):
    def code(self, octets: bytes, **pinned) -> str:
        try:
            journal.check(octets, **pinned)
        except Refused as refused:
            return refused.code
        return "ok"

    def test_checking(self):
        octets = written(LINES)
        self.assertEqual(self.code(octets, origin=sample.ORIGIN, log_key=sample.SPKI), "ok")
        self.assertEqual(journal.check(octets + b"{").unfinished, 1)
        head = journal.check(octets).head
        self.assertEqual(self.code(octets, kept_head=head), "ok")
        cut = written(LINES[:-1])
        for expected, changed, pinned in (
            ("journal-cut", cut, {"kept_head": head}),
            ("journal-malformed", written(LINES[1:]), {}),
            ("journal-malformed", octets.replace(b'"time"', b' "time"'), {}),
            ("journal-malformed", written([*LINES, LINES[3] | {"more": 1}]), {}),
            ("journal-chain", octets.replace(b'"time":1', b'"time":2', 1), {}),
            ("journal-pins", octets, {"origin": "other"}),
            ("journal-pins", written([*LINES, LINES[0] | {"origin": "other"}]), {}),
            ("journal-checkpoint", written([LINES[0], LINES[2]]), {}),
        ):
            with self.subTest(expected):
                self.assertEqual(self.code(changed, **pinned), expected)


if __name__ == "__main__":
    unittest.main()
