"""Builds small transcripts for the tests, with keys of its own."""

import base64
import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from transcript import canonical
from transcript.language import IRREVERSIBLE
from transcript.signatures import ORDER

ZERO = "0" * 64
HEAD = "the head"
START = datetime.datetime(2031, 5, 4, 10, 0, 0)
VERIFIED = "verified by OpenSSL"


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def sha(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def spki(key: object) -> str:
    return text(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def sign(key: ec.EllipticCurvePrivateKey, message: bytes, high: bool = False) -> str:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    if (s > ORDER // 2) != high:
        s = ORDER - s
    return text(encode_dss_signature(r, s))


KEYS = {name: new_key() for name in ("Ada", "Bo", "Cy", "Di", "Eve", "Ada new")}
SHARE_KEYS = {name: new_key() for name in KEYS}
ROLES = {
    "Ada": ["ceremony-administrator"], "Bo": ["crypto-officer"], "Cy": ["crypto-officer"], "Di": ["external-witness"],
}


def member(name: str, key: str | None = None, roles: list | None = None) -> dict:
    return {
        "name": name, "roles": roles or ROLES.get(name, ["crypto-officer"]), "signingKey": spki(KEYS[key or name]),
        "shareKey": spki(SHARE_KEYS[key or name]), "token": {"serial": "DENK" + name, "tokenLabel": name},
    }


def roster(
    members: list, version: int = 1, previous: dict | None = None, signers: list | None = None, quorum: int = 2,
    origin: str = "log.example", rehearsal: bool = False, **members_of_statement: object,
) -> dict:
    """Signed by `signers`, pairs of a name and a key's name; by all members where there are none given."""
    statement = {
        "version": version, "origin": origin, "rehearsal": rehearsal,
        "previous": canonical.digest(previous) if previous else None, "members": members,
        "conflicts": [["ceremony-administrator", "external-witness"]],
        "quorums": {"roster": quorum, "approval": 2, "recovery": 2},
    } | members_of_statement
    tag = "rootline/rehearsal-roster/v1\n" if rehearsal else "rootline/roster/v1\n"
    message = tag.encode() + canonical.encode(statement)
    signers = [(m["name"], m["name"]) for m in members] if signers is None else signers
    signatures = [{"name": name, "signature": sign(KEYS[key], message)} for name, key in signers]
    return {"statement": statement, "signatures": signatures}


def script_step(identifier: str, do: str, irreversible: bool = False, actor: str = "crypto-officer") -> dict:
    return {
        "id": identifier, "do": do, "actor": actor, "witnesses": ["external-witness"],
        "irreversible": irreversible or do in IRREVERSIBLE, "minutes": 3,
    }


def bound_token(name: str) -> dict:
    """What the first line binds a token to."""
    return {
        "name": name, "tokenLabel": name.capitalize(), "serial": "S" + name, "activation": "quorum",
        "moduleDigest": ZERO,
    }


class Ceremony:
    """Lines that `seal` chains and signs; a test changes them before, or the octets after."""

    def __init__(self, *steps: dict, rehearsal: bool = True, **begin: object):
        self.lines: list[dict] = []
        self.clock = START
        self.keys = dict(KEYS)
        self.rehearsal = rehearsal
        self.people = begin.pop("people", ROLES)
        roles = sorted({role for held in self.people.values() for role in held})
        closing = {
            "id": "closing", "do": "sign-off", "actor": "ceremony-administrator",
            "witnesses": ["crypto-officer", "external-witness"], "irreversible": False, "minutes": 5,
        }
        self.steps = [*steps, closing]
        self.add("begin", **({
            "version": 1, "tool": "test", "ceremony": "c1", "rehearsal": rehearsal,
            "origin": "rehearsal.invalid/test" if rehearsal else "log.example", "sequence": 1, "previous": None,
            "after": None if rehearsal else {
                "ceremony": "r1", "head": ZERO, "scriptDigest": "a" * 64, "differences": ["tokens"],
            },
            "script": {"id": "s", "kind": "generate-root", "title": "T", "cp": "CP", "digest": "a" * 64},
            "roles": {role: sum(role in held for held in self.people.values()) for role in roles},
            "conflicts": [["crypto-officer", "external-witness"]], "quorum": {"role": "crypto-officer", "needed": 2},
            "steps": self.steps,
            "tokens": [bound_token("root"), bound_token("spare")],
            "participants": [
                {"name": name, "roles": held, "publicKey": spki(KEYS[name])} for name, held in self.people.items()
            ],
            "rosters": [] if rehearsal else [roster([member(name) for name in self.people])],
        } | begin))

    @property
    def begin(self) -> dict:
        return self.lines[0]

    def add(self, kind: str, seconds: int = 1, **members: object) -> dict:
        self.clock += datetime.timedelta(seconds=seconds)
        line = {"type": kind, "time": self.clock.strftime("%Y-%m-%dT%H:%M:%SZ")} | members
        self.lines.append(line)
        return line

    def within(self, kind: str, **members: object) -> dict:
        """A line of the step that is open."""
        return self.add(kind, step=self.open["id"], **members)

    def begin_step(self, identifier: str, do: str, **more: object) -> None:
        """A step more of the script, before its last one; it is open."""
        self.steps.insert(-1, script_step(identifier, do, **more))
        self.step(identifier)

    def step(self, identifier: str, attempt: int = 1, signed: bool | None = None) -> None:
        self.open = next(step for step in self.steps if step["id"] == identifier)
        self.began = self.clock + datetime.timedelta(seconds=1)
        self.within(
            "step", do=self.open["do"], attempt=attempt, actors=self._holders([self.open["actor"]]),
            witnesses=_each_once(self._holders(self.open["witnesses"])),
        )
        if self.open["irreversible"] and self.open["do"] != "enrol" if signed is None else signed:
            self.sign_offs()

    def _holders(self, roles: list) -> list:
        return [{"name": n, "role": role} for role in roles for n, held in self.people.items() if role in held]

    def everyone(self) -> list:
        listed = self._holders([self.open["actor"]]) + self._holders(self.open["witnesses"])
        return _each_once(listed)

    def sign_offs(self, step: str | None = None) -> None:
        for person in self.everyone():
            self.add("sign-off", step=step or self.open["id"], **person)

    def done(self) -> None:
        line = self.within("done")
        line["seconds"] = int((self.clock - self.began).total_seconds())

    def read_out(self, of: str, value: str | None = None, kind: str = "read-out", **more: object) -> None:
        """Of a digest; of the head that `seal` finds where there is no value."""
        taken_down = {"takenDown": value or HEAD} if kind == "compare" else {}
        self.within(kind, of=of, value=value or HEAD, **taken_down | more)

    def exception(self, number: int = 1) -> None:
        self.within("exception", number=number, expected="e", happened="h", decision="go on", by="Bo")
        self.sign_offs(f"exception-{number}")

    def resumed(self) -> None:
        self.add("resumed", discarded=0, tool="test")

    def close(
        self, exceptions: int = 0, interruptions: int = 0, inventories: list | None = None, attempt: int = 1
    ) -> "Ceremony":
        self.step("closing", attempt)
        self.within(
            "closing", artefacts=[{"path": "certificates/root.pem", "fileDigest": ZERO}], exceptions=exceptions,
            interruptions=interruptions, inventories=inventories or [],
        )
        self.sign_offs()
        return self

    def find(self, kind: str, nth: int = 0, **members: object) -> int:
        """The number of the line."""
        found = [
            number for number, line in enumerate(self.lines, 1)
            if line["type"] == kind and all(line.get(name) == value for name, value in members.items())
        ]
        return found[nth]

    def line(self, kind: str, nth: int = 0, **members: object) -> dict:
        return self.lines[self.find(kind, nth, **members) - 1]

    def seal(self, high: bool = False) -> bytes:
        previous, sealed = ZERO, b""
        tag = b"rootline/rehearsal/v1\n" if self.rehearsal else b"rootline/transcript/v1\n"
        for line in self.lines:
            line = {"prev": previous} | {name: previous if value == HEAD else value for name, value in line.items()}
            if line["type"] == "sign-off" and "signature" not in line:
                signed = {name: line[name] for name in ("name", "role", "step", "time")} | {"head": line["prev"]}
                line["signature"] = sign(self.keys[line["name"]], tag + canonical.encode(signed), high)
            octets = canonical.encode(line)
            previous = sha(octets)
            sealed += octets + b"\n"
        return sealed


def _each_once(people: list) -> list:
    first: dict[str, dict] = {}
    for person in people:
        first.setdefault(person["name"], person)
    return list(first.values())


def attributes(backup: str = "none", copies: bool = False, **changed: object) -> list:
    wrap = backup == "wrap"
    flags = {
        "CKA_TOKEN": True, "CKA_PRIVATE": True, "CKA_SENSITIVE": True, "CKA_SIGN": True, "CKA_SIGN_RECOVER": False,
        "CKA_DECRYPT": False, "CKA_UNWRAP": False, "CKA_DERIVE": False, "CKA_LOCAL": True,
        "CKA_ALWAYS_SENSITIVE": True, "CKA_EXTRACTABLE": wrap, "CKA_NEVER_EXTRACTABLE": not wrap,
        "CKA_MODIFIABLE": copies, "CKA_COPYABLE": copies, "CKA_WRAP_WITH_TRUSTED": True if wrap else None,
    } | changed
    return [{"name": name, "flag": flag} for name, flag in flags.items()]


def restored() -> list:
    return attributes(
        CKA_LOCAL=False, CKA_ALWAYS_SENSITIVE=False, CKA_NEVER_EXTRACTABLE=False, CKA_EXTRACTABLE=True,
    )


def probes(*kinds: str) -> list:
    return [{"attempt": f"{kind} the key", "tokenAnswer": "CKR_ATTRIBUTE_SENSITIVE"} for kind in kinds]


def certificate(subject_key: object, issuer_key: object, name: str = "CA", issuer: str = "CA") -> x509.Certificate:
    def as_name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    return (
        x509.CertificateBuilder().subject_name(as_name(name)).issuer_name(as_name(issuer))
        .public_key(subject_key.public_key()).serial_number(0x1F)
        .not_valid_before(datetime.datetime(2031, 5, 4)).not_valid_after(datetime.datetime(2061, 5, 4))
        .sign(issuer_key, hashes.SHA256())
    )


def crl(issuer_key: object, number: int = 3) -> x509.CertificateRevocationList:
    revoked = (
        x509.RevokedCertificateBuilder().serial_number(0x2A).revocation_date(datetime.datetime(2031, 1, 1)).build()
    )
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .last_update(datetime.datetime(2031, 5, 4)).next_update(datetime.datetime(2031, 8, 4))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False).add_revoked_certificate(revoked)
        .sign(issuer_key, hashes.SHA256())
    )


def der(thing: object) -> bytes:
    return thing.public_bytes(Encoding.DER)
