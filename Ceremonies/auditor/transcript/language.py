"""The script's language, as far as a transcript shows it: what stands in a step, and what a step must have."""

ANSWERED = ("check", "record", "choose", "inspect-bag", "seal-bag")
BAGS = ("inspect-bag", "seal-bag")

# The steps that are irreversible whatever the script says.
IRREVERSIBLE = (
    "split", "generate-key", "sign-certificate", "sign-crl", "wrap", "unwrap", "destroy", "enrol", "sign-roster",
)

# A step's own effect, which it is done for.
OWN_EFFECT = {
    "login": "login", "collect-shares": "login", "split": "set-activation", "generate-key": "generate-key",
    "verify-key": "test-signature", "sign-certificate": "sign-certificate", "sign-crl": "sign-crl", "wrap": "wrap",
    "unwrap": "unwrap", "destroy": "destroy", "enrol": "enrol-credential", "sign-roster": "sign-roster",
}

# Where a token may have to be opened again, since a break or an interruption has closed it.
_REOPENED = (
    "inventory", "split", "generate-key", "verify-key", "sign-certificate", "sign-crl", "wrap", "unwrap", "destroy",
)
_OPENED = ("login", "collect-shares", *_REOPENED)

# The steps that have a content of their own without an effect: the type of its line.
CONTENT = {do: "answer" for do in ANSWERED} | {
    "read-out": "read-out", "compare": "compare", "inventory": "inventory", "print": "printed", "break": "back",
}

DO = ("say", "sign-off", *CONTENT, *OWN_EFFECT)

_PLACES = {
    "answer": ANSWERED, "read-out": ("read-out",), "compare": ("compare",), "inventory": ("inventory",),
    "printed": ("print",), "shares": ("split",), "share-read-back": ("split",), "quorums-tested": ("split",),
    "share-presented": _OPENED,
}


def stands_in(line: dict, do: str) -> bool:
    """Whether a line of this type, or of this effect, may stand in a step of this kind."""
    if line["type"] in ("intent", "effect", "observed"):
        return OWN_EFFECT.get(do) == line["effect"] or (line["effect"] == "login" and do in _REOPENED)
    return line["type"] not in _PLACES or do in _PLACES[line["type"]]
