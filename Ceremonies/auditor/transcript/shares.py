"""Shares of a token's activation data: handed out, read back and tested before the token is changed."""

from math import comb

from .refusal import require


class _Split:
    def __init__(self, line: dict):
        self.line = line
        self.holders = [holder["name"] for holder in line["holders"]]
        self.to_read_back = set(self.holders)
        self.tested = False


class Shares:
    """The share lines of one step."""

    def __init__(self) -> None:
        self._splits: dict[object, _Split] = {}
        self._presented: dict[str, object] = {}

    def interrupted(self) -> None:
        self._presented = {}

    def take(self, line: dict) -> None:
        name_of_set = line["set"]
        if line["type"] == "shares":
            split = _Split(line)
            require(len(split.to_read_back) == len(split.holders), "order", "a holder stands twice in `shares`")
            self._splits[name_of_set] = split
            return
        if line["type"] == "share-presented":
            require(line["name"] not in self._presented, "order", f"{line['name']} presents a share twice")
            self._presented[line["name"]] = name_of_set
            return
        split = self._splits.get(name_of_set)
        require(split is not None, "order", f"`{line['type']}` without `shares`")
        if line["type"] == "share-read-back":
            require(line["name"] in split.to_read_back, "order", f"{line['name']} has no share to read back")
            split.to_read_back.discard(line["name"])
            return
        require(not split.tested, "order", "the quorums are tested twice")
        require(1 <= split.line["needed"] <= len(split.holders), "order", "no quorum of the holders exists")
        subsets = comb(len(split.holders), split.line["needed"])
        require(line["count"] == subsets, "order", f"there are {subsets} quorums to test")
        split.tested = True

    def require_tested(self, intent: dict) -> None:
        """Before the intent of `set-activation`. Fault `order` or `effect`."""
        split = self._splits.get(intent["set"])
        require(split is not None, "order", "`set-activation` without `shares`")
        require(not split.to_read_back, "order", "not every share was read back")
        require(split.tested, "order", "the quorums were not tested")
        same = (intent["token"], intent["needed"], intent["holders"]) == (
            split.line["token"], split.line["needed"], split.holders,
        )
        require(same, "effect", "`set-activation` contradicts `shares`")

    def require_presented(self, observed: dict) -> None:
        """Before the observation of a login. Fault `order`."""
        if observed["opened"] != "quorum":
            return
        for name in observed["holders"]:
            require(name in self._presented, "order", f"{name} has presented no share")
        require(
            set(self._presented) == set(observed["holders"]), "order", "a share was presented by nobody of `holders`"
        )
        require(len(set(self._presented.values())) <= 1, "order", "the shares presented are of several sets")
        self._presented = {}
