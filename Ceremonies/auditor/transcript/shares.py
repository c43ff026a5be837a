"""Shares of a token's activation data: handed out, read back and tested before the token is changed."""

from itertools import combinations
from math import comb, prod

from .refusal import require


class _Split:
    def __init__(self, line: dict):
        self.line = line
        self.holders = [holder["name"] for holder in line["holders"]]
        self.to_read_back = list(self.holders)
        self.tested = False
        self.meant = False
        self.quorums = _quorums(line)


def _quorums(line: dict) -> int:
    """How many quorums the shares have, of one group or of several; 0 where the groups contradict the holders."""
    count, needed = len(line["holders"]), line["needed"]
    if "groups" not in line and "groupsNeeded" not in line:
        return comb(count, needed)
    groups, whole = line.get("groups", []), line.get("groupsNeeded", 0)
    smallest = sum(sorted(group["needed"] for group in groups)[:whole])
    fits = len(groups) >= 2 and 1 <= whole <= len(groups) and smallest == needed
    if not fits or sum(group["holders"] for group in groups) != count:
        return 0
    own = [comb(group["holders"], group["needed"]) if group["needed"] >= 1 else 0 for group in groups]
    return 0 if 0 in own else sum(prod(choice) for choice in combinations(own, whole))


class Shares:
    """The share lines of one step."""

    def __init__(self, participants: set[str]) -> None:
        self._participants = participants
        self._split: _Split | None = None
        self._presented: list[str] = []
        self._presented_set = ""

    def interrupted(self) -> None:
        """An attempt that has not meant anything is given up, with its shares."""
        self._presented = []
        if self._split is not None and not self._split.meant:
            self._split = None

    def take(self, line: dict) -> None:
        """Fault `people` or `order`."""
        if line["type"] == "shares":
            self._hand_out(line)
        elif line["type"] == "share-presented":
            # Of the last set alone: a token that takes new PINs may be opened by the shares of two.
            if line["set"] != self._presented_set:
                self._presented, self._presented_set = [], line["set"]
            require(line["name"] in self._participants, "people", f"{line['name']} is no participant")
            # Nobody's share counts twice.
            require(line["name"] not in self._presented, "people", f"{line['name']} presents a share twice")
            self._presented.append(line["name"])
        else:
            split = self._split
            known = split is not None and split.line["set"] == line["set"]
            require(known, "order", f"`{line['type']}` without `shares`")
            require(not split.tested, "order", f"`{line['type']}` after the quorums were tested")
            if line["type"] == "share-read-back":
                due = split.to_read_back[:1] == [line["name"]]
                require(due, "order", f"it is not the turn of {line['name']}'s share")
                split.to_read_back.pop(0)
                return
            require(not split.to_read_back, "order", "not every share was read back")
            subsets = split.quorums
            require(line["count"] == subsets, "order", f"there are {subsets} quorums to test")
            split.tested = True

    def _hand_out(self, line: dict) -> None:
        split = _Split(line)
        require(len(set(split.holders)) == len(split.holders), "people", "a holder stands twice in `shares`")
        for name in split.holders:
            require(name in self._participants, "people", f"{name} is no participant")
        require(line["needed"] >= 2, "people", "one share alone would open the token")
        require(split.quorums > 0, "people", "the groups are not those of the holders")
        require(self._split is None, "order", "`shares` stand a second time")
        self._split = split

    def mean(self, intent: dict) -> None:
        """The intent of `set-activation`. Fault `order`."""
        split = self._split
        require(split is not None, "order", "`set-activation` without `shares`")
        require(split.tested, "order", "the quorums were not tested")
        same = all(intent[member] == split.line[member] for member in ("set", "needed"))
        require(same and intent["holders"] == split.holders, "order", "`set-activation` contradicts `shares`")
        split.meant = True

    def require_presented(self, observed: dict) -> None:
        """At the observation of a login. Fault `people`."""
        presented, self._presented = self._presented, []
        by_quorum = observed["opened"] == "quorum"
        require(
            observed["holders"] == (presented if by_quorum else []), "people",
            "`holders` are not those who presented their shares",
        )
        require(presented or not by_quorum, "people", "a quorum of nobody opened the token")
