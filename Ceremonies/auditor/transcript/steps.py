"""The order of lines after the first: steps, their attempts, what stands in them, their ends and interruptions."""

from .effects import Effects
from .ending import Ending
from .first_line import makes_first_roster, require_p256
from .language import BAGS, CONTENT, OWN_EFFECT, stands_in
from .kinds import seconds_of
from .refusal import Fault, require
from .shares import Shares
from .signing import Attempt, Signing, people_of


class Steps:
    """Takes the lines after the first one by one; `take` throws a Fault. `ended` once the transcript is complete."""

    def __init__(self, begin: dict, effects: Effects):
        self._begin, self._effects = begin, effects
        self._script = begin["steps"]
        self._names = {person["name"] for person in begin["participants"]}
        self._signing = Signing(begin)
        self._index = 0
        self._attempts = 0
        self._attempt: Attempt | None = None
        self._stopped = False
        self._break: str | None = None
        # Why an exception has to follow.
        self._cause: str | None = None
        self._observed: set[str] = set()
        self._shares = Shares(self._names)
        self._ending = Ending()
        self.closing: dict | None = None
        self.exceptions: list[dict] = []
        self.interruptions = 0
        self.ended = False
        self.remarks: list[str] = []

    @property
    def sign_offs(self) -> int:
        return self._signing.count

    @property
    def _step_at_hand(self) -> dict:
        return self._script[self._index]

    def take(self, line: dict) -> None:
        self.remarks = []
        kind = line["type"]
        require(kind != "begin", "begin", "a second `begin`")
        require(not self.ended, "order", "a line after the last sign-off")
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

    # Interruptions

    def _stop(self, line: dict) -> None:
        self._stopped = True
        self._interrupt()

    def _resume(self, line: dict) -> None:
        self._stopped = False
        self.interruptions += 1
        self._interrupt()

    def _abandon(self, line: dict) -> None:
        raise Fault("incomplete", "the ceremony was abandoned")

    def _interrupt(self) -> None:
        self._break = self._cause = self._attempt = self.closing = None
        self._signing.interrupted()
        self._shares.interrupted()

    # Steps

    def _require_step(self, line: dict) -> None:
        expected = self._step_at_hand["id"]
        require(line["step"] == expected, "order", f"step {line['step']} where {expected} is the one not done")

    def _step(self, line: dict) -> None:
        require(self._attempt is None, "order", "a step begins while another is open")
        self._require_step(line)
        script = self._step_at_hand
        actors, witnesses = people_of(script, self._begin["participants"])
        for listed, expected, what in ((line["actors"], actors, "actors"), (line["witnesses"], witnesses, "witnesses")):
            require(listed == expected, "people", f"the {what} are not those whom the script's roles name")
        require(line["do"] == script["do"], "order", f"the script's `do` is {script['do']}")
        require(line["attempt"] == self._attempts + 1, "order", f"this is attempt {self._attempts + 1}")
        self._attempts += 1
        self._attempt = Attempt(script, line, self._index == len(self._script) - 1)
        self._effects.attempt_begins()

    def _within_step(self, line: dict) -> None:
        kind, attempt = line["type"], self._attempt
        require(attempt is not None, "order", f"`{kind}` where a `step` belongs")
        require(self._break is None or kind == "back", "order", "`break` is not followed by `back`")
        require(
            self._cause is None or kind in ("exception", "break", "back"), "order",
            f"{self._cause}, and no `exception` says why the ceremony goes on",
        )
        if kind == "sign-off":
            self._sign_off(line, attempt)
            return
        self._require_step(line)
        self._signing.require_no_exception_open()
        require(self.closing is None, "order", f"`{kind}` among the last sign-offs")
        require(stands_in(line, attempt.do), "order", f"`{kind}` in a {attempt.do} step")
        handlers = {
            "done": self._done, "closing": self._close, "exception": self._exception, "break": self._pause,
            "back": self._back, "answer": self._answer, "read-out": self._read_out, "compare": self._compare,
            "inventory": self._inventory, "intent": self._intent, "effect": self._effect,
            "observed": self._observe, "shares": self._share, "share-read-back": self._share,
            "quorums-tested": self._share, "share-presented": self._share,
        }
        if kind in handlers:
            handlers[kind](line, attempt)
        attempt.content.add(kind)

    def _done(self, line: dict, attempt: Attempt) -> None:
        _require_seconds(line, attempt.began, "step")
        require(not attempt.last, "order", "the last step has no `done`")
        content, own = CONTENT.get(attempt.do), OWN_EFFECT.get(attempt.do)
        require(content is None or content in attempt.content, "order", f"a {attempt.do} without its `{content}`")
        self._effects.require_none_open()
        require(
            own is None or attempt.do == "enrol" or own in self._observed, "order", f"a {attempt.do} without its effect"
        )
        attempt.require_signed("its end")
        self._index += 1
        self._attempts, self._attempt = 0, None
        self._observed = set()
        self._effects.step_begins()
        self._shares = Shares(self._names)

    # What people say and sign

    def _sign_off(self, line: dict, attempt: Attempt) -> None:
        due = not attempt.last or self.closing or self._signing.exception_open
        require(due, "sign-off", "a sign-off before `closing`")
        self._signing.take(line, attempt)
        self.ended = self.closing is not None and not attempt.to_sign

    def _answer(self, line: dict, attempt: Attempt) -> None:
        do = attempt.do
        require(("bag" in line) == (do in BAGS), "form", f"`bag` belongs to {' and '.join(BAGS)}")
        require(do != "check" or line["answer"] in ("yes", "no"), "form", "the answer to a check is `yes` or `no`")
        require(line["by"] == attempt.people[0][0], "people", f"it is {attempt.people[0][0]} who answers")
        require("answer" not in attempt.content, "order", "a second answer")
        if do == "check" and line["answer"] == "no":
            self._cause = "a check was answered with no"
            self.remarks.append(self._cause)

    def _read_out(self, line: dict, attempt: Attempt) -> None:
        self._effects.require_known(line)

    def _compare(self, line: dict, attempt: Attempt) -> None:
        self._effects.require_known(line)
        if line["takenDown"] != line["value"]:
            self._cause = "what was taken down differs"

    def _inventory(self, line: dict, attempt: Attempt) -> None:
        self._ending.listed(line)

    def _exception(self, line: dict, attempt: Attempt) -> None:
        require(line["by"] in self._names, "people", f"{line['by']} is no participant")
        number = len(self.exceptions) + 1
        require(line["number"] == number, "order", f"this is exception {number}")
        self.exceptions.append(line)
        self._signing.exception(number, attempt)
        self._cause = None

    def _pause(self, line: dict, attempt: Attempt) -> None:
        require(line["by"] in self._names, "people", f"{line['by']} is no participant")
        self._break = line["time"]

    def _back(self, line: dict, attempt: Attempt) -> None:
        require(self._break is not None, "order", "`back` without `break`")
        _require_seconds(line, self._break, "break")
        self._break = None

    def _close(self, line: dict, attempt: Attempt) -> None:
        require(attempt.last, "order", "`closing` before the last step")
        self._ending.check(line, len(self.exceptions), self.interruptions)
        self.closing = line

    # Effects

    def _intent(self, line: dict, attempt: Attempt) -> None:
        if line["effect"] == "set-activation":
            self._shares.mean(line)
        if attempt.irreversible:
            attempt.require_signed("it takes effect")
        self._effects.intent(line)

    def _effect(self, line: dict, attempt: Attempt) -> None:
        if line["effect"] == "enrol-credential" and makes_first_roster(self._begin) and line["name"] in self._names:
            require_p256(line["signingKey"], line["name"])
            self._signing.give_key(line["name"], line["signingKey"])
        self._effects.effect(line)

    def _observe(self, line: dict, attempt: Attempt) -> None:
        if line["effect"] == "login":
            self._shares.require_presented(line)
        self._effects.observed(line)
        self._observed.add(line["effect"])
        self.remarks += self._effects.remarks

    def _share(self, line: dict, attempt: Attempt) -> None:
        self._shares.take(line)


def _require_seconds(line: dict, since: str, what: str) -> None:
    seconds = int((seconds_of(line["time"]) - seconds_of(since)).total_seconds())
    require(line["seconds"] == seconds, "time", f"the {what} took {seconds} s")
