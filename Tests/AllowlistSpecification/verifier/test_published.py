"""Values that others have published: RFC 8949, RFC 6962, C2SP, and the specification's own examples."""

import unittest

import cbor
import entries
import keys
import notes
import pins
import tree

# RFC 8949, appendix A, as far as entries may have them.
GOOD = {
    "00": 0, "17": 23, "1818": 24, "1864": 100, "1903e8": 1000, "1a000f4240": 1000000,
    "1b000000e8d4a51000": 1000000000000, "1bffffffffffffffff": 2**64 - 1, "f4": False, "f5": True, "40": b"",
    "4401020304": b"\1\2\3\4", "60": "", "6449455446": "IETF", "62225c": '"\\', "62c3bc": "\u00fc", "63e6b0b4": "\u6c34",
    "80": [], "83010203": [1, 2, 3], "a0": {}, "a201020304": {1: 2, 3: 4},
}
BAD = (
    "1800", "1817", "190018", "1900ff", "1a0000ffff", "1b00000000ffffffff", "20", "3903e7", "f6", "f7", "f0", "f818",
    "f97e00", "fb3ff199999999999a", "c074", "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "bf6161019f0203ffff",
    "a203040102", "a201020102", "a1616101", "61ff", "62c0af", "63eda080", "0000", "", "18", "44010203", "83", "ff", "1c",
)

# RFC 6962's reference tree, as the implementations of Certificate Transparency have it.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

WITNESSED = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u2014 arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u2014 arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u2014 transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u2014 witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u2014 remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u2014 witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
LOG_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESSES = [
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
]


class Published(unittest.TestCase):
    def test_rfc_8949(self):
        for octets, value in GOOD.items():
            self.assertEqual(cbor.decode(bytes.fromhex(octets)), value)
        for octets in BAD:
            with self.assertRaises(ValueError, msg=octets):
                cbor.decode(bytes.fromhex(octets))

    def test_rfc_6962(self):
        leaves = [tree.leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
        for size, root in enumerate(ROOTS, 1):
            self.assertEqual(tree.root(leaves[:size]).hex(), root)
            for first in range(1, size + 1):
                proof = tree.consistency_proof(leaves[:size], first)
                old, new = bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(root)
                self.assertTrue(tree.is_consistent(first, old, size, new, proof))
                if first < size:
                    self.assertFalse(tree.is_consistent(first, new, size, new, proof))
                    self.assertFalse(tree.is_consistent(first, old, size, new, proof + [old]))

    def test_c2sp_tiles(self):
        self.assertEqual(tree.number_path(1234067), "x001/x234/067")
        self.assertEqual(tree.number_path(5), "005")
        self.assertEqual([path for path, _, _ in tree.tiles(0, 70000)][-1], "tile/0/273.p/112")
        self.assertEqual(tree.tile_levels(70000), [(0, 70000), (1, 273), (2, 1)])

    def test_c2sp_cosignatures(self):
        note = notes.read(WITNESSED.encode())
        self.assertEqual(note.size, 1432088532)
        pinned = pins.Pins(note.origin, b"", witnesses=[keys.verifier_key(key, 4) for key in WITNESSES], quorum=4)
        notes.check_witnesses(note, pinned, None)
        self.assertEqual(note.witness_times, [1779573024] * 4)
        notes.check_ed25519(note, keys.verifier_key(LOG_KEY, 1), None)

    def test_the_example_of_an_entry(self):
        eleven = "5820" + "11" * 32
        octets = f"ab0001010202615203615004615305{eleven}06{eleven}07410108410209" + "1b0000003afff4417f0af4"
        entry = entries.decode(bytes.fromhex(octets))
        self.assertEqual((entry.kind, entry[4], entry[9]), ("add", "S", entries.LATEST))


if __name__ == "__main__":
    unittest.main()
