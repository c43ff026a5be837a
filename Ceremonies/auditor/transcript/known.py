"""The keys, certificates, lists and rosters that a transcript has, and the digests that are read out of them."""

from . import canonical
from .kinds import octets_of
from .refusal import require
from .signatures import sha256


class Known:
    def __init__(self, roster: dict | None):
        # Public keys in base64, by label; `made` are those that were generated or restored here.
        self._keys: dict[str, str] = {}
        self.made: dict[str, str] = {}
        # Digests of certificates by the label of their key, of lists by the step that signed them.
        self.certificates: dict[str, str] = {}
        self.lists: dict[str, str] = {}
        self.roster = roster

    def key(self, label: str, public_key: str, made: bool = False) -> None:
        """A line says which key the label has. Fault `policy`."""
        for other, key in self._keys.items():
            require(other == label or key != public_key, "policy", f"{label} and {other} have one key")
        self._keys[label] = public_key
        if made:
            self.made[label] = public_key

    def require(self, line: dict) -> None:
        """A `read-out` or a `compare`. Fault `form` or `effect`."""
        of_something = line["of"] in ("key", "certificate", "crl")
        require(("subject" in line) == of_something, "form", "`subject` is there for keys, certificates and lists")
        expected, subject = None, line.get("subject")
        match line["of"]:
            case "head":
                expected = line["prev"]
            case "roster":
                expected = canonical.digest(self.roster) if self.roster else None
            case "key":
                key = self._keys.get(subject)
                expected = sha256(octets_of(key, "subjectPublicKeyInfo")) if key is not None else None
            case "certificate":
                expected = self.certificates.get(subject)
            case "crl":
                expected = self.lists.get(subject)
        require(expected is not None, "effect", f"the transcript has no {line['of']} of {subject}")
        require(line["value"] == expected, "effect", f"`value` is not the digest of the {line['of']}")
