"""The rules of the first line."""

from . import canonical
from .refusal import require
from .rosters import check_descent

REHEARSAL_ORIGIN = "rehearsal.invalid/"


def check_first_line(begin: dict, allow_rehearsal: bool, pin: str | None) -> None:
    """Fault `begin`, `people`, `roster` or `rehearsal`, in this order."""
    _check_begin(begin)
    _check_people(begin)
    _check_rosters(begin, pin)
    rehearsal, origin = begin["rehearsal"], begin["origin"]
    require(allow_rehearsal or not rehearsal, "rehearsal", "this is a rehearsal")
    require(
        rehearsal == origin.startswith(REHEARSAL_ORIGIN), "rehearsal",
        f"`rehearsal` and the origin {origin} disagree",
    )


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
    ids = [step["id"] for step in begin["steps"]]
    require(len(set(ids)) == len(ids), "begin", "two steps have one id")
    require(
        ids and begin["steps"][-1]["do"] == "sign-off", "begin", "the last step's `do` is not `sign-off`"
    )
    require(not (rehearsal and begin["rosters"]), "begin", "a rehearsal has rosters")


def _check_people(begin: dict) -> None:
    roles, participants = begin["roles"], begin["participants"]
    for step in begin["steps"]:
        for role in [step["actor"], *step["witnesses"]]:
            require(role in roles, "people", f"step {step['id']} needs {role}, which is no role of the script")
    if "quorum" in begin:
        require(begin["quorum"]["role"] in roles, "people", "the quorum's role is no role of the script")
    for role, number in roles.items():
        holders = sum(role in person["roles"] for person in participants)
        # A role that nobody holds would leave its steps without a signature.
        require(number >= 1, "people", f"{role} is held by nobody")
        require(holders == number, "people", f"{role} is held by {holders} and not by {number}")
    names = [person["name"] for person in participants]
    keys = [person["publicKey"] for person in participants if "publicKey" in person]
    require(len(set(names)) == len(names), "people", "two participants have one name")
    require(len(set(keys)) == len(keys), "people", "two participants have one key")
    for person in participants:
        held = person["roles"]
        for role in held:
            require(role in roles, "people", f"{person['name']} holds {role}, which is no role of the script")
        require(len(set(held)) == len(held), "people", f"{person['name']} holds a role twice")
        for first, second in begin["conflicts"]:
            require(
                not {first, second} <= set(held), "people",
                f"{person['name']} holds {first} and {second}, which conflict",
            )
        require(
            "publicKey" in person or begin["script"]["kind"] == "enrol-custodian", "people",
            f"{person['name']} has no key",
        )
    if begin["rosters"]:
        _check_membership(begin)


def _check_membership(begin: dict) -> None:
    members = {member["name"]: member for member in begin["rosters"][-1]["statement"]["members"]}
    for person in begin["participants"]:
        # Who gets a key in this ceremony is not in the roster yet, or is there with the key that is replaced.
        if "publicKey" not in person:
            continue
        name = person["name"]
        member = members.get(name)
        require(member is not None, "people", f"{name} is no member of the roster")
        require(member["signingKey"] == person["publicKey"], "people", f"{name} has another key in the roster")
        for role in person["roles"]:
            require(role in member["roles"], "people", f"the roster does not give {name} the role {role}")


def _check_rosters(begin: dict, pin: str | None) -> None:
    before = None
    for document in begin["rosters"]:
        if before is None and pin is not None:
            require(canonical.digest(document) == pin, "roster", "the first roster is not the pinned one")
        check_descent(document, before, begin["origin"], begin["rehearsal"])
        before = document
    # The ceremony that makes the first roster is held to the pin where that roster stands: see `Effects`.
    require(pin is None or not begin["rehearsal"], "roster", "a rehearsal has no roster that could be the pinned one")
