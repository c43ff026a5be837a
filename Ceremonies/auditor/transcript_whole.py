"""Whole ceremonies: one with every kind of step of the script's language, and the one that makes the first roster."""

import transcript_effects_builder as effects
from transcript import canonical
from transcript_builder import (
    KEYS, ROLES, SHARE_KEYS, ZERO, Ceremony, certificate, crl, member, roster, sha, spki, script_step,
)

ENROLMENT = {"id": "s", "kind": "enrol-custodian", "title": "T", "cp": "CP", "digest": "a" * 64}
_OBJECTS = [{"kind": "private-key", "label": "ca", "keyID": "0a"}]


def rosters(rehearsal: bool = False) -> list:
    """Two versions: Eve leaves, and Cy joins."""
    first = roster([member(name) for name in ("Ada", "Bo", "Di", "Eve")], rehearsal=rehearsal)
    signers = [(name, name) for name in ("Cy", "Ada", "Bo")]
    return [first, roster([member(name) for name in ROLES], 2, first, signers, rehearsal=rehearsal)]


def every_step(key: object, rehearsal: bool = False) -> Ceremony:
    """`key` is the key that is generated, certified, signs a list, and is wrapped, destroyed and restored."""
    c = Ceremony(rehearsal=rehearsal, **({} if rehearsal else {"rosters": rosters()}))
    root = certificate(key, key)
    c.begin_step("opening", "say")
    c.done()
    for do, answer in (("check", "yes"), ("record", "12"), ("choose", "left")):
        c.begin_step(do, do)
        c.within("answer", answer=answer, by="Bo")
        c.done()
    c.begin_step("bag", "inspect-bag")
    c.within("answer", answer="B-1", by="Bo", bag="hsm")
    c.done()
    c.begin_step("initial", "login")
    effects.login(c, "initial-pin")
    c.done()
    c.begin_step("split", "split")
    effects.split(c)
    c.done()
    c.begin_step("open", "collect-shares")
    effects.login(c, "quorum", ("Bo", "Di"))
    c.done()
    c.begin_step("before", "inventory")
    c.within("inventory", token="root", objects=[])
    c.done()
    c.begin_step("generate", "generate-key")
    effects.generate(c, key, "wrap")
    c.done()
    c.begin_step("verify", "verify-key", actor="ceremony-administrator")
    effects.login(c)
    effects.test_signature(c, backup="wrap")
    c.done()
    _certify(c, key, root)
    c.begin_step("rest", "break")
    c.within("break", by="Di", reason="lunch")
    c.add("back", 600, step="rest")["seconds"] = 600
    c.done()
    _leave(c, key)
    if rehearsal:
        new = roster([member(name) for name in ROLES], origin=c.begin["origin"], rehearsal=True)
    else:
        new = roster([member(name) for name in ROLES], 3, c.begin["rosters"][-1], [("Bo", "Bo"), ("Di", "Di")])
    _sign_roster(c, new)
    c.begin_step("halfway", "sign-off")
    c.sign_offs()
    c.done()
    c.begin_step("after", "inventory")
    effects.login(c, token="spare")
    c.within("inventory", token="spare", objects=[])
    c.within("inventory", token="root", objects=_OBJECTS)
    c.done()
    c.begin_step("seal", "seal-bag")
    c.within("answer", answer="B-2", by="Bo", bag="hsm")
    c.done()
    c.begin_step("head", "compare")
    c.read_out("head", kind="compare")
    c.done()
    before = canonical.digest([])
    return c.close(inventories=[
        {"token": "root", "before": before, "after": canonical.digest(_OBJECTS)},
        {"token": "spare", "before": before, "after": before},
    ])


def _certify(c: Ceremony, key: object, root: object) -> None:
    c.begin_step("certify", "sign-certificate")
    effects.certify(c, root)
    c.done()
    c.begin_step("list", "sign-crl")
    revoked = crl(key)
    effects.sign_crl(c, revoked, root)
    c.done()
    der_of_key = effects.octets(spki(key))
    for of, value, subject in (
        ("key", sha(der_of_key), "ca"), ("certificate", sha(effects.der(root)), "ca"),
        ("crl", sha(effects.der(revoked)), "list"),
    ):
        c.begin_step("read-" + of, "read-out")
        c.read_out(of, value, subject=subject)
        c.done()
        c.begin_step("compare-" + of, "compare")
        c.read_out(of, value, "compare", subject=subject)
        c.done()
    c.begin_step("print", "print")
    c.within("printed", what="certificate", fileDigest=ZERO)
    c.done()


def _leave(c: Ceremony, key: object) -> None:
    """The key leaves its token for another."""
    c.begin_step("wrap", "wrap")
    effects.wrap(c, key)
    c.done()
    c.begin_step("destroy", "destroy")
    effects.destroy(c, key)
    c.done()
    c.begin_step("restore", "unwrap")
    effects.login(c, token="spare")
    effects.unwrap(c, key)
    c.done()


def _sign_roster(c: Ceremony, document: dict) -> None:
    c.begin_step("roster", "sign-roster")
    effects.sign_roster(c, document)
    c.done()
    c.begin_step("read-roster", "read-out")
    c.read_out("roster", canonical.digest(document))
    c.done()


def enrolment(enrols: tuple = tuple(ROLES), document: dict | None = None, **begin: object) -> Ceremony:
    """The live ceremony in which participants get their keys, and the first roster is made."""
    c = Ceremony(
        script_step("enrol", "enrol"), script_step("roster", "sign-roster"),
        **({"rehearsal": False, "script": ENROLMENT, "rosters": []} | begin),
    )
    for person in c.begin["participants"]:
        del person["publicKey"]
    c.step("enrol")
    for name in enrols:
        effects.enrol(c, name, KEYS[name], SHARE_KEYS[name])
    c.done()
    c.step("roster")
    effects.sign_roster(c, document or roster([member(name) for name in ROLES]))
    c.done()
    return c.close()
