"""What a token must have answered about a key."""

from dataclasses import dataclass

from .refusal import require

VERIFIED = "verified by OpenSSL"

_GENERATED = {
    "CKA_TOKEN": True, "CKA_PRIVATE": True, "CKA_SENSITIVE": True, "CKA_SIGN": True, "CKA_SIGN_RECOVER": False,
    "CKA_DECRYPT": False, "CKA_UNWRAP": False, "CKA_DERIVE": False, "CKA_LOCAL": True, "CKA_ALWAYS_SENSITIVE": True,
}
_RESTORED = {
    "CKA_LOCAL": False, "CKA_ALWAYS_SENSITIVE": False, "CKA_NEVER_EXTRACTABLE": False, "CKA_SENSITIVE": True,
}


@dataclass
class Declared:
    """What the `intent` of a key that was generated here declared."""

    backup: str
    session_copies: bool

    def attributes(self) -> dict[str, bool]:
        wrap = self.backup == "wrap"
        needed = _GENERATED | {
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
    """Fault `policy`. The attributes of a key that was not generated here are not judged."""
    if declared is not None:
        _check_attributes(declared.attributes(), observed)
    _check_test_signature(observed)


def check_restored(observed: dict) -> None:
    """Fault `policy`."""
    _check_attributes(_RESTORED, observed)
    _check_test_signature(observed)


def check_no_attribute_twice(observed: dict) -> None:
    """Fault `policy`."""
    names = [attribute["name"] for attribute in observed["attributes"]]
    for name in names:
        require(names.count(name) == 1, "policy", f"{name} was read back twice")


def _check_attributes(needed: dict[str, bool], observed: dict) -> None:
    answers = {attribute["name"]: attribute["flag"] for attribute in observed["attributes"]}
    for name, flag in needed.items():
        require(name in answers, "policy", f"{name} was not read back")
        require(answers[name] is flag, "policy", f"{name} is not {'true' if flag else 'false'}")


def _check_test_signature(observed: dict) -> None:
    require(observed["testSignature"] == VERIFIED, "policy", "no test signature was verified")
