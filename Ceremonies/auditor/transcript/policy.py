"""What a token must have answered about a key."""

from dataclasses import dataclass

from .refusal import require

VERIFIED = "verified by OpenSSL"

_ALWAYS = {
    "CKA_TOKEN": True, "CKA_PRIVATE": True, "CKA_SENSITIVE": True, "CKA_SIGN": True, "CKA_SIGN_RECOVER": False,
    "CKA_DECRYPT": False, "CKA_UNWRAP": False, "CKA_DERIVE": False,
}
_GENERATED = {"CKA_LOCAL": True, "CKA_ALWAYS_SENSITIVE": True}
_RESTORED = {
    "CKA_LOCAL": False, "CKA_ALWAYS_SENSITIVE": False, "CKA_NEVER_EXTRACTABLE": False, "CKA_SENSITIVE": True,
}


@dataclass
class Declared:
    """What an `intent` in this transcript declared of a label."""

    restored: bool
    backup: str = ""
    session_copies: bool = False

    def attributes(self) -> dict[str, bool]:
        if self.restored:
            return _RESTORED
        wrap = self.backup == "wrap"
        needed = _ALWAYS | _GENERATED | {
            "CKA_EXTRACTABLE": wrap, "CKA_NEVER_EXTRACTABLE": not wrap,
            "CKA_MODIFIABLE": self.session_copies, "CKA_COPYABLE": self.session_copies,
        }
        return needed | {"CKA_WRAP_WITH_TRUSTED": True} if wrap else needed


def check_generated(declared: Declared, observed: dict) -> None:
    """Fault `policy`."""
    _check_attributes(declared.attributes(), observed)
    _check_test_signature(observed)
    kinds = ["read", "wrap"] if declared.session_copies else ["read", "wrap", "copy"]
    for kind in kinds:
        require(
            any(probe["attempt"].startswith(kind) for probe in observed["probes"]), "policy",
            f"no probe tried to {kind} the key",
        )


def check_test_signature(declared: Declared | None, observed: dict) -> None:
    """Fault `policy`. A key of an earlier ceremony is held to what all keys that were made, or restored, share."""
    if declared is not None:
        _check_attributes(declared.attributes(), observed)
    else:
        local = any(a["name"] == "CKA_LOCAL" and a["flag"] is True for a in observed["attributes"])
        _check_attributes(_ALWAYS | _GENERATED if local else _RESTORED, observed)
    _check_test_signature(observed)


def check_restored(observed: dict) -> None:
    """Fault `policy`."""
    require(observed["policy"] == "restored", "policy", "`policy` is not `restored`")
    _check_attributes(_RESTORED, observed)
    _check_test_signature(observed)


def _check_attributes(needed: dict[str, bool], observed: dict) -> None:
    answers: dict[str, list] = {}
    for attribute in observed["attributes"]:
        answers.setdefault(attribute["name"], []).append(attribute["flag"])
    for name, flag in needed.items():
        # An attribute that stands twice must say the same twice.
        require(name in answers, "policy", f"{name} was not read back")
        require(
            all(answer is flag for answer in answers[name]), "policy",
            f"{name} is not {'true' if flag else 'false'}",
        )


def _check_test_signature(observed: dict) -> None:
    require(observed["testSignature"] == VERIFIED, "policy", "no test signature was verified")
