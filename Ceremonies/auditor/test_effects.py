"""Effects, policy, certificates, shares, enrolment and rosters."""

import unittest
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import CertificateBuilder

import transcript_effects_builder as effects
from transcript import canonical
from transcript_builder import (
    KEYS, ROLES, SHARE_KEYS, ZERO, Ceremony, attributes, certificate, crl, member, new_key, probes, roster,
    script_step, spki, text,
)
from transcript_case import TranscriptCase, finish, one_step, spoken

KEY = new_key()
OTHER = new_key()


def generated(backup: str = "none", copies: bool = False) -> Ceremony:
    ceremony = one_step("generate-key", True)
    effects.generate(ceremony, KEY, backup, copies)
    return ceremony


class Pairing(TranscriptCase):
    def test_effects_are_accepted(self):
        ceremony = generated()
        effects.login(ceremony)
        effects.test_signature(ceremony)
        effects.wrap(ceremony)
        effects.destroy(ceremony, KEY)
        self.assertEqual([remark for line, remark in self.accepted(finish(ceremony)).remarks][:-1], [])

    def test_effects_need_each_other(self):
        for missing, reported in (("intent", 0), ("effect", 0), ("observed", 1)):
            ceremony = finish(generated())
            place = ceremony.find(missing)
            del ceremony.lines[place - 1]
            self.refused("effect", ceremony.find("done") if reported else place, ceremony)
        ceremony = generated()
        effects.generate_intent(ceremony)
        self.refused("effect", 9, ceremony)
        ceremony = one_step("generate-key", True)
        effects.generate_intent(ceremony)
        effects.login(ceremony)
        self.refused("effect", 7, ceremony)
        ceremony = generated()
        effects.generate_observed(ceremony)
        self.refused("effect", 9, ceremony)
        ceremony = one_step("login")
        ceremony.within("effect", effect="login", token="root")
        self.refused("form", 3, ceremony)

    def test_an_open_effect_does_not_reach_closing(self):
        ceremony = Ceremony()
        ceremony.step("closing")
        ceremony.within("intent", effect="test-signature", label="ca")
        ceremony.within("closing", artefacts=[], exceptions=0, interruptions=0, inventories=[])
        self.refused("effect", 4, ceremony)

    def test_what_contradicts_the_intent_is_refused(self):
        for kind, change in (
            ("effect", {"label": "x"}), ("effect", {"keyID": "0b"}), ("observed", {"label": "x"}),
            ("effect", {"recovered": True}),
        ):
            ceremony = finish(generated())
            ceremony.line(kind).update(change)
            self.refused("effect", ceremony.find(kind), ceremony)
        ceremony = one_step("login")
        effects.login(ceremony)
        ceremony.line("observed")["token"]["name"] = "line"
        self.refused("effect", 4, ceremony)
        ceremony = one_step("destroy", True)
        effects.destroy(ceremony, KEY)
        ceremony.line("observed")["objects"].append({"kind": "key", "label": "ca", "keyID": "0a"})
        self.refused("effect", 8, ceremony)

    def test_nothing_takes_effect_before_all_have_signed(self):
        ceremony = one_step("generate-key", True)
        ceremony.lines.pop()
        effects.generate(ceremony, KEY)
        self.refused("sign-off", 5, ceremony)
        ceremony = one_step("generate-key", False)
        effects.generate(ceremony, KEY)
        self.assertIn((3, "generate-key in a step that nobody signs before it takes effect"),
                      self.accepted(finish(ceremony)).remarks)

    def test_after_an_interruption_an_effect_goes_on_where_it_stopped(self):
        def interrupted(*before: Callable, then: list, signed: bool = True) -> Ceremony:
            ceremony = one_step("generate-key", True)
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

        intent, observed = effects.generate_intent, effects.generate_observed
        self.accepted(interrupted(intent, then=[recovered, observed]))
        self.accepted(interrupted(intent, then=[intent, effect, observed]))
        self.accepted(interrupted(intent, then=[effects.login, intent, recovered, observed]))
        self.accepted(interrupted(intent, effect, then=[observed]))
        self.accepted(interrupted(intent, effect, observed, then=[]))
        self.refused("effect", 13, interrupted(intent, effect, then=[intent, effect, observed]))
        self.refused("effect", 14, interrupted(intent, effect, observed, then=[intent, effect, observed]))
        self.refused("effect", 12, interrupted(intent, then=[observed]))
        self.refused("effect", 12, interrupted(intent, then=[]))
        self.refused("sign-off", 9, interrupted(intent, then=[recovered, observed], signed=False))


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
            ("none", False, attributes()[1:]), ("none", False, attributes() + [{"name": "CKA_TOKEN", "flag": False}]),
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
        ceremony = generated("wrap")
        effects.test_signature(ceremony, attributes=attributes("wrap"))
        self.accepted(finish(ceremony))
        ceremony = generated("wrap")
        effects.test_signature(ceremony)
        self.refused("policy", 10, finish(ceremony))
        ceremony = one_step("verify-key")
        effects.test_signature(ceremony, attributes=attributes(CKA_SIGN=False))
        self.refused("policy", 4, ceremony)

    def test_a_restored_key(self):
        ceremony = one_step("unwrap", True)
        effects.unwrap(ceremony, KEY)
        self.accepted(finish(ceremony))
        for change in ({"policy": "generated"}, {"attributes": attributes()}, {"testSignature": "no"}):
            ceremony = one_step("unwrap", True)
            effects.unwrap(ceremony, KEY)
            ceremony.line("observed").update(change)
            self.refused("policy", 8, ceremony)


class Certificates(TranscriptCase):
    def test_self_signed_and_issued_certificates(self):
        root = certificate(KEY, KEY)
        ceremony = generated()
        effects.certify(ceremony, root)
        remarks = self.accepted(finish(ceremony)).remarks
        self.assertEqual([remark for line, remark in remarks if line == 11], [])
        ceremony = generated()
        effects.certify(ceremony, certificate(KEY, OTHER), certificate(OTHER, OTHER), issuer_label="root")
        self.accepted(finish(ceremony))

    def test_rsa(self):
        key = rsa.generate_private_key(65537, 2048)
        ceremony = one_step("sign-certificate", True)
        effects.certify(ceremony, certificate(key, key))
        self.accepted(finish(ceremony))
        ceremony = one_step("sign-certificate", True)
        effects.certify(ceremony, certificate(key, KEY), certificate(key, key))
        self.refused("certificate", 8, ceremony)

    def test_refused_certificates(self):
        root, another = certificate(KEY, KEY), certificate(KEY, KEY, "Another")
        made = generated()
        effects.certify(made, certificate(OTHER, OTHER))
        self.refused("certificate", 11, made)
        ceremony = generated()
        effects.certify(ceremony, certificate(KEY, OTHER))
        self.refused("certificate", 11, ceremony)
        ceremony = generated()
        effects.certify(ceremony, certificate(KEY, OTHER), certificate(KEY, KEY))
        self.refused("certificate", 11, ceremony)
        der_of_another = effects.der(another)
        for nth, change in (
            (9, {"toBeSigned": text(another.tbs_certificate_bytes)}), (9, {"issuerCertificate": "MAA="}),
            (11, {"certificateDigest": ZERO}), (11, {"certificate": "MAA="}),
            (11, {"certificate": text(der_of_another), "certificateDigest": effects.sha(der_of_another)}),
            (11, {"certificate": text(effects.der(root) + b"\0")}),
        ):
            ceremony = generated()
            effects.certify(ceremony, root)
            ceremony.lines[nth - 1].update(change)
            self.refused("certificate", nth, ceremony)
        ceremony = generated()
        effects.certify(ceremony, root)
        ceremony.lines[9]["toBeSignedDigest"] = ZERO
        self.refused("effect", 10, ceremony)

    def test_a_weak_hash_is_refused(self):
        weak = (
            CertificateBuilder().subject_name(certificate(KEY, KEY).subject)
            .issuer_name(certificate(KEY, KEY).subject).public_key(KEY.public_key()).serial_number(0x1F)
            .not_valid_before(certificate(KEY, KEY).not_valid_before_utc)
            .not_valid_after(certificate(KEY, KEY).not_valid_after_utc).sign(KEY, hashes.SHA224())
        )
        ceremony = generated()
        effects.certify(ceremony, weak)
        self.refused("certificate", 11, ceremony)

    def test_revocation_lists(self):
        def revoked(signer: object = KEY, number: int = 3) -> Ceremony:
            ceremony = one_step("sign-crl", True)
            effects.sign_crl(ceremony, crl(signer, number), certificate(KEY, KEY))
            return finish(ceremony)

        self.assertEqual(len(self.accepted(revoked()).remarks), 1)
        self.assertIn((8, "the CRL's own number is 4"), self.accepted(revoked(number=4)).remarks)
        self.refused("certificate", 8, revoked(OTHER))
        for line, change in ((6, {"toBeSigned": "MAA="}), (8, {"crlDigest": ZERO}), (8, {"crl": "MAA="})):
            ceremony = revoked()
            ceremony.lines[line - 1].update(change)
            self.refused("certificate", line, ceremony)


class Inventories(TranscriptCase):
    def test_the_closing_names_the_first_and_the_last(self):
        lists = [[], [{"kind": "private-key", "label": "ca", "keyID": "0a"}]]
        digests = [canonical.digest(objects) for objects in lists]
        for entry, accepted in (
            ({"token": "root", "before": digests[0], "after": digests[1]}, True),
            ({"token": "root", "before": digests[0], "after": digests[0]}, False),
        ):
            ceremony = one_step("inventory")
            for objects in lists:
                ceremony.within("inventory", token="root", objects=objects)
            finish(ceremony, inventories=[entry])
            if accepted:
                self.accepted(ceremony)
            else:
                self.refused("order", ceremony.find("closing"), ceremony)


class Sharing(TranscriptCase):
    def test_a_split_is_read_back_and_tested_before_the_token_is_changed(self):
        ceremony = one_step("split", True)
        effects.split(ceremony)
        self.accepted(finish(ceremony))
        ceremony = one_step("say", True)
        effects.split(ceremony)
        self.refused("order", 6, ceremony)
        ceremony = one_step("split", True)
        effects.split(ceremony, count=2)
        self.refused("order", 10, ceremony)
        for missing, at in (("shares", 6), ("share-read-back", 10), ("quorums-tested", 10)):
            ceremony = one_step("split", True)
            effects.split(ceremony)
            del ceremony.lines[ceremony.find(missing) - 1]
            self.refused("order", at, ceremony)
        ceremony = one_step("split", True)
        effects.split(ceremony)
        ceremony.line("share-read-back", 1)["name"] = "Bo"
        self.refused("order", 8, ceremony)
        ceremony = one_step("split", True)
        effects.split(ceremony)
        ceremony.line("intent")["needed"] = 1
        self.refused("effect", 11, ceremony)

    def test_shares_are_tested_once_and_of_a_quorum_that_exists(self):
        for kind, changes, at in (("quorums-tested", {}, 11), ("share-read-back", {"name": "Bo"}, 8)):
            ceremony = one_step("split", True)
            effects.split(ceremony)
            place = ceremony.find(kind)
            ceremony.lines.insert(place, ceremony.lines[place - 1] | changes)
            self.refused("order", at, ceremony)
        for holders, needed, count, at in ((("Bo",), 2, 0, 8), (("Bo", "Cy"), 0, 1, 9), (("Bo", "Bo"), 1, 2, 6)):
            ceremony = one_step("split", True)
            effects.split(ceremony, holders, needed, count)
            self.refused("order", at, ceremony)
        ceremony = one_step("split", True)
        effects.split(ceremony)
        ceremony.line("intent")["set"] = "s2"
        self.refused("order", 11, ceremony)

    def test_a_quorum_presents_its_shares(self):
        ceremony = one_step("login")
        effects.login(ceremony, "quorum", ("Bo", "Cy"))
        self.accepted(finish(ceremony))
        ceremony.line("share-presented")["set"] = "s2"
        self.refused("order", ceremony.find("observed"), ceremony)
        del ceremony.lines[ceremony.find("share-presented") - 1]
        self.refused("order", ceremony.find("observed"), ceremony)
        ceremony.line("observed")["holders"] = []
        self.refused("order", ceremony.find("observed"), ceremony)
        place = ceremony.find("share-presented")
        ceremony.lines.insert(place, dict(ceremony.lines[place - 1]))
        self.refused("order", place + 1, ceremony)


class Rosters(TranscriptCase):
    def live(self, *rosters: dict) -> Ceremony:
        return spoken(rehearsal=False, rosters=list(rosters))

    def test_the_pin(self):
        ceremony = spoken(rehearsal=False)
        pin = canonical.digest(ceremony.begin["rosters"][0])
        self.assertFalse(any("roster" in remark for _, remark in self.accepted(ceremony, roster_digest=pin).remarks))
        self.refused("roster", 1, ceremony, roster_digest=ZERO)
        self.refused("roster", 1, spoken(), roster_digest=ZERO)

    def test_the_first_roster(self):
        people = [member(name) for name in ROLES]
        everyone = [(name, name) for name in ROLES]
        for first in (
            roster(people, signers=everyone[1:]), roster(people, signers=everyone + everyone[:1]),
            roster(people, signers=everyone + [("Eve", "Eve")]), roster(people, signers=everyone[1:] + [("Ada", "Bo")]),
            roster(people, version=2), roster(people, previous=roster(people)), roster(people, origin="other"),
            roster(people, rehearsal=True), roster(people, quorum=0),
            roster([member("Ada", "Eve")] + people, signers=[("Ada", "Eve")] + everyone),
            roster(people + [member("Eve", "Ada")], signers=everyone + [("Eve", "Ada")]),
            roster(people[:3] + [member("Di", roles=["crypto-officer"])]),
            roster(people[:3] + [member("Di", roles=["ceremony-administrator", "external-witness"])]),
        ):
            ceremony = self.live(first)
            ceremony.begin["participants"] = [
                {"name": m["name"], "roles": ROLES[m["name"]], "publicKey": m["signingKey"]} for m in people
            ]
            # A roster that gives Di other roles is refused for the people before it is looked at.
            given = {m["name"]: m["roles"] for m in first["statement"]["members"]}
            self.refused("people" if given["Di"] == ["crypto-officer"] else "roster", 1, ceremony)

    def test_a_roster_without_external_witness(self):
        people = {"Ada": ["ceremony-administrator"], "Bo": ["crypto-officer"], "Di": ["external-witness"]}
        first = roster([member("Ada", roles=["ceremony-administrator"]), member("Bo")], conflicts=[])
        step = script_step("it", "say")
        step["witnesses"] = []
        ceremony = Ceremony(step, rehearsal=False, people=people, rosters=[first])
        ceremony.begin["roles"] = {"ceremony-administrator": 1, "crypto-officer": 1}
        ceremony.begin["steps"][-1]["witnesses"] = ["crypto-officer"]
        del ceremony.begin["participants"][2]
        self.refused("roster", 1, ceremony)

    def test_descent(self):
        first = roster([member(name) for name in ("Ada", "Bo", "Di", "Eve")])
        people = [member(name) for name in ROLES]
        signed = [("Cy", "Cy"), ("Ada", "Ada"), ("Bo", "Bo")]
        self.accepted(self.live(first, roster(people, 2, first, signed)))
        for second in (
            roster(people, 2, first, signed[1:]), roster(people, 2, first, signed[:2]),
            roster(people, 3, first, signed), roster(people, 2, roster(people), signed),
            roster(people, 2, first, signed[:2] + [("Ada", "Ada")]),
        ):
            self.refused("roster", 1, self.live(first, second))
        # Who leaves may still sign.
        self.accepted(self.live(first, roster(people, 2, first, [("Cy", "Cy"), ("Ada", "Ada"), ("Eve", "Eve")])))

    def test_a_member_with_a_new_key_signs_with_it(self):
        first = roster([member(name) for name in ROLES])
        people = [member("Ada", "Ada new")] + [member(name) for name in ("Bo", "Cy", "Di")]

        def with_signers(*signers: tuple) -> Ceremony:
            ceremony = self.live(first, roster(people, 2, first, list(signers)))
            ceremony.begin["participants"][0]["publicKey"] = spki(KEYS["Ada new"])
            ceremony.keys["Ada"] = KEYS["Ada new"]
            return ceremony

        self.accepted(with_signers(("Ada", "Ada new"), ("Bo", "Bo"), ("Cy", "Cy")))
        self.accepted(with_signers(("Ada", "Ada new"), ("Ada", "Ada"), ("Cy", "Cy")))
        self.refused("roster", 1, with_signers(("Ada", "Ada"), ("Bo", "Bo"), ("Cy", "Cy")))
        self.refused("roster", 1, with_signers(("Ada", "Ada new"), ("Bo", "Bo")))

    def test_participants_are_members_of_the_last_roster(self):
        first = roster([member(name) for name in ROLES])
        for position, change in ((0, {"name": "Eve"}), (0, {"publicKey": spki(KEYS["Eve"])})):
            ceremony = self.live(first)
            ceremony.begin["participants"][position].update(change)
            self.refused("people", 1, ceremony)


class Enrolment(TranscriptCase):
    SCRIPT = {"id": "s", "kind": "enrol-custodian", "title": "T", "cp": "CP", "digest": "a" * 64}

    def enrolment(self, enrols: tuple = tuple(ROLES), document: dict | None = None) -> Ceremony:
        ceremony = Ceremony(
            script_step("enrol", "enrol", True), script_step("roster", "sign-roster"), rehearsal=False,
            script=self.SCRIPT, rosters=[],
        )
        for person in ceremony.begin["participants"]:
            del person["publicKey"]
        ceremony.step("enrol")
        for name in enrols:
            effects.enrol(ceremony, name, KEYS[name], SHARE_KEYS[name])
        ceremony.done()
        ceremony.step("roster")
        effects.sign_roster(ceremony, document or roster([member(name) for name in ROLES]))
        ceremony.done()
        return ceremony.close()

    def test_the_ceremony_that_makes_the_first_roster(self):
        ceremony = self.enrolment()
        pin = ceremony.line("observed", effect="sign-roster")["rosterDigest"]
        self.accepted(ceremony, roster_digest=pin, allow_rehearsal=False)
        at = ceremony.find("observed", effect="sign-roster")
        self.refused("roster", at, ceremony, roster_digest=ZERO)
        self.refused("roster", at, self.enrolment(document=roster([member("Ada")])))
        ceremony = self.enrolment()
        ceremony.line("observed", effect="sign-roster")["rosterDigest"] = ZERO
        self.refused("roster", at, ceremony)
        ceremony = self.enrolment()
        intent = ceremony.line("intent", effect="sign-roster")
        intent["statement"] = intent["statement"] | {"version": 2}
        self.refused("effect", at, ceremony)

    def test_who_gets_no_key_cannot_sign(self):
        ceremony = self.enrolment(("Ada", "Bo", "Di"))
        self.refused("sign-off", ceremony.find("sign-off", name="Cy"), ceremony)
        ceremony = self.enrolment()
        ceremony.line("effect", 1)["signingKey"] = spki(KEYS["Ada"])
        self.refused("people", ceremony.find("effect", 1), ceremony)

    def test_a_participant_without_a_key_gets_one(self):
        first = roster([member(name) for name in ROLES])
        people = ROLES | {"Eve": ["newcomer"]}
        ceremony = Ceremony(
            script_step("it", "say"), rehearsal=False, script=self.SCRIPT, people=people, rosters=[first],
        )
        del ceremony.begin["participants"][-1]["publicKey"]
        ceremony.step("it")
        ceremony.done()
        self.refused("people", 1, ceremony.close())

    def test_an_enrolment_step_is_not_signed(self):
        ceremony = self.enrolment()
        ceremony.lines.insert(2, {
            "type": "sign-off", "time": ceremony.lines[1]["time"], "step": "enrol", "name": "Bo", "role": "crypto-officer",
        })
        self.refused("order", 3, ceremony)


if __name__ == "__main__":
    unittest.main()
