"""A roster, and what its members and a countersigner sign, for the tests."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

import canonical
import cms
import der
import keys
import sample
from tree import sha256

NAMES = ("Ada", "Bob", "Cid")
TIME = der.encode(der.UTC_TIME, b"231114221320Z")
_ECDSA = der.encode(der.SEQUENCE, der.oid("1.2.840.10045.4.3.2"))
_SHA256 = der.encode(der.SEQUENCE, der.oid("2.16.840.1.101.3.4.2.1"))


def key(seed: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(seed, ec.SECP256R1())


spki = sample.spki_of


MEMBERS = {name: key(1000 + number) for number, name in enumerate(NAMES)}
AUTHORITY, ISSUER = key(2000), key(3000)


def sign(private: ec.EllipticCurvePrivateKey, octets: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(octets, ec.ECDSA(hashes.SHA256())))
    return encode_dss_signature(r, min(s, keys.ORDER["P-256"] - s))


def roster(version: int = 1, previous: str | None = None, signers: tuple[str, ...] = NAMES) -> bytes:
    statement = {
        "version": version, "origin": "site", "rehearsal": False, "previous": previous,
        "members": [
            {"name": name, "roles": ["share-holder"] + (["external-witness"] if name == "Cid" else []),
             "signingKey": keys.to_base64(spki(private)), "shareKey": keys.to_base64(spki(key(4000 + number))),
             "token": {"serial": "1", "tokenLabel": name}}
            for number, (name, private) in enumerate(MEMBERS.items())
        ],
        "conflicts": [["ceremony-administrator", "share-holder"]],
        "quorums": {"roster": 2, "approval": 2, "recovery": 2},
    }
    message = b"rootline/roster/v1\n" + canonical.encode(statement)
    return canonical.encode({
        "statement": statement,
        "signatures": [{"name": n, "signature": keys.to_base64(sign(MEMBERS[n], message))} for n in signers],
    })


def _signer(private: ec.EllipticCurvePrivateKey, content: bytes, approvals: bytes | None) -> bytes:
    values = [
        (cms.CONTENT_TYPE, cms.DATA), (cms.SIGNING_TIME, TIME),
        (cms.MESSAGE_DIGEST, der.encode(der.OCTET_STRING, sha256(content))),
    ]
    if approvals is not None:
        values.append((cms.APPROVALS, der.encode(der.OCTET_STRING, approvals)))
    attributes = b"".join(_set(der.encode(der.SEQUENCE, kind + der.encode(der.SET, value)) for kind, value in values))
    return der.encode(der.SEQUENCE, b"".join([
        der.encode(der.INTEGER, b"\3"), der.encode(0x80, sha256(spki(private))), _SHA256, der.encode(0xA0, attributes),
        _ECDSA, der.encode(der.OCTET_STRING, sign(private, der.encode(der.SET, attributes))),
    ]))


def _set(elements) -> list[bytes]:
    return sorted(elements)


def message(statement: dict, approvers: tuple[str, ...], countersigner: ec.EllipticCurvePrivateKey | None) -> bytes:
    content = canonical.encode(statement)
    infos = _set(_signer(MEMBERS[name], content, None) for name in approvers)
    if countersigner:
        over = sha256(der.encode(der.SET, b"".join(infos)))
        infos = _set([*infos, _signer(countersigner, content, over)])
    encapsulated = der.encode(der.SEQUENCE, cms.DATA + der.encode(0xA0, der.encode(der.OCTET_STRING, content)))
    signed = der.encode(der.SEQUENCE, b"".join([
        der.encode(der.INTEGER, b"\3"), der.encode(der.SET, _SHA256), encapsulated,
        der.encode(der.SET, b"".join(infos)),
    ]))
    return der.encode(der.SEQUENCE, cms.SIGNED_DATA + der.encode(0xA0, signed))


def certificate(public: bytes, identifier: bytes) -> bytes:
    """PEM of a certificate that only brings a key and its identifier."""
    empty = der.encode(der.SEQUENCE, b"")
    extension = der.encode(der.SEQUENCE, cms.SUBJECT_KEY_IDENTIFIER + der.encode(
        der.OCTET_STRING, der.encode(der.OCTET_STRING, identifier)))
    tbs = der.encode(der.SEQUENCE, b"".join([
        der.encode(0xA0, der.encode(der.INTEGER, b"\2")), der.encode(der.INTEGER, b"\1"), _ECDSA, empty,
        der.encode(der.SEQUENCE, TIME + TIME), empty, public,
        der.encode(0xA3, der.encode(der.SEQUENCE, extension)),
    ]))
    octets = der.encode(der.SEQUENCE, tbs + _ECDSA + der.encode(der.BIT_STRING, b"\0unsigned"))
    return f"-----BEGIN CERTIFICATE-----\n{keys.to_base64(octets)}\n-----END CERTIFICATE-----\n".encode()


def authorisation(opening: dict, **changes) -> dict:
    return {
        "type": "rootline/authorisation/v1", "run": opening[2], "product": opening[3], "manifest": "00" * 32,
        "template": opening[7].hex(), "issuer": sha256(spki(ISSUER)).hex(), "station": None, "quantity": opening[5],
        "spoilage": opening[6], "notBefore": 0, "notAfter": opening[10], "nonce": "00" * 16, "origin": sample.ORIGIN,
        "treeSize": 0, "rootHash": sha256(b"").hex(), "roster": sha256(roster_1()).hex(), "approvals": 2,
        "authority": sha256(spki(AUTHORITY)).hex(),
    } | changes


_kept: list[bytes] = []


def roster_1() -> bytes:
    """Version 1, always with the same signatures."""
    if not _kept:
        _kept.append(roster())
    return _kept[0]
