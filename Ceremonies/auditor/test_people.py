"""Inventories, shares, rosters and enrolment."""

import unittest

import transcript_effects_builder as effects
from transcript import canonical
from transcript_builder import (
    KEYS, ROLES, SHARE_KEYS, ZERO, Ceremony, member, roster, script_step, spki,
)
from transcript_case import TranscriptCase, finish, one_step, spoken
from transcript_whole import ENROLMENT, enrolment


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
    def split(self, *arguments: object) -> Ceremony:
        ceremony = one_step("split")
        effects.split(ceremony, *arguments)
        return finish(ceremony)

    def test_a_split_is_read_back_and_tested_before_the_token_is_changed(self):
        self.accepted(self.split())
        for missing, at in (("shares", 6), ("share-read-back", 7), ("quorums-tested", 10)):
            ceremony = self.split()
            del ceremony.lines[ceremony.find(missing) - 1]
            self.refused("order", at, ceremony)
        for twice in ("shares", "share-read-back", "quorums-tested"):
            ceremony = self.split()
            place = ceremony.find(twice)
            ceremony.lines.insert(place, dict(ceremony.lines[place - 1]))
            self.refused("order", place + 1, ceremony)
        for kind, change in (
            ("share-read-back", {"name": "Cy"}), ("share-read-back", {"set": "52"}), ("quorums-tested", {"set": "52"}),
            ("quorums-tested", {"count": 2}), ("intent", {"set": "52"}), ("intent", {"needed": 3}),
            ("intent", {"holders": ["Bo", "Di", "Cy"]}),
        ):
            ceremony = self.split()
            ceremony.line(kind).update(change)
            self.refused("order", ceremony.find(kind), ceremony)

    def test_share_lines_stand_in_their_steps(self):
        for do, at in (("say", 3), ("generate-key", 6)):
            ceremony = one_step(do)
            effects.split(ceremony)
            self.refused("order", at, ceremony)
        ceremony = one_step("check")
        ceremony.within("share-presented", set="51", name="Bo")
        self.refused("order", 3, ceremony)

    def test_one_share_alone_opens_nothing_and_holders_are_participants(self):
        for arguments in ((("Bo", "Cy"), 1, 2), (("Bo", "Bo"), 2, 1), (("Bo", "Eve"), 2, 1)):
            ceremony = self.split(*arguments)
            self.refused("people", ceremony.find("shares"), ceremony)

    def test_an_attempt_that_meant_nothing_is_given_up_with_its_shares(self):
        def interrupted(*lines: str, anew: bool) -> Ceremony:
            ceremony = one_step("split")
            effects.split(ceremony)
            all_lines, ceremony.lines = ceremony.lines, ceremony.lines[:5]
            ceremony.lines += [line for line in all_lines[5:] if line["type"] in lines]
            ceremony.resumed()
            ceremony.step("it", attempt=2)
            if anew:
                effects.split(ceremony)
            else:
                ceremony.within(
                    "intent", effect="set-activation", token="root", set="51", needed=2, holders=["Bo", "Cy", "Di"]
                )
                ceremony.within("effect", effect="set-activation", token="root", set="51")
                ceremony.within("observed", effect="set-activation", token="root", set="51", answer="ok")
            return finish(ceremony, interruptions=1)

        tested = ("shares", "share-read-back", "quorums-tested")
        self.accepted(interrupted(*tested, anew=True))
        self.refused("order", 16, interrupted(*tested, anew=False))
        self.accepted(interrupted(*tested, "intent", anew=False))
        self.refused("order", 17, interrupted(*tested, "intent", anew=True))

    def test_a_quorum_presents_its_shares(self):
        def opened(opened: str = "quorum", holders: tuple = ("Bo", "Cy"), listed: list | None = None) -> Ceremony:
            ceremony = one_step("collect-shares")
            effects.login(ceremony, opened, holders)
            if listed:
                ceremony.line("observed")["holders"] = listed
            return finish(ceremony)

        self.accepted(opened())
        for ceremony in (
            opened(listed=["Cy", "Bo"]), opened(holders=("Bo",), listed=["Bo", "Cy"]), opened(holders=()),
            opened("pin-source"),
        ):
            self.refused("people", ceremony.find("observed"), ceremony)
        ceremony = opened("quorum", ("Bo", "Bo"))
        self.refused("people", ceremony.find("share-presented", 1), ceremony)


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
            roster(people, rehearsal=True),
            roster([member("Ada", "Eve")] + people, signers=[("Ada", "Eve")] + everyone),
            roster(people + [member("Eve", "Ada")], signers=everyone + [("Eve", "Ada")]),
            roster(people[:3] + [member("Di", roles=["crypto-officer"])]),
            roster(people[:3] + [member("Di", roles=["ceremony-administrator", "external-witness"])]),
        ):
            ceremony = self.live(first)
            ceremony.begin["participants"] = [
                {"name": m["name"], "roles": ROLES[m["name"]], "publicKey": m["signingKey"]} for m in people
            ]
            self.refused("roster", 1, ceremony)

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
        self.refused("roster", 1, with_signers(("Ada", "Ada new"), ("Ada", "Ada"), ("Cy", "Cy")))
        self.refused("roster", 1, with_signers(("Ada", "Ada"), ("Bo", "Bo"), ("Cy", "Cy")))
        self.refused("roster", 1, with_signers(("Ada", "Ada new"), ("Bo", "Bo")))

    def test_participants_are_members_of_the_last_roster(self):
        first = roster([member(name) for name in ROLES])
        for position, change in ((0, {"name": "Eve"}), (0, {"publicKey": spki(KEYS["Eve"])})):
            ceremony = self.live(first)
            ceremony.begin["participants"][position].update(change)
            self.refused("roster", 1, ceremony)
        # A member may stay away, and nobody has a role that the roster does not give.
        ceremony = self.live(roster([member(name) for name in (*ROLES, "Eve")]))
        self.accepted(ceremony)
        auditor = [member(name, roles=["auditor"] if name == "Cy" else None) for name in ROLES]
        ceremony.begin["rosters"] = [roster(auditor)]
        self.refused("roster", 1, ceremony)


class Enrolment(TranscriptCase):
    def test_the_ceremony_that_makes_the_first_roster(self):
        ceremony = enrolment()
        pin = ceremony.line("observed", effect="sign-roster")["rosterDigest"]
        self.accepted(ceremony, roster_digest=pin, allow_rehearsal=False)
        at = ceremony.find("observed", effect="sign-roster")
        self.refused("roster", at, ceremony, roster_digest=ZERO)
        self.refused("roster", at, enrolment(document=roster([member("Ada")])))
        ceremony = enrolment()
        ceremony.line("observed", effect="sign-roster")["rosterDigest"] = ZERO
        self.refused("roster", at, ceremony)
        ceremony = enrolment()
        intent = ceremony.line("intent", effect="sign-roster")
        intent["statement"] = intent["statement"] | {"version": 2}
        self.refused("roster", at, ceremony)

    def test_who_gets_no_key_cannot_sign(self):
        ceremony = enrolment(("Ada", "Bo", "Di"))
        self.refused("sign-off", ceremony.find("sign-off", name="Cy"), ceremony)
        for key in (spki(KEYS["Ada"]), "MAA="):
            ceremony = enrolment()
            ceremony.line("effect", 1)["signingKey"] = key
            self.refused("people", ceremony.find("effect", 1), ceremony)

    def test_only_the_first_roster_s_ceremony_gives_keys(self):
        self.refused("roster", 1, enrolment(script=ENROLMENT | {"kind": "generate-root"}))
        self.refused("roster", 1, enrolment(rehearsal=True))
        self.refused("roster", 1, enrolment(rosters=[roster([member(name) for name in ROLES])]))

    def test_an_enrolment_step_is_not_signed(self):
        ceremony = enrolment()
        ceremony.lines.insert(2, {
            "type": "sign-off", "time": ceremony.lines[1]["time"], "step": "enrol", "name": "Bo",
            "role": "crypto-officer",
        })
        self.refused("sign-off", 3, ceremony)


if __name__ == "__main__":
    unittest.main()
