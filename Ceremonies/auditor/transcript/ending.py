"""What `closing` says of the whole transcript."""

from . import canonical
from .refusal import require


class Ending:
    def __init__(self) -> None:
        self._inventories: dict[str, list[str]] = {}

    def listed(self, line: dict) -> None:
        """An `inventory`."""
        self._inventories.setdefault(line["token"], []).append(canonical.digest(line["objects"]))

    def check(self, closing: dict, exceptions: int, interruptions: int) -> None:
        """Fault `order`."""
        require(closing["exceptions"] == exceptions, "order", f"there were {exceptions} exceptions")
        require(closing["interruptions"] == interruptions, "order", f"there were {interruptions} interruptions")
        expected = [
            {"token": token, "before": digests[0], "after": digests[-1]}
            for token, digests in sorted(self._inventories.items())
        ]
        require(
            closing["inventories"] == expected, "order",
            "`inventories` are not the first and the last of each token, by name",
        )
