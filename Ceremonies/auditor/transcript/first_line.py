"""The rules of the first line."""

from . import canonical
from .kinds import octets_of
from .language import DO, IRREVERSIBLE
from .refusal import Fault, require
from .rosters import check_descent
from .signatures import p256_key

REHEARSAL_ORIGIN = "rehearsal.invalid/"


def check_first_line(begin: dict, allow_rehearsal: bool, pin: str | None) -> None:
    """Fault `begin`, `people`, `roster` or `rehearsal`, in this order."""
    _check_begin(begin)
    _check_steps(begin)
    _check_people(begin)
    _check_rosters(begin, pin)
    rehearsal, origin = begin["rehearsal"], begin["origin"]
    require(allow_rehearsal or not rehearsal, "rehearsal", "this is a rehearsal")
    require(
        rehearsal == origin.startswith(REHEARSAL_ORIGIN), "rehearsal",
        f"`rehearsal` and the origin {origin} disagree",
    )


def makes_first_roster(begin: dict) -> bool:
    """Whether this is the live ceremony in which participants get their keys."""
    return (
        not begin["rehearsal"] and not begin["rosters"] and begin["script"]["kind"] == "enrol-custodian"
        and _signs_roster(begin)
    )


def _signs_roster(begin: dict) -> bool:
    return any(step["do"] == "sign-roster" for step in begin["steps"])


def _check_begin(begin: dict) -> None:
    require(begin["type"] == "begin", "begin", "the first line is not `begin`")
    require(begin["version"] == 1, "begin", f"version {begin['version']} of the format is not known")
    require(begin["sequence"] >= 1, "begin", "`sequence` counts from 1")
    require(
        (begin["sequence"] == 1) == (begin["previous"] is None), "begin",
        "the first ceremony, and no other, has no previous one",
    )
    rehearsal, after = begin["rehearsal"], begin["after"]
    require(rehearsal == (after is None), "begin", "a rehearsal, and nothing else, follows no rehearsal")
    if after is not None:
        require(
            after["scriptDigest"] == begin["script"]["digest"], "begin", "the rehearsal had another script"
        )


def _check_steps(begin: dict) -> None:
    steps, roles = begin["steps"], begin["roles"]
    ids = [step["id"] for step in steps]
    require(len(set(ids)) == len(ids), "begin", "two steps have one id")
    for step in steps:
        what, do = f"step {step['id']}", step["do"]
        require(not step["id"].startswith("exception-"), "begin", f"{what} has the name of an exception")
        require(do in DO, "begin", f"{what}: no script says {do}")
        for role in [step["actor"], *step["witnesses"]]:
            require(role in roles, "begin", f"{what} needs {role}, which is no role of the script")
        require(step["irreversible"] or do not in IRREVERSIBLE, "begin", f"{what} is irreversible, as {do} is")
        require(step["witnesses"] or not step["irreversible"], "begin", f"{what} is irreversible and has no witness")
    require(steps and steps[-1]["do"] == "sign-off", "begin", "the last step's `do` is not `sign-off`")
    require(steps[-1]["witnesses"], "begin", "the last step has no witness")


def _check_people(begin: dict) -> None:
    roles, participants = begin["roles"], begin["participants"]
    for role, number in roles.items():
        holders = sum(role in person["roles"] for person in participants)
        require(holders == number, "people", f"{role} is held by {holders} and not by {number}")
    if "quorum" in begin:
        require(begin["quorum"]["role"] in roles, "people", "the quorum's role is no role of the script")
    names = [person["name"] for person in participants]
    keys = [person["publicKey"] for person in participants if "publicKey" in person]
    require(len(set(names)) == len(names), "people", "two participants have one name")
    require(len(set(keys)) == len(keys), "people", "two participants have one key")
    for person in participants:
        name, held = person["name"], person["roles"]
        require(held, "people", f"{name} holds no role")
        for role in held:
            require(role in roles, "people", f"{name} holds {role}, which is no role of the script")
        require(len(set(held)) == len(held), "people", f"{name} holds a role twice")
        for first, second in begin["conflicts"]:
            require(
                not {first, second} <= set(held), "people", f"{name} holds {first} and {second}, which conflict"
            )
        if "publicKey" in person:
            require_p256(person["publicKey"], name)


def require_p256(key: str, name: str) -> None:
    """Fault `people`."""
    try:
        p256_key(octets_of(key, "publicKey"))
    except ValueError:
        raise Fault("people", f"the key of {name} is no P-256 SubjectPublicKeyInfo in DER") from None


def _check_rosters(begin: dict, pin: str | None) -> None:
    rehearsal, rosters = begin["rehearsal"], begin["rosters"]
    require(not (rehearsal and rosters), "roster", "a rehearsal has rosters")
    made = _signs_roster(begin)
    require(rehearsal or rosters or made, "roster", "there is no roster, and none is made")
    require(pin is None or rosters or made, "roster", "there is no roster that could be the pinned one")
    before = None
    for document in rosters:
        # The ceremony that makes the first roster is held to the pin where that roster stands: see `Effects`.
        if before is None and pin is not None:
            require(canonical.digest(document) == pin, "roster", "the first roster is not the pinned one")
        check_descent(document, before, begin["origin"], rehearsal)
        before = document
    if before is not None:
        _check_membership(begin, before)
    if not makes_first_roster(begin):
        for person in begin["participants"]:
            require("publicKey" in person, "roster", f"{person['name']} has no key")


def _check_membership(begin: dict, last: dict) -> None:
    members = {member["name"]: member for member in last["statement"]["members"]}
    for person in begin["participants"]:
        name = person["name"]
        member = members.get(name)
        require(member is not None, "roster", f"{name} is no member of the roster")
        require(member["signingKey"] == person.get("publicKey"), "roster", f"{name} has another key in the roster")
        for role in person["roles"]:
            require(role in member["roles"], "roster", f"the roster does not give {name} the role {role}")
