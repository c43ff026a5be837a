"""Which members a line of each type has: the specification's tables."""

from .kinds import (
    Kind, count, digest, flag, hexadecimal, list_of, map_of, nullable, octets, one_of, public_key, record, text,
    time, values,
)
from .refusal import Fault

_names = list_of(text)
_people = list_of(record({"name": text, "role": text}))
_objects = list_of(record({"kind": text, "label": text, "keyID": hexadecimal}))
_attributes = list_of(record({"name": text, "flag": nullable(flag)}))
_probes = list_of(record({"attempt": text, "tokenAnswer": text}))
_credential_token = record({"serial": text, "tokenLabel": text})

statement = record({
    "version": count, "origin": text, "rehearsal": flag, "previous": nullable(digest),
    "members": list_of(record({
        "name": text, "roles": _names, "signingKey": octets, "shareKey": octets, "token": _credential_token,
    })),
    "conflicts": list_of(list_of(text, 2)),
    "quorums": record({"roster": count, "approval": count, "recovery": count}),
})
roster = record({"statement": statement, "signatures": list_of(record({"name": text, "signature": octets}))})

_begin = {
    "version": count, "tool": text, "ceremony": text, "rehearsal": flag, "origin": text, "sequence": count,
    "previous": nullable(record({"ceremony": text, "head": digest})),
    "after": nullable(record({"ceremony": text, "head": digest, "scriptDigest": digest, "differences": _names})),
    "script": record({"id": text, "kind": text, "title": text, "cp": text, "approval?": text, "digest": digest}),
    "roles": map_of(count),
    "conflicts": list_of(list_of(text, 2)),
    "quorum?": record({"role": text, "needed": count}),
    "steps": list_of(record({
        "id": text, "do": text, "actor": text, "witnesses": _names, "irreversible": flag, "minutes": count,
    })),
    "tokens": list_of(record({
        "name": text, "tokenLabel": text, "serial": text, "activation": text, "moduleDigest": digest,
    })),
    "participants": list_of(record({"name": text, "roles": _names, "publicKey?": octets})),
    "rosters": list_of(roster),
}

_read_out = {
    "step": text, "of": one_of("head", "key", "certificate", "crl", "roster"), "subject?": text, "value": digest,
}

TYPES: dict[str, dict[str, Kind]] = {
    "begin": _begin,
    "step": {"step": text, "do": text, "attempt": count, "actors": _people, "witnesses": _people},
    "done": {"step": text, "seconds": count},
    "sign-off": {"step": text, "role": text, "name": text, "signature": octets},
    "answer": {"step": text, "answer": text, "by": text, "bag?": text},
    "read-out": _read_out,
    "compare": _read_out | {"takenDown": text},
    "inventory": {"step": text, "token": text, "objects": _objects},
    "printed": {"step": text, "what": text, "fileDigest": digest},
    "exception": {
        "step": text, "number": count, "expected": text, "happened": text, "decision": text, "by": text,
    },
    "break": {"step": text, "by": text, "reason": text},
    "back": {"step": text, "seconds": count},
    "stopped": {"step": text, "code": text, "message": text},
    "resumed": {"discarded": count, "tool": text},
    "abandoned": {"step": text, "reason": text, "by": text},
    "closing": {
        "step": text, "artefacts": list_of(record({"path": text, "fileDigest": digest})),
        "exceptions": count, "interruptions": count,
        "inventories": list_of(record({"token": text, "before": digest, "after": digest})),
    },
    "shares": {
        "step": text, "token": text, "set": hexadecimal, "needed": count,
        "holders": list_of(record({"name": text, "fileDigest?": digest})), "delivery": one_of("credential", "screen"),
        "groupsNeeded?": count, "groups?": list_of(record({"needed": count, "holders": count})),
    },
    "share-read-back": {"step": text, "set": hexadecimal, "name": text},
    "quorums-tested": {"step": text, "set": hexadecimal, "count": count},
    "share-presented": {"step": text, "set": hexadecimal, "name": text},
}

_opened_token = record({
    "name": text, "tokenLabel": text, "serial": text, "manufacturer": text, "model": text, "firmware": text,
    "hardware": text, "activation": text, "certification": text, "mode": text,
    "library": record({"manufacturer": text, "description": text, "version": text, "cryptoki": text}),
})

INTENT: dict[str, dict[str, Kind]] = {
    "login": {"token": text},
    "set-activation": {"token": text, "set": hexadecimal, "needed": count, "holders": _names},
    "generate-key": {
        "token": text, "label": text, "keyType": text, "keyID": hexadecimal, "backup": text, "sessionCopies": flag,
        "objects": _objects,
    },
    "test-signature": {"label": text},
    "sign-certificate": {
        "subjectKey": text, "issuerKey": text, "issuerCertificate?": octets, "template": text,
        "templateDigest": digest, "values": values, "certificateSerial": hexadecimal, "notBefore": time,
        "toBeSigned": octets, "toBeSignedDigest": digest,
    },
    "sign-crl": {
        "issuerKey": text, "issuerCertificate": octets, "number": count, "previousNumber?": count,
        "thisUpdate": time, "nextUpdate": time,
        "revoked": list_of(record({"certificateSerial": hexadecimal, "revokedAt": time, "reason": text})),
        "toBeSigned": octets, "toBeSignedDigest": digest,
    },
    "wrap": {
        "token": text, "label": text, "to": text, "keyID": hexadecimal, "subjectPublicKeyInfo": public_key,
        "wrappingKey": digest,
    },
    "unwrap": {"token": text, "label": text, "keyID": hexadecimal, "fileDigest": digest},
    "destroy": {
        "token": text, "label": text, "keyID": hexadecimal, "subjectPublicKeyInfo": public_key,
        "copies": list_of(record({"where": text, "disposition": text})),
    },
    "enrol-credential": {"name": text, "token": _credential_token, "keyIDs": list_of(hexadecimal, 2)},
    "sign-roster": {"statement": statement},
}

# An effect that is missing here has no `effect` line.
EFFECT: dict[str, dict[str, Kind]] = {
    "set-activation": {"token": text, "set": hexadecimal, "recovered?": flag},
    "generate-key": {"label": text, "keyID": hexadecimal, "subjectPublicKeyInfo": public_key, "recovered?": flag},
    "sign-certificate": {"toBeSignedDigest": digest, "signature": octets},
    "sign-crl": {"toBeSignedDigest": digest, "signature": octets},
    "wrap": {"label": text, "wrappedKey": octets, "wrappedTransportKey": octets, "mechanism": text},
    "unwrap": {"label": text, "keyID": hexadecimal, "subjectPublicKeyInfo": public_key, "recovered?": flag},
    "destroy": {"label": text, "recovered?": flag},
    "enrol-credential": {"name": text, "signingKey": octets, "shareKey": octets, "recovered?": flag},
}

OBSERVED: dict[str, dict[str, Kind]] = {
    "login": {
        "token": _opened_token, "moduleDigest": digest, "opened": one_of("pin-source", "initial-pin", "quorum"),
        "holders": _names,
    },
    "set-activation": {"token": text, "set": hexadecimal, "answer": text},
    "generate-key": {
        "label": text, "attributes": _attributes, "probes": _probes, "testSignature": text, "attestation": text,
    },
    "test-signature": {"label": text, "attributes": _attributes, "testSignature": text},
    "sign-certificate": {
        "certificate": octets, "certificateDigest": digest, "toBeSignedDigest": digest, "notBefore": time,
        "notAfter": time, "subject": text, "verification": text,
    },
    "sign-crl": {
        "crl": octets, "crlDigest": digest, "toBeSignedDigest": digest, "number": count, "verification": text,
    },
    "wrap": {"label": text, "fileDigest": digest, "path": text},
    "unwrap": {
        "label": text, "attributes": _attributes, "testSignature": text, "policy": one_of("restored"),
    },
    "destroy": {"label": text, "objects": _objects},
    "enrol-credential": {"name": text, "attributes": _attributes, "probes": _probes},
    "sign-roster": {"roster": roster, "rosterDigest": digest},
}

_COMMON: dict[str, Kind] = {"type": text, "time": time, "prev": digest}
_EFFECTS = {"intent": INTENT, "effect": EFFECT, "observed": OBSERVED}

_records = {(name, None): record(_COMMON | members) for name, members in TYPES.items()} | {
    (name, effect): record(_COMMON | {"step": text, "effect": text} | members)
    for name, table in _EFFECTS.items()
    for effect, members in table.items()
}


def check_members(line: dict) -> None:
    """Fault `form` unless the line has exactly the members of its type, each of its kind."""
    for name in ("type", "time", "prev"):
        if name not in line:
            raise Fault("form", f"the line lacks `{name}`")
    text(line["type"], "type")
    effect = None
    if line["type"] in _EFFECTS:
        text(line.get("effect"), "effect")
        effect = line["effect"]
    check = _records.get((line["type"], effect))
    if check is None:
        raise Fault("form", f"no line has the type {line['type']}" + (f" of the effect {effect}" if effect else ""))
    check(line, "line")
