"""Effects: which intent, effect and observation belong together, and what they must say."""

from dataclasses import dataclass

from . import canonical
from .certificates import check_certificate, check_certificate_intent, check_crl, check_crl_intent
from .known import Known
from .members import EFFECT
from .policy import Declared, check_generated, check_no_attribute_twice, check_restored, check_test_signature
from .refusal import require
from .rosters import check_descent

_COMMON = {"type", "time", "prev", "step", "effect"}

# What effects of one kind in one step are told apart by.
_SUBJECT = {
    "login": "token", "set-activation": "set", "enrol-credential": "name", "sign-certificate": "step",
    "sign-crl": "step", "sign-roster": "step",
}


@dataclass
class Trio:
    """An intent, since which attempt it stands, its effect once there is one, and whether both were observed."""

    intent: dict
    attempt: int
    effect: dict | None = None
    observed: bool = False


class Effects:
    """The effects of a transcript. `step_begins`, `attempt_begins` and `require_none_open` follow its steps."""

    def __init__(self, begin: dict, pin: str | None):
        self._origin, self._rehearsal, self._pin = begin["origin"], begin["rehearsal"], pin
        self._tokens = {token["name"]: token for token in begin["tokens"]}
        self._known = Known(begin["rosters"][-1] if begin["rosters"] else None)
        self._declared: dict[str, Declared] = {}
        self._trios: dict[tuple[str, str], Trio] = {}
        self._attempt = 0
        self.remarks: list[str] = []

    def step_begins(self) -> None:
        self._trios, self._attempt = {}, 0

    def attempt_begins(self) -> None:
        self._attempt += 1

    def require_none_open(self) -> None:
        for (name, _), trio in self._trios.items():
            require(trio.observed, "effect", f"{name} was meant and not observed")

    def require_known(self, line: dict) -> None:
        """A `read-out` or a `compare`. Fault `effect`."""
        self._known.require(line)

    def intent(self, line: dict) -> None:
        subject = _subject(line)
        trio = self._trios.get(subject)
        if trio is None:
            self._trios[subject] = Trio(line, self._attempt)
        else:
            changed = [m for m in line.keys() | trio.intent.keys() if line.get(m) != trio.intent.get(m)]
            require(set(changed) <= {"time", "prev"}, "effect", f"{line['effect']} is meant otherwise than before")
            if line["effect"] in EFFECT:
                require(trio.effect is None, "effect", f"{line['effect']} was done already")
                require(trio.attempt < self._attempt, "effect", f"{line['effect']} is meant twice in one attempt")
            trio.observed = False
        if line["effect"] in ("wrap", "destroy"):
            self._known.key(line["label"], line["subjectPublicKeyInfo"])
        elif line["effect"] == "sign-certificate":
            check_certificate_intent(line)
        elif line["effect"] == "sign-crl":
            check_crl_intent(line)

    def effect(self, line: dict) -> None:
        trio = self._trios.get(_subject(line))
        require(trio is not None and trio.effect is None, "effect", f"{line['effect']} without its intent")
        _require_agreement(line, trio.intent)
        require(
            not line.get("recovered") or trio.attempt < self._attempt, "effect",
            "nothing can be recovered where no earlier attempt has meant it",
        )
        trio.effect = line
        if line["effect"] in ("generate-key", "unwrap"):
            self._known.key(line["label"], line["subjectPublicKeyInfo"], made=True)

    def observed(self, line: dict) -> None:
        self.remarks = []
        trio = self._trios.get(_subject(line))
        if line["effect"] == "sign-roster":
            self._check_roster(trio, line)
        lacking = "effect" if line["effect"] in EFFECT else "intent"
        require(
            trio is not None and not trio.observed and (trio.effect is not None or line["effect"] not in EFFECT),
            "effect", f"an observation of {line['effect']} without its {lacking}",
        )
        _require_agreement(line, trio.intent)
        _require_agreement(line, trio.effect or {})
        if "attributes" in line:
            check_no_attribute_twice(line)
        self._check(trio, line)
        trio.observed = True

    def _check(self, trio: Trio, observed: dict) -> None:
        intent = trio.intent
        match intent["effect"]:
            case "login":
                self._check_token(observed)
            case "generate-key":
                declared = Declared(intent["backup"], intent["sessionCopies"])
                self._declared[intent["label"]] = declared
                check_generated(declared, observed)
                answers = [p for p in observed["probes"] if p["tokenAnswer"] in ("CKR_OK", "ok", "OK")]
                self.remarks += [f"the token allowed the probe {probe['attempt']}" for probe in answers]
            case "test-signature":
                check_test_signature(self._declared.get(intent["label"]), observed)
            case "unwrap":
                check_restored(observed)
            case "destroy":
                left = observed["objects"]
                require(
                    all(o["label"] != intent["label"] and o["keyID"] != intent["keyID"] for o in left), "effect",
                    "what was destroyed is still there",
                )
            case "sign-certificate":
                check_certificate(intent, trio.effect, observed, self._known.made)
                self._known.certificates[intent["subjectKey"]] = observed["certificateDigest"]
            case "sign-crl":
                check_crl(intent, trio.effect, observed)
                self._known.lists[intent["step"]] = observed["crlDigest"]
            case "sign-roster":
                self._known.roster = observed["roster"]

    def _check_token(self, observed: dict) -> None:
        token = observed["token"]
        bound = self._tokens.get(token["name"])
        require(bound is not None, "effect", f"the first line binds no token {token['name']}")
        said = token | {"moduleDigest": observed["moduleDigest"]}
        for member, value in bound.items():
            require(said[member] == value, "effect", f"`{member}` of {token['name']} is not what the first line binds")

    def _check_roster(self, trio: Trio | None, observed: dict) -> None:
        document, before = observed["roster"], self._known.roster
        digest = canonical.digest(document)
        if before is None and self._pin is not None:
            require(digest == self._pin, "roster", "the first roster is not the pinned one")
        check_descent(document, before, self._origin, self._rehearsal)
        require(digest == observed["rosterDigest"], "roster", "`rosterDigest` is not the roster's digest")
        meant = trio is None or trio.intent["statement"] == document["statement"]
        require(meant, "roster", "the roster is not the one that was meant")


def _subject(line: dict) -> tuple[str, str]:
    value = line[_SUBJECT.get(line["effect"], "label")]
    return line["effect"], value if isinstance(value, str) else value["name"]


def _require_agreement(line: dict, earlier: dict) -> None:
    """Fault `effect` where the line and one before it differ on a member that both have."""
    for member in sorted(line.keys() & earlier.keys() - _COMMON):
        if (line["effect"], member) != ("login", "token"):
            require(line[member] == earlier[member], "effect", f"`{member}` contradicts the `{earlier['type']}`")
