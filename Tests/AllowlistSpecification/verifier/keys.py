"""Public keys, their signatures, and base64, each in its one form."""

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tree import sha256

# SubjectPublicKeyInfo (RFC 5480 §2) up to the uncompressed point, by curve.
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_P384 = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")
# The order of each curve's group (SP 800-186 §3.2.1).
ORDER = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
}


def curve(spki: bytes) -> str | None:
    """`P-256` or `P-384` of a SubjectPublicKeyInfo with uncompressed point on the curve, None of anything else."""
    for name, prefix, length in (("P-256", _P256, 64), ("P-384", _P384, 96)):
        if spki.startswith(prefix) and len(spki) == len(prefix) + length:
            try:
                load_der_public_key(spki)
            except ValueError:
                return None
            return name
    return None


def ecdsa_verifies(spki: bytes, signature: bytes, message: bytes, low: bool = False) -> bool:
    """ECDSA with the hash of the key's curve, the Ecdsa-Sig-Value in DER; with `low` only where s <= n/2."""
    name = curve(spki)
    if name is None:
        return False
    try:
        r, s = decode_dss_signature(signature)
        if encode_dss_signature(r, s) != signature or (low and s > ORDER[name] // 2):
            return False
        digest = hashes.SHA256() if name == "P-256" else hashes.SHA384()
        load_der_public_key(spki).verify(signature, message, ec.ECDSA(digest))
    except (ValueError, InvalidSignature):
        return False
    return True


def ed25519_verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (ValueError, InvalidSignature):
        return False
    return True


def from_base64(text: str) -> bytes:
    """RFC 4648 §4, padded, no stray bits, no white space. ValueError otherwise."""
    octets = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(octets).decode() != text:
        raise ValueError("base64 in another form")
    return octets


def to_base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def verifier_key(text: str, kind: int) -> tuple[str, bytes, bytes]:
    """Name, key id and public key of a C2SP verifier key `name+id+key` of this type. ValueError otherwise."""
    name, identifier, encoded = text.split("+", 2)
    octets = from_base64(encoded)
    if len(octets) != 33 or octets[0] != kind:
        raise ValueError(f"not a verifier key of type {kind:#04x}")
    key_id = sha256(name.encode() + b"\n" + octets)[:4]
    if key_id.hex() != identifier:
        raise ValueError("the verifier key has another id")
    if not is_name(name):
        raise ValueError("not a key name")
    return name, key_id, octets[1:]


def is_name(name: str) -> bool:
    """C2SP signed-note: not empty, no space and no plus; here no control character either."""
    return bool(name) and "+" not in name and not any(
        character.isspace() or ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in name
    )


def check_low(signature: bytes, name: str) -> None:
    """ValueError unless the signature is an ECDSA-Sig-Value in DER with 0 < r < n and 0 < s <= n/2 for this curve."""
    r, s = decode_dss_signature(signature)
    if encode_dss_signature(r, s) != signature or not (0 < r < ORDER[name] and 0 < s <= ORDER[name] // 2):
        raise ValueError("not an ECDSA-Sig-Value in its one form")
