"""Who takes part in a step, who has yet to sign, and whether a signature is theirs."""

from .kinds import octets_of
from .refusal import require
from .signatures import p256_key, sign_off_message, why_not

# A name and a role.
Person = tuple[str, str]


def people_of(script: dict, participants: list[dict]) -> tuple[list[dict], list[dict]]:
    """The actors and the witnesses of a step of the script, as its `step` lines have them."""

    def holders(role: str) -> list[dict]:
        return [{"name": p["name"], "role": role} for p in participants if role in p["roles"]]

    witnesses: dict[str, dict] = {}
    for role in script["witnesses"]:
        for person in holders(role):
            witnesses.setdefault(person["name"], person)
    return holders(script["actor"]), list(witnesses.values())


class Attempt:
    """One attempt at a step: since when, by whom, what stands in it, and who has yet to sign."""

    def __init__(self, script: dict, line: dict, last: bool):
        self.began = line["time"]
        self.step, self.do = script["id"], script["do"]
        people: dict[str, str] = {}
        for person in line["actors"] + line["witnesses"]:
            people.setdefault(person["name"], person["role"])
        self.people: list[Person] = list(people.items())
        self.irreversible = script["irreversible"] and self.do not in ("enrol", "sign-off")
        signs = self.irreversible or self.do == "sign-off"
        self.to_sign: list[Person] = list(self.people) if signs else []
        self.last = last
        self.content: set[str] = set()

    def require_signed(self, before: str) -> None:
        require(not self.to_sign, "sign-off", f"not everybody of the step has signed before {before}")


class Signing:
    """The sign-offs of a transcript: whose turn it is, and with which keys."""

    def __init__(self, begin: dict):
        self._rehearsal = begin["rehearsal"]
        self._keys: dict[str, str | None] = {p["name"]: p.get("publicKey") for p in begin["participants"]}
        self._exception: str | None = None
        self._exception_signers: list[Person] = []
        self.count = 0

    @property
    def exception_open(self) -> bool:
        return bool(self._exception_signers)

    def interrupted(self) -> None:
        self._exception_signers = []

    def exception(self, number: int, attempt: Attempt) -> None:
        self._exception = f"exception-{number}"
        self._exception_signers = list(attempt.people)

    def require_no_exception_open(self) -> None:
        require(not self._exception_signers, "sign-off", "the exception is not signed by all of the step")

    def give_key(self, name: str, key: str) -> None:
        """Fault `people` where somebody else has the key."""
        others = [other for person, other in self._keys.items() if person != name]
        require(key not in others, "people", "another participant has this key")
        self._keys[name] = key

    def take(self, line: dict, attempt: Attempt) -> None:
        """Fault `sign-off`."""
        expected = self._exception if self._exception_signers else attempt.step
        queue = self._exception_signers or attempt.to_sign
        require(queue, "sign-off", "nobody has to sign here")
        require(line["step"] == expected, "sign-off", f"a sign-off of {line['step']} where {expected} is signed")
        name, role = queue[0]
        require((line["name"], line["role"]) == (name, role), "sign-off", f"it is the turn of {name} as {role}")
        key = self._keys[name]
        require(key is not None, "sign-off", f"{name} has no key yet")
        wrong = why_not(
            p256_key(octets_of(key, "publicKey")), octets_of(line["signature"], "signature"),
            sign_off_message(line, self._rehearsal),
        )
        require(wrong is None, "sign-off", f"{name}: {wrong}")
        queue.pop(0)
        self.count += 1
