"""Receipts, proofs of absence and lookups; the examples are those of Receipts and Privacy."""

import unittest

import absence
import keys
import lookup
import receipts
import sample
from archive import Files
from pins import Pins
from refusal import Refused

KEY = keys.from_base64(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZwu24jYLSxGBHXcDwOJhWE8qUGsYYCdB0zjnkFgD7oIAL9qcqgcdtzGeULGTggqcgpz0HozOBtT/xRaJ"
    "aaSW6g=="
)
PINS = Pins("example.com/allowlist", KEY)
RECEIPT = """c2sp.org/tlog-proof@v1
extra qwABAQICY1ItMQNkcHVtcARkU04tMgVYIGc67rCM+7ALkeXjxgtboxiW1VtSKxvi3MsGRaWbrod1BlggExE+CE/a0yiXFzy7/TfXW2PazjUk/pdJCShvrkVdrTAHUHSc4yhvNJxoJXLi7fIcKtUIVKGhoaGhoaGhoaGhoaGhoaGhoaGhCRsAAAA6//RBfwr0
index 2
oHrco8XjcuHg2wYyXPonHjpPupUb8OgQcJPzANF5l3A=
ADLqXyX0oe0PcDA2IOvN4uw00VSwutHPrKu1Ub6xVi0=
2NOTM6OqJDKUJpDIeT53+vDXwHzwjsOgT+lGLwPClLw=

example.com/allowlist
5
lU4Ifds+dFx8ehDoL+aJTNoRqQosFXvFmP/E0TgNeHM=

\u2014 example.com/allowlist VT3XLzBEAiAqitxIKLF/k8a9jkfmZ6lWftkmAnHdxHq250ZkwjJETwIgMmyjy54Ll96D0zw3hi2A4d3M4og42WHLX3HGGbT+1dA=
""".encode()
ABSENCE = b'{"checkpoint":"ZXhhbXBsZS5jb20vYWxsb3dsaXN0CjUKbFU0SWZkcytkRng4ZWhEb0wrYUpUTm9ScVFvc0ZYdkZtUC9FMFRnTmVITT0KCuKAlCBleGFtcGxlLmNvbS9hbGxvd2xpc3QgVlQzWEx6QkVBaUFxaXR4SUtMRi9rOGE5amtmbVo2bFdmdGttQW5IZHhIcTI1MFprd2pKRVR3SWdNbXlqeTU0TGw5NkQwenczaGkyQTRkM000b2c0MldITFgzSEdHYlQrMWRBPQo=","format":"rootline/absence/v1","kind":"serial","run":{"entry":"rAABAQECY1ItMQNkcHVtcARYIMa1JP+Yj7k5yAi8hIFvRJwGyrEToGIQ2+xydfN7vWbSBRkD6AYKB1ggrHI2ilhqGMGQiDk1c84DB0uOik2MIa3YcprxiQpAflIIVKGhoaGhoaGhoaGhoaGhoaGhoaGhChplU/EAC/QMAA==","index":0,"path":["eyuVBQILhEyM5YsPnIHnirOZbroBToEDp0yCcvbW3cw=","ZL18YDycuKVwbfL92+Ecm3gy4N+9GjKPuXsCtjn6xS4=","2NOTM6OqJDKUJpDIeT53+vDXwHzwjsOgT+lGLwPClLw="]},"segments":[{"after":{"path":["7Z0RYdKo5i0dQZyQUuQvJTJdB9V8uXZQaH8oZPVjAnk=","5U6Pjc1NQ2z/3GJJBxVvvPbRFH9L+bqCme+/f9Scg/M="],"record":"TAWn/9cQcNDibcrik9aJRR2riNtS9gDIA09Mw3n/yycAAAAAAAAAAg=="},"position":0}],"serial":"SN-9","state":{"entry":"owABAQcCgqUAAQEAAgQDAwRYIBp4b/3WUkYkk+yEBmTcUbFIOo9M3+EGWg9PKwEah5UipQACAQACBAMDBFggAKU4uUeiMtEbBa6k+p3tGnsX54ROLONHzBHxv/wvhso=","path":["zOYokm8wFalOG/0BjPLsAPmezdtx8uN+cZqtI3yR04w="]}}'


def device(**members) -> lookup.Question:
    return lookup.Question(**members)


class Examples(unittest.TestCase):
    def refused(self, code: str, function, *arguments):
        with self.assertRaises(Refused) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.code, code)

    def test_the_receipt(self):
        self.assertEqual(len(RECEIPT), 563)
        key = bytes.fromhex("673aeeb08cfbb00b91e5e3c60b5ba31896d55b522b1be2dccb0645a59bae8775")
        certificate = bytes.fromhex("13113e084fdad32897173cbbfd37d75b63dace3524fe974909286fae455dad30")
        found = receipts.verify(RECEIPT, PINS, device(key=key, certificate=certificate, serial="SN-2"))
        self.assertEqual(found, {"status": "listed", "entryIndex": 2, "keyChecked": True})
        self.refused("receipt-device", receipts.verify, RECEIPT, PINS, device(key=bytes(32)))
        self.refused("receipt-proof", receipts.verify, RECEIPT.replace(b"index 2", b"index 3"), PINS, device())
        self.refused("receipt-malformed", receipts.verify, RECEIPT.replace(b"index 2", b"index 02"), PINS, device())

    def test_the_proof_of_absence(self):
        found = absence.verify(ABSENCE, PINS, device(serial="SN-9"))
        self.assertEqual(found, {"status": "not-listed", "keyChecked": True})
        self.refused("receipt-device", absence.verify, ABSENCE, PINS, device(serial="SN-8"))
        self.refused("absence-proof", absence.verify, ABSENCE.replace(b'"SN-9"', b'"SN-2"'), PINS, device())
        self.refused("absence-malformed", absence.verify, ABSENCE + b"\n", PINS, device())

    def test_no_octet_may_differ(self):
        for octets, verify in ((RECEIPT, receipts.verify), (ABSENCE, absence.verify)):
            for at in range(len(octets)):
                changed = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
                with self.subTest(verify.__module__, at=at), self.assertRaises(Refused):
                    verify(changed, PINS, device(serial="SN-2" if octets is RECEIPT else "SN-9"))

    def test_the_hashed_serial(self):
        self.assertEqual(
            lookup.hashed(bytes(range(32)), "S").hex(), "9b4c579714bec0b104e4973b855e23f6536e15142cf4127d7af8fd59f178d0c7"
        )


class Lookups(unittest.TestCase):
    def test_states(self):
        log = [
            sample.open_run(), *(sample.add(n) for n in range(1, 5)), {0: 1, 1: 3, 2: "R", 3: 1, 4: 1, 5: 2},
            {0: 1, 1: 4, 2: 3, 3: "broken", 4: 1}, {0: 1, 1: 5, 2: 3, 3: 4, 4: "anew", 5: 1},
        ]
        opened = lookup.Opened(Files(sample.bundle(log)), Pins(sample.ORIGIN, sample.SPKI), False, None)
        for number, status in ((1, "listed"), (2, "revoked"), (3, "replaced"), (4, "listed"), (9, "not-listed")):
            asked = device(serial=f"SN-{number}", key=sample.digest(f"key {number}"))
            self.assertEqual(opened.look_up(asked)["status"], status)
        self.assertEqual(opened.look_up(device(serial="SN-1", key=bytes(32)))["status"], "not-listed")


if __name__ == "__main__":
    unittest.main()
