"""A small bundle for the tests, written from the specification as the readers are."""

import hashlib
from datetime import datetime, timezone

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import cms
import der
import entries
import index
import keys
import tree

ORIGIN = "example.com/allowlist"
KEY = ec.derive_private_key(0x1234567, ec.SECP256R1())
SIGNED_AT = 1700000000
AUTHORISATION = b"an authorisation"


def cbor(value: object) -> bytes:
    def head(major: int, argument: int) -> bytes:
        if argument < 24:
            return bytes([major << 5 | argument])
        width = next(w for w in (1, 2, 4, 8) if argument < 1 << 8 * w)
        return bytes([major << 5 | 23 + width.bit_length()]) + argument.to_bytes(width, "big")

    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in sorted(value.items()))


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def open_run(run: str = "R", quantity: int = 5, spoilage: int = 1, **changes) -> dict:
    return {0: 1, 1: 1, 2: run, 3: "P", 4: tree.sha256(AUTHORISATION), 5: quantity, 6: spoilage, 7: digest("template"),
            8: b"issuer", 10: SIGNED_AT, 11: False, 12: 0} | changes


def add(number: int, run: str = "R") -> dict:
    return {0: 1, 1: 2, 2: run, 3: "P", 4: f"SN-{number}", 5: digest(f"key {number}"), 6: digest(f"cert {number}"),
            7: bytes([1, number]), 8: b"issuer", 9: entries.LATEST, 10: False}


def seal(opening: int, adds: int, scrapped: int = 0, run: str = "R") -> dict:
    return {0: 1, 1: 6, 2: run, 3: opening, 4: adds, 5: adds - scrapped, 6: scrapped, 7: 0, 8: tree.EMPTY, 9: 0,
            10: SIGNED_AT, 11: False}


def with_state(log: list[dict]) -> tuple[list[bytes], dict[str, bytes]]:
    """The entries, a `state` over them behind, and the two segments' files."""
    raw = [cbor(entry) for entry in log]
    decoded = [entries.decode(octets) for octets in raw]
    files, live = {}, []
    for kind in (1, 2) if raw else ():
        segment = entries.Segment(kind, 0, len(raw), 0, b"")
        found = index.records(decoded, segment)
        files[segment.path] = b"".join(found)
        root = tree.root([tree.leaf_hash(record) for record in found])
        live.append({0: kind, 1: 0, 2: len(raw), 3: len(found), 4: root})
    return [*raw, cbor({0: 1, 1: 7, 2: live})], files


def sign(octets: bytes, private: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return private.sign(octets, ec.ECDSA(hashes.SHA256()))


def spki_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


SPKI = spki_of(KEY)


def note(raw: list[bytes], signers: list[ec.EllipticCurvePrivateKey]) -> bytes:
    root = tree.root([tree.leaf_hash(entry) for entry in raw])
    text = f"{ORIGIN}\n{len(raw)}\n{keys.to_base64(root)}\n".encode()
    lines = [keys.to_base64(tree.sha256(spki_of(private))[:4] + sign(text, private)) for private in signers]
    return text + b"\n" + "".join(f"\u2014 {ORIGIN} {line}\n" for line in lines).encode()


def _sequence(*parts: bytes) -> bytes:
    return der.encode(der.SEQUENCE, b"".join(parts))


def p7s(text: bytes, private: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """The log key's detached signature."""
    ecdsa = _sequence(der.oid("1.2.840.10045.4.3.2"))
    sha = _sequence(der.oid("2.16.840.1.101.3.4.2.1"))
    number, one = der.encode(der.INTEGER, b"\5"), der.encode(der.INTEGER, b"\1")
    name = _sequence()
    time = der.encode(der.UTC_TIME, datetime.fromtimestamp(SIGNED_AT, timezone.utc).strftime("%y%m%d%H%M%SZ").encode())
    tbs = _sequence(number, ecdsa, name, _sequence(time, time), name, spki_of(private))
    certificate = _sequence(tbs, ecdsa, der.encode(der.BIT_STRING, b"\0" + sign(tbs, private)))
    attributes = b"".join(sorted(
        _sequence(kind, der.encode(der.SET, value))
        for kind, value in (
            (cms.CONTENT_TYPE, cms.DATA), (cms.SIGNING_TIME, time),
            (cms.MESSAGE_DIGEST, der.encode(der.OCTET_STRING, tree.sha256(text))),
        )
    ))
    signature = der.encode(der.OCTET_STRING, sign(der.encode(der.SET, attributes), private))
    info = _sequence(one, _sequence(name, number), sha, der.encode(0xA0, attributes), ecdsa, signature)
    return _sequence(cms.SIGNED_DATA, der.encode(0xA0, _sequence(
        one, der.encode(der.SET, sha), _sequence(cms.DATA), der.encode(0xA0, certificate), der.encode(der.SET, info),
    )))


def bundle(log: list[dict], signers: list[ec.EllipticCurvePrivateKey] | None = None) -> dict[str, bytes]:
    """All files of a bundle of these entries and a `state`."""
    signers = signers or [KEY]
    raw, files = with_state(log)
    signed = note(raw, signers)
    text = signed[: signed.index(b"\n\n") + 1]
    files |= {"checkpoint": signed, "checkpoint.txt": text, "checkpoint.p7s": p7s(text, signers[0])}
    leaves = [tree.leaf_hash(entry) for entry in raw]
    for level, hashes_ in enumerate(tree.levels(leaves)):
        for path, start, width in tree.tiles(level, len(hashes_)):
            files[path] = b"".join(hashes_[start : start + width])
    for path, start, width in tree.tiles("entries", len(raw)):
        files[path] = b"".join(len(entry).to_bytes(2, "big") + entry for entry in raw[start : start + width])
    files[f"authorisations/{tree.sha256(AUTHORISATION).hex()}.p7s"] = AUTHORISATION
    return files
