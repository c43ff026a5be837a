"""Effects: their three lines, what tokens must have answered, certificates, revocation lists and read-outs."""

import unittest
from datetime import datetime
from copy import deepcopy
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import CertificateBuilder

import transcript_effects_builder as effects
from transcript_builder import ZERO, Ceremony, attributes, certificate, crl, new_key, probes, sha, spki, text
from transcript_case import TranscriptCase, finish, one_step
from transcript_whole import every_step

KEY = new_key()
OTHER = new_key()
GENERATE = {"effect": "generate-key"}
CERTIFY = {"effect": "sign-certificate"}
LIST = {"effect": "sign-crl"}


def generated(backup: str = "none", copies: bool = False, key: object = KEY) -> Ceremony:
    """The step `it`, which is open, has generated the key `ca`."""
    ceremony = one_step("generate-key")
    effects.generate(ceremony, key, backup, copies)
    return ceremony


def then(ceremony: Ceremony, identifier: str, do: str) -> Ceremony:
    """The next step is open."""
    ceremony.done()
    ceremony.begin_step(identifier, do)
    return ceremony


class Whole(TranscriptCase):
    def test_a_ceremony_with_every_kind_of_step_is_accepted(self):
        for rehearsal in (False, True):
            result = self.accepted(every_step(KEY, rehearsal), allow_rehearsal=rehearsal)
            self.assertEqual([remark for _, remark in result.remarks if "was given" not in remark], [])

    def test_no_line_of_it_can_be_left_out_or_stand_twice(self):
        whole = every_step(KEY)
        whole.keys = {name: _Undivided(key) for name, key in whole.keys.items()}
        # A second of these tells nothing that is wrong: the same is said, found or meant again.
        again = ("read-out", "compare", "printed", "inventory")
        for place in range(len(whole.lines)):
            left = whole.lines[place]
            with self.subTest(left["type"], line=place + 1):
                ceremony = deepcopy(whole)
                del ceremony.lines[place]
                self.refused(None, None, ceremony)
                ceremony = deepcopy(whole)
                ceremony.lines.insert(place + 1, dict(left))
                if left["type"] not in again and not (left["type"] == "intent" and left["effect"] in _NO_EFFECT):
                    self.refused(None, None, ceremony)


class _Undivided:
    """A private key, which cannot be copied, as part of a ceremony that is."""

    def __init__(self, key: object):
        self.sign = key.sign

    def __deepcopy__(self, memory: dict) -> "_Undivided":
        return self


_NO_EFFECT = ("login", "test-signature", "sign-roster")


class Pairing(TranscriptCase):
    def test_effects_need_each_other(self):
        for missing, refused_at in (("intent", "effect"), ("effect", "observed"), ("observed", "done")):
            ceremony = finish(generated())
            del ceremony.lines[ceremony.find(missing) - 1]
            self.refused("effect", ceremony.find(refused_at), ceremony)
        ceremony = one_step("login")
        ceremony.within("effect", effect="login", token="root")
        self.refused("form", 3, ceremony)

    def test_none_of_the_three_stands_twice(self):
        for kind in ("intent", "effect", "observed"):
            ceremony = finish(generated())
            place = ceremony.find(kind)
            ceremony.lines.insert(place, dict(ceremony.lines[place - 1]))
            self.refused("effect", place + 1, ceremony)

    def test_an_effect_without_an_effect_line_may_be_meant_again(self):
        ceremony = one_step("login")
        effects.login(ceremony)
        effects.login(ceremony)
        self.accepted(finish(ceremony))
        ceremony = one_step("login")
        effects.login(ceremony)
        ceremony.within("intent", effect="login", token="root")
        self.refused("effect", 6, finish(ceremony))

    def test_a_step_is_done_with_its_own_effect(self):
        for do in ("login", "collect-shares", "split", "generate-key", "verify-key", "wrap", "sign-roster", "destroy"):
            ceremony = finish(one_step(do))
            self.refused("order", ceremony.find("done"), ceremony)
        self.accepted(finish(one_step("enrol")))

    def test_effects_stand_in_their_steps(self):
        for do, effect in (
            ("say", effects.login), ("sign-roster", effects.login), ("generate-key", effects.test_signature),
            ("verify-key", effects.generate_intent), ("sign-off", effects.login),
        ):
            ceremony = one_step(do)
            place = len(ceremony.lines) + 1
            effect(ceremony)
            self.refused("order", place, ceremony)

    def test_other_effects_stand_between(self):
        ceremony = one_step("generate-key")
        effects.generate_intent(ceremony)
        effects.login(ceremony)
        effects.generate_effect(ceremony, KEY)
        effects.login(ceremony)
        effects.generate_observed(ceremony)
        self.accepted(finish(ceremony))

    def test_what_contradicts_the_intent_is_refused(self):
        for kind, change in (
            ("effect", {"label": "x"}), ("effect", {"keyID": "0b"}), ("observed", {"label": "x"}),
            ("effect", {"recovered": True}),
        ):
            ceremony = finish(generated())
            ceremony.line(kind).update(change)
            self.refused("effect", ceremony.find(kind), ceremony)

    def test_a_token_is_the_one_that_the_first_line_binds(self):
        for member in ("name", "tokenLabel", "serial", "activation", "moduleDigest"):
            ceremony = one_step("login")
            effects.login(ceremony)
            observed = ceremony.line("observed")
            (observed if member == "moduleDigest" else observed["token"])[member] = "1" * 64
            self.refused("effect", 4, ceremony)

    def test_no_token_is_opened_that_the_first_line_does_not_bind(self):
        ceremony = one_step("login")
        effects.login(ceremony, token="other")
        self.refused("order", 3, ceremony)

    def test_what_was_destroyed_is_nowhere_on_the_token(self):
        for entry in ({"label": "ca", "keyID": "0b"}, {"label": "other", "keyID": "0a"}):
            ceremony = one_step("destroy")
            effects.destroy(ceremony, KEY)
            ceremony.line("observed")["objects"].append({"kind": "key"} | entry)
            self.refused("effect", 8, ceremony)

    def test_nothing_is_meant_before_all_have_signed(self):
        ceremony = one_step("generate-key")
        ceremony.lines.pop()
        effects.generate(ceremony, KEY)
        self.refused("sign-off", 5, ceremony)

    def test_after_an_interruption_an_effect_goes_on_where_it_stopped(self):
        def interrupted(*before: Callable, then: list, signed: bool = True) -> Ceremony:
            ceremony = one_step("generate-key")
            for part in before:
                part(ceremony)
            ceremony.resumed()
            ceremony.step("it", attempt=2, signed=signed)
            for part in then:
                part(ceremony)
            return finish(ceremony, interruptions=1)

        def effect(ceremony: Ceremony, **more: object) -> None:
            effects.generate_effect(ceremony, KEY, **more)

        def recovered(ceremony: Ceremony) -> None:
            effect(ceremony, recovered=True)

        def otherwise(ceremony: Ceremony) -> None:
            effects.generate_intent(ceremony, backup="wrap")

        intent, observed = effects.generate_intent, effects.generate_observed
        self.accepted(interrupted(intent, then=[recovered, observed]))
        self.accepted(interrupted(intent, then=[intent, effect, observed]))
        self.accepted(interrupted(intent, then=[effects.login, intent, recovered, observed]))
        self.accepted(interrupted(intent, effect, then=[observed]))
        self.accepted(interrupted(intent, effect, observed, then=[]))
        self.refused("effect", 12, interrupted(intent, then=[otherwise, effect, observed]))
        self.refused("effect", 13, interrupted(intent, effect, then=[intent, effect, observed]))
        self.refused("effect", 14, interrupted(intent, effect, observed, then=[intent, effect, observed]))
        self.refused("effect", 12, interrupted(intent, then=[observed]))
        self.refused("effect", 12, interrupted(intent, then=[]))
        self.refused("effect", 12, interrupted(then=[intent, recovered]))
        self.refused("sign-off", 9, interrupted(intent, then=[intent, effect, observed], signed=False))
        self.refused("sign-off", 11, interrupted(intent, then=[recovered, observed], signed=False))


class Policy(TranscriptCase):
    def test_declared_policies(self):
        for backup, copies in (("none", False), ("wrap", False), ("none", True), ("wrap", True)):
            self.accepted(finish(generated(backup, copies)))

    def test_what_was_read_back_is_what_was_declared(self):
        for backup, copies, read in (
            ("none", False, attributes("wrap")), ("wrap", False, attributes()),
            ("none", False, attributes(copies=True)),
            ("none", True, attributes()), ("wrap", False, attributes("wrap", CKA_WRAP_WITH_TRUSTED=False)),
            *(("none", False, attributes(**{entry["name"]: None})) for entry in attributes()[:14]),
            *(("none", False, attributes(**{entry["name"]: not entry["flag"]})) for entry in attributes()[:14]),
            ("none", False, attributes()[1:]), ("none", False, attributes() + [{"name": "CKA_TOKEN", "flag": True}]),
        ):
            ceremony = finish(generated(backup, copies))
            ceremony.line("observed")["attributes"] = read
            self.refused("policy", ceremony.find("observed"), ceremony)

    def test_probes_and_a_test_signature(self):
        for change in (
            {"probes": probes("read", "wrap")}, {"probes": probes("read", "copy")}, {"probes": probes("wrap", "copy")},
            {"testSignature": "none"},
        ):
            ceremony = finish(generated())
            ceremony.line("observed").update(change)
            self.refused("policy", 8, ceremony)

    def test_a_key_found_again_is_held_to_the_same(self):
        for backup, accepted in (("wrap", True), ("none", False)):
            ceremony = then(generated("wrap"), "again", "verify-key")
            effects.test_signature(ceremony, backup=backup)
            if accepted:
                self.accepted(finish(ceremony))
            else:
                self.refused("policy", 12, ceremony)

    def test_an_earlier_key_is_not_judged(self):
        for change, accepted in (
            ({"attributes": []}, True), ({"attributes": [{"name": "CKA_X", "flag": None}] * 2}, False),
            ({"testSignature": "none"}, False),
        ):
            ceremony = one_step("verify-key")
            effects.test_signature(ceremony)
            ceremony.line("observed").update(change)
            if accepted:
                self.accepted(finish(ceremony))
            else:
                self.refused("policy", 4, ceremony)

    def test_a_restored_key(self):
        ceremony = one_step("unwrap")
        effects.unwrap(ceremony, KEY)
        self.accepted(finish(ceremony))
        for code, change in (
            ("form", {"policy": "generated"}), ("policy", {"attributes": attributes()}),
            ("policy", {"testSignature": "no"}),
        ):
            ceremony = one_step("unwrap")
            effects.unwrap(ceremony, KEY)
            ceremony.line("observed").update(change)
            self.refused(code, 8, ceremony)

    def test_no_two_labels_have_one_key(self):
        ceremony = then(generated(), "more", "wrap")
        effects.wrap(ceremony, KEY)
        ceremony.line("intent", effect="wrap")["label"] = "cb"
        self.refused("policy", ceremony.find("intent", effect="wrap"), ceremony)


class Certificates(TranscriptCase):
    def certified(self, made: object, issuer: object = None, key: object = KEY, **more: object) -> Ceremony:
        ceremony = then(generated(key=key), "certify", "sign-certificate")
        effects.certify(ceremony, made, issuer, **more)
        return ceremony

    def test_self_signed_and_issued_certificates(self):
        self.accepted(finish(self.certified(certificate(KEY, KEY))))
        issued, root = certificate(KEY, OTHER, "Sub"), certificate(OTHER, OTHER)
        self.accepted(finish(self.certified(issued, root, issuer_label="root")))
        strong = new_key(ec.SECP384R1())
        self.accepted(finish(self.certified(certificate(strong, strong), key=strong)))

    def test_rsa(self):
        key = rsa.generate_private_key(65537, 2048)
        self.accepted(finish(self.certified(certificate(key, key), key=key)))
        ceremony = self.certified(certificate(key, KEY), certificate(key, key), key=key)
        self.refused("certificate", ceremony.find("observed", **CERTIFY), ceremony)

    def test_refused_certificates(self):
        root = certificate(KEY, KEY)
        for ceremony in (
            self.certified(certificate(OTHER, OTHER)), self.certified(certificate(KEY, OTHER)),
            self.certified(certificate(KEY, OTHER), root), self.certified(root, root, subject="unknown"),
        ):
            self.refused("certificate", ceremony.find("observed", **CERTIFY), ceremony)
        another = effects.der(certificate(KEY, KEY, "Another"))
        for kind, code, change in (
            ("intent", "certificate", {"toBeSigned": text(another)}), ("intent", "certificate", {"issuerKey": "x"}),
            ("effect", "effect", {"toBeSignedDigest": ZERO}),
            ("observed", "effect", {"toBeSignedDigest": ZERO}),
            ("observed", "effect", {"notBefore": "2031-05-04T00:00:01Z"}),
            ("observed", "certificate", {"certificateDigest": ZERO}),
            ("observed", "certificate", {"certificate": "MAA="}),
            ("observed", "certificate", {"certificate": text(another), "certificateDigest": sha(another)}),
            ("observed", "certificate", {"certificate": text(effects.der(root) + b"\0")}),
            ("observed", "certificate", {"notAfter": "2061-05-04T00:00:01Z"}),
        ):
            ceremony = self.certified(root)
            ceremony.line(kind, **CERTIFY).update(change)
            self.refused(code, ceremony.find(kind, **CERTIFY), ceremony)
        for kind, change in (
            ("intent", {"certificateSerial": "2f"}), ("intent", {"issuerCertificate": "MAA="}),
            ("effect", {"signature": text(certificate(KEY, KEY).signature)}),
        ):
            ceremony = self.certified(root)
            ceremony.line(kind, **CERTIFY).update(change)
            self.refused("certificate", ceremony.find("observed", **CERTIFY), ceremony)

    def test_a_weak_hash_is_refused(self):
        strong = certificate(KEY, KEY)
        weak = (
            CertificateBuilder().subject_name(strong.subject).issuer_name(strong.subject).serial_number(0x1F)
            .public_key(KEY.public_key()).not_valid_before(datetime(2026, 1, 1))
            .not_valid_after(datetime(2036, 1, 1)).sign(KEY, hashes.SHA224())
        )
        ceremony = self.certified(weak)
        self.refused("certificate", ceremony.find("observed", **CERTIFY), ceremony)

    def test_revocation_lists(self):
        def revoked(signer: object = KEY, number: int = 3) -> Ceremony:
            ceremony = one_step("sign-crl")
            effects.sign_crl(ceremony, crl(signer, number), certificate(KEY, KEY))
            return finish(ceremony)

        self.accepted(revoked())
        self.refused("certificate", 8, revoked(number=4))
        self.refused("certificate", 8, revoked(OTHER))
        for line, change in (
            (6, {"toBeSigned": "MAA="}), (6, {"previousNumber": 1}), (8, {"crlDigest": ZERO}), (8, {"crl": "MAA="}),
        ):
            ceremony = revoked()
            ceremony.lines[line - 1].update(change)
            self.refused("certificate", line, ceremony)
        entry = {"certificateSerial": "2a", "revokedAt": "2031-01-01T00:00:00Z", "reason": "unspecified"}
        for change in (
            {"thisUpdate": "2031-05-04T00:00:01Z"}, {"nextUpdate": "2031-05-04T00:00:01Z"}, {"revoked": []},
            {"revoked": [entry | {"certificateSerial": "2b"}]}, {"revoked": [entry, entry]},
            {"revoked": [entry | {"revokedAt": "2031-01-02T00:00:00Z"}]}, {"issuerCertificate": "MAA="},
        ):
            ceremony = revoked()
            ceremony.line("intent").update(change)
            self.refused("certificate", 8, ceremony)
        ceremony = revoked()
        ceremony.line("effect")["signature"] = "MAA="
        self.refused("certificate", 8, ceremony)


class ReadOuts(TranscriptCase):
    def read(self, of: str, value: str | None, kind: str = "read-out", **more: object) -> Ceremony:
        ceremony = then(generated(), "read", kind)
        ceremony.read_out(of, value, kind, **more)
        return finish(ceremony)

    def test_a_digest_is_the_one_that_the_transcript_has(self):
        digest = sha(effects.octets(spki(KEY)))
        for kind in ("read-out", "compare"):
            self.accepted(self.read("key", digest, kind, subject="ca"))
            self.accepted(self.read("head", None, kind))
            for code, ceremony in (
                ("effect", self.read("key", ZERO, kind, subject="ca")),
                ("effect", self.read("key", digest, kind, subject="cb")),
                ("effect", self.read("certificate", digest, kind, subject="ca")),
                ("effect", self.read("crl", digest, kind, subject="it")),
                ("effect", self.read("head", ZERO, kind)), ("effect", self.read("roster", ZERO, kind)),
                ("form", self.read("key", digest, kind)), ("form", self.read("head", None, kind, subject="ca")),
                ("form", self.read("password", digest, kind)),
            ):
                self.refused(code, ceremony.find(kind), ceremony)


if __name__ == "__main__":
    unittest.main()
