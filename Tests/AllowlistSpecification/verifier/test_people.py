"""Rosters, approvals and rotations."""

import unittest

import keys
import sample
import sample_people as people
import tree
import verifier
from archive import Files
from pins import Pins
from refusal import Refused
from tree import sha256

PINS = Pins(sample.ORIGIN, sample.SPKI, roster=sha256(people.roster_1()).hex())


class People(unittest.TestCase):
    def code(self, files: dict[str, bytes], pins: Pins = PINS) -> str:
        try:
            return verifier.verify(Files(files), pins).authorised
        except Refused as refused:
            return refused.code

    def bundle(self, approvers: tuple = ("Ada", "Bob"), authority=people.AUTHORITY, **changes) -> dict[str, bytes]:
        opening = sample.open_run()
        message = people.message(people.authorisation(opening, **changes), approvers, authority)
        opening[4] = sha256(message)
        return sample.bundle([opening, sample.add(1), sample.seal(0, 1)]) | {
            f"authorisations/{sha256(message).hex()}.p7s": message, "rosters/1.json": people.roster_1(),
            "signers.pem": people.certificate(people.spki(people.AUTHORITY), b"a"),
            "issuers.pem": people.certificate(people.spki(people.ISSUER), b"issuer"),
        }

    def test_approved(self):
        files = self.bundle()
        self.assertEqual(self.code(files), "approved")
        self.assertEqual(self.code(files, Pins(sample.ORIGIN, sample.SPKI)), "claimed")

    def test_not_approved(self):
        for name, files in (
            ("one approver", self.bundle(("Ada",))), ("another authority", self.bundle(authority=people.key(9))),
            ("no authority", self.bundle(authority=None)), ("another quantity", self.bundle(quantity=6)),
            ("another quorum", self.bundle(("Ada",), approvals=1)), ("too late", self.bundle(notAfter=5)),
            ("another issuer", self.bundle(issuer="00" * 32)), ("no signers", self.bundle() | {"signers.pem": b""}),
            ("another tree", self.bundle(rootHash="00" * 32)), ("a later tree", self.bundle(treeSize=1)),
        ):
            with self.subTest(name):
                self.assertEqual(self.code(files), "approval")

    def test_the_chain(self):
        files, one = self.bundle(), people.roster_1()
        second = people.roster(2, sha256(one).hex(), ("Ada", "Bob"))
        self.assertEqual(self.code(files | {"rosters/2.json": second}), "approved")
        for name, changed in (
            ("too few", {"rosters/2.json": people.roster(2, sha256(one).hex(), ("Ada",))}),
            ("another previous", {"rosters/2.json": people.roster(2, "00" * 32)}),
            ("not the pinned one", {"rosters/1.json": people.roster()}),
            ("not signed by all", {"rosters/1.json": people.roster(signers=("Ada", "Bob"))}),
            ("not canonical", {"rosters/1.json": one + b"\n"}),
        ):
            with self.subTest(name):
                self.assertEqual(self.code(files | changed), "roster")

    def rotated(self, planned: bool = True, both: bool = True, by_new: bool = True, message_changes=None, drop=False):
        """A log whose key is handed to the authority's stand-in, and its files."""
        old, new = sample.KEY, people.key(7777)
        raw, _ = sample.with_state([])
        statement = {
            "type": "rootline/signer-rotation/v1", "origin": sample.ORIGIN, "oldKey": sha256(sample.SPKI).hex(),
            "newKey": sha256(people.spki(new)).hex(), "newKeyInfo": keys.to_base64(people.spki(new)),
            "emergency": not planned, "treeSize": 1, "rootHash": tree.leaf_hash(raw[0]).hex(), "notBefore": 0,
            "notAfter": 9, "nonce": "00" * 16, "roster": PINS.roster, "approvals": 2,
        } | (message_changes or {})
        message = people.message(statement, ("Ada", "Cid"), old if planned else None)
        entry = {0: 1, 1: 8, 2: sample.SPKI, 3: people.spki(new), 4: not planned, 5: sha256(message), 6: 1,
                 7: tree.leaf_hash(raw[0]), 8: 5}
        state = {0: 1, 1: 7, 2: []}
        files = sample.bundle([state] if drop else [state, entry], signers=[
            private for private, wanted in ((new, by_new), (old, both)) if wanted])
        return files | {"rosters/1.json": people.roster_1(), "rotations/1.p7s": message}

    def test_rotations(self):
        for name, files, expected in (
            ("planned", self.rotated(), "approved"), ("emergency", self.rotated(False, False), "approved"),
            ("one line", self.rotated(both=False), "rotation"),
            ("the old key", self.rotated(by_new=False), "signer-rotated"),
            ("no entry", self.rotated(drop=True), "signer-future"),
            ("another origin", self.rotated(message_changes={"origin": "other"}), "rotation"),
            ("another root", self.rotated(message_changes={"rootHash": "00" * 32}), "rotation"),
        ):
            with self.subTest(name):
                self.assertEqual(self.code(files), expected)


if __name__ == "__main__":
    unittest.main()
