"""Who approved the runs: Approval, "Each run"."""

import re

import cms
import der
import keys
import rosters
import statements
import tree
from archive import Files
from entries import Entry
from notes import is_rehearsal
from pins import Pins
from refusal import Refused
from statements import need
from tree import sha256

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def certificates(files: Files, path: str) -> list[cms.Certificate]:
    """The certificates of a PEM file; none where the file is not there. What is no certificate brings no key."""
    result = []
    for match in _PEM.finditer(files.get(path) or b""):
        try:
            octets = keys.from_base64(b"".join(match.group(1).split()).decode())
            result.append(cms.certificate(octets))
            der.one(octets, der.SEQUENCE)
        except ValueError:
            continue
    return result


def check(
    files: Files, pins: Pins, chain: list[rosters.Roster], log: list[Entry], leaves: list[bytes]
) -> None:
    """Every run. Refused as `approval`, with the authorisation's file and the index of the `open-run`."""
    signers, issuers = certificates(files, "signers.pem"), certificates(files, "issuers.pem")
    earliest = 1
    for index, entry in enumerate(log):
        if entry.kind != "open-run":
            continue
        path = f"authorisations/{entry[4].hex()}.p7s"
        try:
            message, statement = statements.read(files.read(path), statements.AUTHORISATION)
            roster = statements.check_roster_order(chain, statement, earliest)
            earliest = roster.version
            statements.check_approvals(message, statement, roster, "approval")
            authority = _authority(signers, statement, roster)
            statements.check_countersigned(message, authority)
            _check_entry(entry, statement, pins.origin)
            _check_issuer(issuers, statement, entry)
            size = statement["treeSize"]
            need(size <= index, "`treeSize` is beyond the entry")
            need(tree.root(leaves[:size]).hex() == statement["rootHash"], "`rootHash` is of another log")
            need(statement["notBefore"] <= entry[10] <= statement["notAfter"], "opened outside its time")
        except (ValueError, IndexError) as error:
            raise Refused("approval", str(error), path, index) from None


def _authority(signers: list[cms.Certificate], statement: dict, roster: rosters.Roster) -> bytes:
    found = [cert.spki for cert in signers if sha256(cert.spki).hex() == statement["authority"]]
    need(found and keys.curve(found[0]), "signers.pem has no certificate of the run authority")
    need(found[0] not in roster.keys(), "the run authority is a member")
    return found[0]


def _check_entry(entry: Entry, statement: dict, origin: str) -> None:
    station = entry.get(9)
    said = {
        "run": entry[2], "product": entry[3], "quantity": entry[5], "spoilage": entry[6], "template": entry[7].hex(),
        "station": station.hex() if station else None, "origin": origin,
    }
    for name, value in said.items():
        need(statement[name] == value, f"`{name}` is not what the entry says")
    need(statements.is_rehearsal(statement) == entry[11], "`type` is not what the entry says")
    need(statements.is_rehearsal(statement) == is_rehearsal(origin), "`type` does not fit the log")


def _check_issuer(issuers: list[cms.Certificate], statement: dict, entry: Entry) -> None:
    found = [cert for cert in issuers if sha256(cert.spki).hex() == statement["issuer"]]
    need(found, "issuers.pem has no certificate of the issuer")
    need(any(cert.subject_key_identifier == entry[8] for cert in found), "another issuer's key identifier")
