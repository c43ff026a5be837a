"""Makes and checks cosignatures (C2SP tlog-cosignature) with Python's `cryptography` and nothing of ours.

make NAME TIME    reads a note's text, prints a verifier key, the signature line and the private key in PEM
check VKEY        reads a note and prints the time of the key's cosignature, or fails
public PEMFILE    prints the base64 of a private key's public half
"""

import base64
import hashlib
import struct
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def raw(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(name, public):
    return hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]


def message(time, text):
    return b"cosignature/v1\ntime %d\n" % time + text


def make(name, time):
    text = sys.stdin.buffer.read()
    private = Ed25519PrivateKey.generate()
    public = raw(private.public_key())
    signature = key_id(name, public) + struct.pack(">Q", time) + private.sign(message(time, text))
    print(f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([4]) + public).decode()}")
    print(f"\u2014 {name} {base64.b64encode(signature).decode()}")
    print(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        end="",
    )


def check(vkey):
    name, identifier, key = vkey.split("+", 2)
    public = base64.b64decode(key)[1:]
    assert key_id(name, public).hex() == identifier
    text, lines = sys.stdin.buffer.read().rsplit(b"\n\n", 1)
    for line in lines.decode().splitlines():
        _, signer, value = line.split(" ")
        value = base64.b64decode(value)
        if signer != name or value[:4] != key_id(name, public):
            continue
        time = struct.unpack(">Q", value[4:12])[0]
        Ed25519PublicKey.from_public_bytes(public).verify(value[12:], message(time, text + b"\n"))
        print(time)
        return
    raise SystemExit("no line by this key")


def public(path):
    with open(path, "rb") as file:
        private = serialization.load_pem_private_key(file.read(), None)
    print(base64.b64encode(raw(private.public_key())).decode())


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "make":
        make(arguments[0], int(arguments[1]))
    else:
        {"check": check, "public": public}[command](arguments[0])
