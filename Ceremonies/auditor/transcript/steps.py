"""The order of lines after the first: steps, their attempts, sign-offs, exceptions, breaks and interruptions."""

from . import canonical
from .effects import Effects
from .kinds import octets_of, seconds_of
from .refusal import Fault, require
from .shares import Shares
from .signatures import p256_key, sign_off_message, why_not

Person = tuple[str, str]

_ANSWERED = ("check", "record", "choose", "inspect-bag", "seal-bag")
_BAGS = ("inspect-bag", "seal-bag")


class Attempt:
    """One attempt at a step: since when, by whom, and who has yet to sign."""

    def __init__(self, script: dict, line: dict, last: bool):
        self.began = line["time"]
        self.people = [(person["name"], person["role"]) for person in line["actors"] + line["witnesses"]]
        self.signs_before_effects = script["irreversible"] and script["do"] not in ("enrol", "sign-off")
        self.signs = self.signs_before_effects or script["do"] == "sign-off"
        self.to_sign: list[Person] = list(self.people) if self.signs else []
        self.last = last


class Steps:
    """Takes the lines after the first one by one; `take` throws a Fault. `ended` once the transcript is complete."""

    def __init__(self, begin: dict, effects: Effects):
        self._begin, self._effects = begin, effects
        self._script = begin["steps"]
        self._names = {person["name"] for person in begin["participants"]}
        self._keys = {p["name"]: p.get("publicKey") for p in begin["participants"]}
        self._index = 0
        self._attempts = 0
        self._attempt: Attempt | None = None
        self._stopped = self._abandoned = self._mismatch = False
        self._break: str | None = None
        self._exception_signers: list[Person] = []
        self._shares = Shares()
        self._inventories: dict[str, list[str]] = {}
        self.closing: dict | None = None
        self.exceptions: list[dict] = []
        self.interruptions = self.sign_offs = 0
        self.ended = False
        self.remarks: list[str] = []

    def take(self, line: dict) -> None:
        self.remarks = []
        kind = line["type"]
        require(kind != "begin", "begin", "a second `begin`")
        require(not self.ended, "order", "a line after the last sign-off")
        require(not self._abandoned, "order", "a line after `abandoned`")
        require(
            not self._stopped or kind in ("resumed", "abandoned"), "order", "`stopped` is not followed by `resumed`"
        )
        interruption = {"stopped": self._stop, "resumed": self._resume, "abandoned": self._abandon}
        if kind in interruption:
            interruption[kind](line)
        elif kind == "step":
            self._step(line)
        else:
            self._within_step(line)

    def keyless(self) -> list[str]:
        return [name for name, key in self._keys.items() if key is None]

    # Interruptions

    def _stop(self, line: dict) -> None:
        self._require_step(line)
        self._stopped = True
        self._interrupt()

    def _resume(self, line: dict) -> None:
        self._stopped = False
        self.interruptions += 1
        self._interrupt()

    def _abandon(self, line: dict) -> None:
        require(self._stopped, "order", "`abandoned` without `stopped`")
        self._require_step(line)
        self._require_participant(line["by"])
        self._abandoned = True

    def _interrupt(self) -> None:
        self._break = None
        self._effects.interrupted()
        self._shares.interrupted()
        # After `closing` the last step does not begin anew: its remaining sign-offs follow.
        if self.closing is None:
            self._attempt = None

    # Steps

    def _require_step(self, line: dict) -> None:
        expected = self._script[self._index]["id"]
        require(line["step"] == expected, "order", f"step {line['step']} where {expected} is the one not done")

    def _require_participant(self, name: str) -> None:
        require(name in self._names, "people", f"{name} is no participant")

    def _step(self, line: dict) -> None:
        require(self._attempt is None, "order", "a step begins while another is open")
        self._require_step(line)
        script = self._script[self._index]
        require(line["do"] == script["do"], "order", f"the script's `do` is {script['do']}")
        require(line["attempt"] == self._attempts + 1, "order", f"this is attempt {self._attempts + 1}")
        actors, witnesses = self._expected_people(script)
        for listed, expected, what in ((line["actors"], actors, "actors"), (line["witnesses"], witnesses, "witnesses")):
            people = sorted((person["name"], person["role"]) for person in listed)
            require(people == sorted(expected), "people", f"the {what} are not those whom the script's roles name")
        self._attempts += 1
        self._attempt = Attempt(script, line, self._index == len(self._script) - 1)

    def _expected_people(self, script: dict) -> tuple[list[Person], list[Person]]:
        def holders(role: str) -> list[Person]:
            return [(p["name"], role) for p in self._begin["participants"] if role in p["roles"]]

        actors, witnesses = holders(script["actor"]), []
        listed = {name for name, _ in actors}
        for role in script["witnesses"]:
            # A person stands in a step once, in the first of its roles.
            witnesses += [person for person in holders(role) if person[0] not in listed]
            listed |= {name for name, _ in witnesses}
        return actors, witnesses

    def _within_step(self, line: dict) -> None:
        kind, attempt = line["type"], self._attempt
        require(attempt is not None, "order", f"`{kind}` where a `step` belongs")
        require(self._break is None or kind == "back", "order", "`break` is not followed by `back`")
        if kind == "sign-off":
            self._sign_off(line, attempt)
            return
        require(not self._exception_signers, "sign-off", "the exception is not signed by all of the step")
        require(self.closing is None, "order", f"`{kind}` among the last sign-offs")
        self._require_step(line)
        handlers = {
            "done": self._done, "answer": self._answer, "read-out": self._read_out, "compare": self._compare,
            "inventory": self._inventory, "exception": self._exception, "break": self._pause, "back": self._back,
            "closing": self._close, "intent": self._intent, "effect": self._effect, "observed": self._observed,
            "shares": self._share_line, "share-read-back": self._share_line, "quorums-tested": self._share_line,
            "share-presented": self._share_line,
        }
        if kind in handlers:
            handlers[kind](line, attempt)

    def _done(self, line: dict, attempt: Attempt) -> None:
        require(not attempt.last, "order", "the last step has no `done`")
        require(not attempt.to_sign, "sign-off", "not everybody of the step has signed")
        self._effects.require_none_open()
        require(not self._mismatch, "order", "what was taken down differs, and no `exception` says why")
        _require_seconds(line, attempt.began, "step")
        self._index += 1
        self._attempts, self._attempt = 0, None
        self._effects.step_begins()
        self._shares = Shares()

    # What people say and sign

    def _sign_off(self, line: dict, attempt: Attempt) -> None:
        if self._exception_signers:
            queue, expected = self._exception_signers, f"exception-{len(self.exceptions)}"
        else:
            require(attempt.signs, "order", "nobody signs this step")
            require(not attempt.last or self.closing is not None, "order", "a sign-off before `closing`")
            queue, expected = attempt.to_sign, self._script[self._index]["id"]
        require(line["step"] == expected, "sign-off", f"a sign-off of {line['step']} where {expected} is signed")
        require(queue, "sign-off", "all have signed")
        name, role = queue[0]
        require((line["name"], line["role"]) == (name, role), "sign-off", f"it is the turn of {name} as {role}")
        key = self._keys[name]
        require(key is not None, "sign-off", f"{name} has no key yet")
        wrong = why_not(
            p256_key(octets_of(key, "publicKey")), octets_of(line["signature"], "signature"),
            sign_off_message(line, self._begin["rehearsal"]),
        )
        require(wrong is None, "sign-off", f"{name}: {wrong}")
        queue.pop(0)
        self.sign_offs += 1
        self.ended = self.closing is not None and not attempt.to_sign

    def _answer(self, line: dict, attempt: Attempt) -> None:
        do = self._script[self._index]["do"]
        require(do in _ANSWERED, "order", f"an `answer` to {do}")
        require(("bag" in line) == (do in _BAGS), "form", f"`bag` belongs to {' and '.join(_BAGS)}")
        require(do != "check" or line["answer"] in ("yes", "no"), "form", "the answer to a check is `yes` or `no`")
        self._require_participant(line["by"])
        if do == "check" and line["answer"] == "no":
            self.remarks.append("a check was answered with no")

    def _read_out(self, line: dict, attempt: Attempt) -> None:
        if line["of"] == "head" and line["value"] != line["prev"]:
            self.remarks.append("the head that was read out is not the head before this line")

    def _compare(self, line: dict, attempt: Attempt) -> None:
        self._mismatch = self._mismatch or line["takenDown"] != line["value"]

    def _inventory(self, line: dict, attempt: Attempt) -> None:
        self._inventories.setdefault(line["token"], []).append(canonical.digest(line["objects"]))

    def _exception(self, line: dict, attempt: Attempt) -> None:
        number = len(self.exceptions) + 1
        require(line["number"] == number, "order", f"this is exception {number}")
        self._require_participant(line["by"])
        self.exceptions.append(line)
        self._exception_signers = list(attempt.people)
        self._mismatch = False

    def _pause(self, line: dict, attempt: Attempt) -> None:
        self._require_participant(line["by"])
        self._break = line["time"]

    def _back(self, line: dict, attempt: Attempt) -> None:
        require(self._break is not None, "order", "`back` without `break`")
        _require_seconds(line, self._break, "break")
        self._break = None

    def _close(self, line: dict, attempt: Attempt) -> None:
        require(attempt.last, "order", "`closing` before the last step")
        self._effects.require_none_open()
        require(not self._mismatch, "order", "what was taken down differs, and no `exception` says why")
        require(line["exceptions"] == len(self.exceptions), "order", "`exceptions` is not how many there were")
        require(line["interruptions"] == self.interruptions, "order", "`interruptions` is not how many there were")
        expected = {token: (digests[0], digests[-1]) for token, digests in self._inventories.items()}
        listed = {entry["token"]: (entry["before"], entry["after"]) for entry in line["inventories"]}
        require(
            listed == expected and len(listed) == len(line["inventories"]), "order",
            "`inventories` are not the first and the last of each token",
        )
        self.closing = line

    # Effects

    def _require_signed(self, attempt: Attempt) -> None:
        require(
            not (attempt.signs_before_effects and attempt.to_sign), "sign-off",
            "not everybody of the step has signed before it takes effect",
        )

    def _intent(self, line: dict, attempt: Attempt) -> None:
        self._require_signed(attempt)
        if line["effect"] == "set-activation":
            self._shares.require_tested(line)
        self._effects.intent(line)
        if not attempt.signs_before_effects and line["effect"] not in ("login", "test-signature", "sign-roster"):
            self.remarks.append(f"{line['effect']} in a step that nobody signs before it takes effect")

    def _effect(self, line: dict, attempt: Attempt) -> None:
        self._require_signed(attempt)
        self._effects.effect(line)
        if line["effect"] == "enrol-credential" and self._keys.get(line["name"], "") is None:
            require(line["signingKey"] not in self._keys.values(), "people", "another participant has this key")
            self._keys[line["name"]] = line["signingKey"]

    def _observed(self, line: dict, attempt: Attempt) -> None:
        self._require_signed(attempt)
        self._effects.observed(line)
        self.remarks += self._effects.remarks
        if line["effect"] == "login":
            self._shares.require_presented(line)
            token = line["token"]
            bound = {t["name"]: (t["tokenLabel"], t["serial"], t["activation"]) for t in self._begin["tokens"]}
            if bound.get(token["name"]) != (token["tokenLabel"], token["serial"], token["activation"]):
                self.remarks.append(f"token {token['name']} is not the one that the first line binds")

    def _share_line(self, line: dict, attempt: Attempt) -> None:
        do = self._script[self._index]["do"]
        require(line["type"] == "share-presented" or do == "split", "order", f"`{line['type']}` in a {do} step")
        self._shares.take(line)


def _require_seconds(line: dict, since: str, what: str) -> None:
    seconds = int((seconds_of(line["time"]) - seconds_of(since)).total_seconds())
    require(line["seconds"] == seconds, "time", f"the {what} took {seconds} s")
