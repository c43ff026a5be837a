"""Effects: which intent, effect and observation belong together, and what they must say."""

from dataclasses import dataclass

from . import canonical
from .certificates import check_certificate, check_crl, check_to_be_signed
from .members import EFFECT
from .policy import Declared, check_generated, check_restored, check_test_signature
from .refusal import Fault, require
from .rosters import check_descent

_COMMON = {"type", "time", "prev", "step", "effect"}

# What an effect is about: a second intent of the same effect about the same takes the place of the first.
_SUBJECT = {
    "login": ("token",), "set-activation": ("token", "set"), "generate-key": ("label",), "test-signature": ("label",),
    "sign-certificate": ("subjectKey",), "sign-crl": ("issuerKey",), "wrap": ("label",), "unwrap": ("label",),
    "destroy": ("label",), "enrol-credential": ("name",), "sign-roster": (),
}


@dataclass
class Trio:
    """An intent, its effect once there is one, and whether both were observed."""

    intent: dict
    effect: dict | None = None
    observed: bool = False
    interrupted: bool = False
    # Whether an attempt before this one had the same intent, so that the object can have been there.
    repeated: bool = False

    @property
    def name(self) -> str:
        return self.intent["effect"]

    @property
    def subject(self) -> tuple:
        return (self.name, *(self.intent[member] for member in _SUBJECT[self.name]))

    @property
    def awaits_effect(self) -> bool:
        return not self.observed and self.effect is None and self.name in EFFECT


class Effects:
    """The effects of a transcript. `step_begins`, `interrupted` and `require_none_open` follow its steps."""

    def __init__(self, begin: dict, pin: str | None):
        self._origin, self._rehearsal = begin["origin"], begin["rehearsal"]
        self._roster = begin["rosters"][-1] if begin["rosters"] else None
        self._pin = pin
        self.makes_first_roster = False
        self.made_keys: dict[str, str] = {}
        self._declared: dict[str, Declared] = {}
        self._trios: list[Trio] = []
        self.remarks: list[str] = []

    def step_begins(self) -> None:
        self._trios = []

    def interrupted(self) -> None:
        for trio in self._trios:
            trio.interrupted = True

    def require_none_open(self) -> None:
        for trio in self._trios:
            require(trio.observed, "effect", f"{trio.name} has no observation")

    def intent(self, line: dict) -> None:
        trio = Trio(line)
        for other in list(self._trios):
            if other.observed:
                require(
                    other.subject != trio.subject or other.effect is None, "effect", f"{trio.name} was done already"
                )
            elif not other.interrupted:
                raise Fault("effect", f"{other.name} is still open")
            elif other.subject == trio.subject:
                require(other.effect is None, "effect", f"{trio.name} is done and not yet observed")
                self._trios.remove(other)
                trio.repeated = True
        self._trios.append(trio)
        if trio.name in ("sign-certificate", "sign-crl"):
            check_to_be_signed(line)

    def effect(self, line: dict) -> None:
        trio = self._find(line, [trio for trio in self._trios if trio.awaits_effect], "intent")
        if line.get("recovered"):
            require(
                trio.interrupted or trio.repeated, "effect", "nothing can be recovered where nothing was interrupted"
            )
        trio.effect = line
        trio.interrupted = False
        if trio.name in ("generate-key", "unwrap"):
            self.made_keys[line["label"]] = line["subjectPublicKeyInfo"]

    def observed(self, line: dict) -> dict:
        """The intent of the observation, after all that is demanded of the three."""
        open_trios = [trio for trio in self._trios if not trio.observed and not trio.awaits_effect]
        trio = self._find(line, open_trios, "effect" if line["effect"] in EFFECT else "intent")
        trio.observed = True
        self.remarks = self._check(trio.intent, line) or []
        return trio.intent

    def _find(self, line: dict, candidates: list[Trio], lacking: str) -> Trio:
        current = [trio for trio in self._trios if not trio.observed and not trio.interrupted]
        candidates = [t for t in candidates if t.name == line["effect"] and (not current or t is current[0])]
        require(candidates, "effect", f"{line['effect']} without its {lacking}")
        contradictions = [_contradiction(trio, line) for trio in candidates]
        for trio, contradiction in zip(candidates, contradictions):
            if contradiction is None:
                return trio
        raise Fault("effect", f"`{contradictions[0]}` contradicts the {lacking}")

    def _check(self, intent: dict, observed: dict) -> list[str] | None:
        match intent["effect"]:
            case "generate-key":
                declared = Declared(False, intent["backup"], intent["sessionCopies"])
                self._declared[intent["label"]] = declared
                check_generated(declared, observed)
                answers = [p for p in observed["probes"] if p["tokenAnswer"] in ("CKR_OK", "ok", "OK")]
                return [f"the token allowed the probe {probe['attempt']}" for probe in answers]
            case "test-signature":
                check_test_signature(self._declared.get(intent["label"]), observed)
            case "unwrap":
                self._declared[intent["label"]] = Declared(True)
                check_restored(observed)
            case "destroy":
                left = {(entry["label"], entry["keyID"]) for entry in observed["objects"]}
                require(
                    (intent["label"], intent["keyID"]) not in left, "effect", "what was destroyed is still there"
                )
            case "sign-certificate":
                return check_certificate(intent, observed, self.made_keys)
            case "sign-crl":
                return check_crl(intent, observed)
            case "sign-roster":
                self._check_roster(intent, observed)
        return None

    def _check_roster(self, intent: dict, observed: dict) -> None:
        document = observed["roster"]
        require(document["statement"] == intent["statement"], "effect", "the roster is not the one of the intent")
        digest = canonical.digest(document)
        require(digest == observed["rosterDigest"], "roster", "`rosterDigest` is not the roster's digest")
        if self._roster is None and self._pin is not None:
            require(digest == self._pin, "roster", "the first roster is not the pinned one")
        check_descent(document, self._roster, self._origin, self._rehearsal)
        self.makes_first_roster = self.makes_first_roster or self._roster is None
        self._roster = document


def _contradiction(trio: Trio, line: dict) -> str | None:
    """The first member on which the line and those before it differ."""
    for earlier in (trio.intent, trio.effect or {}):
        for member in sorted(line.keys() & earlier.keys() - _COMMON):
            value = line[member]
            if trio.name == "login" and member == "token":
                value = value["name"]
            if value != earlier[member]:
                return member
    return None
