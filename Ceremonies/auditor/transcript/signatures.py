"""P-256 keys and their signatures, which have one encoding each."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from . import canonical

# The order of the group of P-256 (SP 800-186 §3.2.1.3).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# A SubjectPublicKeyInfo of a P-256 key up to its uncompressed point (RFC 5480 §2).
_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def p256_key(octets: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a SubjectPublicKeyInfo. ValueError unless it is P-256 in its one DER form, on the curve."""
    if len(octets) != len(_PREFIX) + 64 or not octets.startswith(_PREFIX):
        raise ValueError("not a P-256 SubjectPublicKeyInfo with an uncompressed point")
    key = load_der_public_key(octets)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a P-256 key")
    return key


def why_not(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> str | None:
    """None where the signature verifies and has the one form that counts, otherwise what is wrong."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return "the signature is not an ECDSA-Sig-Value in DER"
    if not (0 < r < ORDER and 0 < s < ORDER):
        return "the signature is out of range"
    if encode_dss_signature(r, s) != signature:
        return "the signature has not the smallest encoding"
    if s > ORDER // 2:
        return "the signature's s is above n/2"
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return "the signature does not verify"
    return None


def sign_off_message(line: dict, rehearsal: bool) -> bytes:
    """What a sign-off line's signature is over."""
    tag = "rootline/rehearsal/v1" if rehearsal else "rootline/transcript/v1"
    statement = {name: line[name] for name in ("name", "role", "step", "time")} | {"head": line["prev"]}
    return tag.encode() + b"\n" + canonical.encode(statement)


def roster_message(statement: dict, rehearsal: bool) -> bytes:
    """What the signatures below a roster's statement are over."""
    tag = "rootline/rehearsal-roster/v1" if rehearsal else "rootline/roster/v1"
    return tag.encode() + b"\n" + canonical.encode(statement)


def sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()
