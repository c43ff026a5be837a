"""The log's rules, entry by entry: Format, "Verification" 4 to 9."""

from dataclasses import dataclass, field

import entries
from entries import Entry
from refusal import Refused, require
from tree import entry_file, sha256


@dataclass
class Run:
    """The book of one run."""

    opening: int
    entry: Entry
    adds: int = 0
    scrapped: int = 0
    burned: list[bytes] = field(default_factory=list)
    sealed: bool = False

    @property
    def made(self) -> int:
        return self.adds + len(self.burned)

    def summary(self) -> dict:
        return {
            "run": self.entry[2], "product": self.entry[3], "quantity": self.entry[5], "spoilage": self.entry[6],
            "reserved": self.made, "released": self.adds - self.scrapped, "scrapped": self.scrapped,
            "burned": len(self.burned), "sealed": self.sealed,
        }


class Books:
    """What the entries so far say."""

    def __init__(self, log: list[Entry], rehearsal: bool):
        self.log = log
        self.rehearsal = rehearsal
        self.runs: dict[str, Run] = {}
        self.form: int | None = None
        self.scrapped: set[int] = set()
        self.successor: dict[int, int] = {}
        self.predecessor: dict[int, int] = {}
        self.certificates: set[bytes] = set()
        self.numbers: set[tuple[bytes, bytes]] = set()

    def fault(self, code: str, reason: str, index: int) -> Refused:
        return Refused(code, reason, entry_file(index, len(self.log)), index)

    def require(self, condition: object, code: str, reason: str, index: int) -> None:
        if not condition:
            raise self.fault(code, reason, index)

    def follow(self) -> None:
        rules = {
            "open-run": self._open, "add": self._add, "revoke": self._revoke, "scrap": self._scrap,
            "replace": self._replace, "seal": self._seal, "state": self._state,
        }
        for index, entry in enumerate(self.log):
            if entry.kind in rules:
                rules[entry.kind](index, entry)
        for run in self.runs.values():
            if not run.sealed:
                self._released(run)
        self._once("serial", lambda add: (add[3], add[4]))
        self._once("key", lambda add: add[5])
        last = len(self.log) - 1
        if not self.log or self.log[last].kind != "state":
            raise Refused("state", "the last entry is no state", None, last if self.log else None)

    def _open(self, index: int, entry: Entry) -> None:
        self.require(entry[2] not in self.runs, "run", "the run id is not new", index)
        self.require(self.form in (None, entry[12]), "run", "another form of serials", index)
        self._rehearsal(index, entry)
        self.form = entry[12]
        self.runs[entry[2]] = Run(index, entry)

    def _rehearsal(self, index: int, entry: Entry) -> None:
        self.require(entry[11] == self.rehearsal, "rehearsal", "the flag does not fit the origin", index)

    def _is_open(self, index: int, entry: Entry) -> Run:
        run = self.runs.get(entry[2])
        self.require(run and not run.sealed, "run", "its run is not open", index)
        return run

    def _made(self, run: Run, index: int) -> None:
        self.require(run.made <= run.entry[5] + run.entry[6], "quantity", "more than quantity plus spoilage", index)

    def _certificate(self, index: int, number: bytes, issuer: bytes) -> None:
        self.require((issuer, number) not in self.numbers, "duplicate", "the serial number comes twice", index)
        self.numbers.add((issuer, number))

    def _add(self, index: int, entry: Entry) -> None:
        run = self._is_open(index, entry)
        self.require(entry[3] == run.entry[3], "run", "another product than its run's", index)
        self.require(entry[8] == run.entry[8], "run", "another issuer than its run's", index)
        self.require(isinstance(entry[4], bytes) == (run.entry[12] == 1), "run", "another form of serial", index)
        run.adds += 1
        self._made(run, index)
        self.require(entry[6] not in self.certificates, "duplicate", "the certificate comes twice", index)
        self.certificates.add(entry[6])
        self._certificate(index, entry[7], entry[8])

    def _device(self, index: int, cited: int) -> Entry:
        good = cited < index and self.log[cited].kind == "add"
        self.require(good, "entry-reference", f"{cited} is no add before it", index)
        return self.log[cited]

    def _revoke(self, index: int, entry: Entry) -> None:
        if 5 in entry.fields:
            device = self._device(index, entry[5])
            self.require(device[2] == entry[2], "entry-reference", "not the device's run", index)
            return
        run = self._is_open(index, entry)
        self.require(entry[7] == run.entry[8], "run", "another issuer than its run's", index)
        run.burned.append(entry[6])
        self._made(run, index)
        self._certificate(index, entry[6], entry[7])

    def _scrap(self, index: int, entry: Entry) -> None:
        device = self._device(index, entry[2])
        self.require(entry[2] not in self.scrapped, "entry-reference", "the device is scrapped twice", index)
        self.scrapped.add(entry[2])
        run = self.runs[device[2]]
        if not run.sealed:
            run.scrapped += 1

    def _replace(self, index: int, entry: Entry) -> None:
        self._device(index, entry[2])
        self._device(index, entry[3])
        self.require(entry[2] not in self.successor, "entry-reference", "the device is replaced twice", index)
        self.require(entry[3] not in self.predecessor, "entry-reference", "the device replaces two", index)
        self.successor[entry[2]] = entry[3]
        self.predecessor[entry[3]] = entry[2]

    def _seal(self, index: int, entry: Entry) -> None:
        run = self._is_open(index, entry)
        self.require(entry[3] == run.opening, "seal", "cites another entry than its open-run", index)
        self._rehearsal(index, entry)
        counts = (run.made, run.adds - run.scrapped, run.scrapped, len(run.burned))
        self.require((entry[4], entry[5], entry[6], entry[7]) == counts, "seal", f"the counts are {counts}", index)
        self.require(entry[8] == sha256(b"".join(sorted(run.burned))), "seal", "another digest of the burned", index)
        self._released(run)
        run.sealed = True

    def _released(self, run: Run) -> None:
        self.require(
            run.adds - run.scrapped <= run.entry[5], "quantity", "more devices released than the quantity", run.opening
        )

    def _state(self, index: int, entry: Entry) -> None:
        self.require(entries.covers(entry, index), "state", "does not cover the entries before it", index)

    def _once(self, what: str, subject) -> None:
        """Once in the log; each further `add` must be the new device of a `replace` of the one before."""
        latest: dict[object, int] = {}
        for index, entry in enumerate(self.log):
            if entry.kind == "add":
                before = latest.get(subject(entry))
                good = before is None or self.successor.get(before) == index
                self.require(good, "duplicate", f"the {what} is listed already, as entry {before}", index)
                latest[subject(entry)] = index


def check_authorisations(files, log: list[Entry]) -> None:
    """Format, "Verification" 10: each that an `open-run` cites is there and has its digest."""
    for index, entry in enumerate(log):
        if entry.kind == "open-run":
            path = f"authorisations/{entry[4].hex()}.p7s"
            octets = files.get(path)
            require(octets is not None, "file-missing", "the authorisation is missing", path, index)
            require(sha256(octets) == entry[4], "authorisation", "another digest than its name", path, index)
