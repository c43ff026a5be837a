"""A roster, its signatures, and its descent from the one before."""

from . import canonical
from .kinds import octets_of
from .refusal import require
from .signatures import p256_key, roster_message, why_not


def check_descent(document: dict, before: dict | None, origin: str, rehearsal: bool) -> None:
    """Fault `roster` unless the document is a first roster, or the right successor of `before`."""
    statement = document["statement"]
    _check_statement(statement, origin, rehearsal)
    version = statement["version"]
    if before is None:
        require(version == 1, "roster", f"the first roster has version {version}, not 1")
        require(statement["previous"] is None, "roster", "version 1 of the roster names a previous one")
    else:
        expected = before["statement"]["version"] + 1
        require(version == expected, "roster", f"roster version {version} stands where {expected} belongs")
        require(
            statement["previous"] == canonical.digest(before), "roster",
            f"roster version {version} does not name the one before by its digest",
        )
    _check_signatures(document, before, rehearsal)


def _check_statement(statement: dict, origin: str, rehearsal: bool) -> None:
    require(statement["origin"] == origin, "roster", "the roster is for another origin")
    require(statement["rehearsal"] == rehearsal, "roster", "the roster and the ceremony differ on `rehearsal`")
    members = statement["members"]
    names = [member["name"] for member in members]
    keys = [member[kind] for member in members for kind in ("signingKey", "shareKey")]
    require(len(set(names)) == len(names), "roster", "two members of the roster have one name")
    require(len(set(keys)) == len(keys), "roster", "a key stands twice in the roster")
    for member in members:
        for first, second in statement["conflicts"]:
            require(
                not {first, second} <= set(member["roles"]), "roster",
                f"{member['name']} holds {first} and {second}, which conflict",
            )


def _check_signatures(document: dict, before: dict | None, rehearsal: bool) -> None:
    statement = document["statement"]
    new_keys = {member["name"]: member["signingKey"] for member in statement["members"]}
    old_keys = {m["name"]: m["signingKey"] for m in before["statement"]["members"]} if before else {}
    message = roster_message(statement, rehearsal)
    # Name: the key that the signature verifies with.
    signed: dict[str, str] = {}
    for entry in document["signatures"]:
        name = entry["name"]
        require(name not in signed, "roster", f"{name} signs the roster twice")
        candidates = [keys[name] for keys in (new_keys, old_keys) if name in keys]
        require(candidates, "roster", f"{name} signs the roster and is no member")
        answers = {key: _why_not(key, entry["signature"], message) for key in candidates}
        verified = [key for key, answer in answers.items() if answer is None]
        require(verified, "roster", f"{name}, roster: {next(iter(answers.values()))}")
        signed[name] = verified[0]
    for name, key in new_keys.items():
        if old_keys.get(name) != key:
            require(signed.get(name) == key, "roster", f"{name} is new in the roster and has not signed it")
    if before is None:
        witnesses = [m["name"] for m in statement["members"] if "external-witness" in m["roles"]]
        require(witnesses, "roster", "no member of the first roster is an external-witness")
    else:
        needed = before["statement"]["quorums"]["roster"]
        given = sum(signed.get(name) == key for name, key in old_keys.items())
        require(given >= needed, "roster", f"{given} members of the roster before have signed, {needed} are needed")


def _why_not(key: str, signature: str, message: bytes) -> str | None:
    try:
        return why_not(p256_key(octets_of(key, "signingKey")), octets_of(signature, "signature"), message)
    except ValueError:
        return "the key is no P-256 SubjectPublicKeyInfo in DER"
