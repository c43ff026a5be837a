"""Lines, the first line, people, steps and their ends. Effects and rosters have tests of their own beside this."""

import base64
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from transcript import canonical
from transcript.refusal import Fault
from transcript.signatures import sha256
from transcript.words import words
from transcript_builder import KEYS, ZERO, Ceremony, new_key, script_step, spki
from transcript_case import TranscriptCase, finish, one_step, spoken
from verify_transcript import verify

HERE = Path(__file__).parent


class CanonicalForm(unittest.TestCase):
    def test_members_are_sorted_by_utf16_code_units(self):
        self.assertEqual(canonical.encode({"\ufb00": 1, "\U0001f600": 2}), '{"\U0001f600":2,"\ufb00":1}'.encode())

    def test_only_what_must_be_escaped_is(self):
        self.assertEqual(
            canonical.encode('\x00\b\t\n\x0b\f\r\x1f"\\/\x7f\u2028é'),
            '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\/\x7f\u2028é"'.encode(),
        )

    def test_other_forms_are_refused(self):
        for text in (
            '{"a":1,"a":1}', '{"b":1,"a":2}', '{"a": 1}', '{"a":1.0}', '{"a":1e2}', '{"a":-0}', '{"a":-1}',
            '{"a":9007199254740992}', '{"a":01}', '{"a":NaN}', '{"a":"\\u0061"}', '{"a":"\\/"}', '{"a":"\\ud800"}',
            '{"a":"\\u001F"}', '{"a":"\t"}', '[]', '1', '"a"', '', ' {}', '{}\r', '\ufeff{}', '{"a":1}{}',
            "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000,
        ):
            with self.subTest(text[:40]), self.assertRaises(Fault) as caught:
                canonical.decode_line(text.encode())
            self.assertEqual(caught.exception.code, "form")
        with self.assertRaises(Fault):
            canonical.decode_line(b'{"a":"\xff"}')
        self.assertEqual(canonical.decode_line(b'{"a":9007199254740991}'), {"a": 2**53 - 1})


class Lines(TranscriptCase):
    def test_a_valid_transcript_is_accepted_with_its_head(self):
        data = spoken().seal()
        result = self.accepted(spoken())
        self.assertEqual((result.sign_offs, result.lines, result.interruptions), (4, 9, 0))
        last = data.rstrip(b"\n").split(b"\n")[-1]
        self.refused("head", 9, data, head="f" * 64)
        self.refused("head", 9, data[:-1] + b"\n", head=ZERO)
        self.assertEqual(verify(data, True, head=sha256(last)).head, sha256(last))

    def test_form(self):
        data = spoken().seal()
        self.refused("form", 1, b"")
        self.refused("form", 1, b"\n" + data)
        self.refused("form", 9, data[:-1])
        self.refused("form", 10, data + b"\n")
        self.refused("form", 1, data.replace(b"\n", b"\r\n"))
        for change in (
            {"more": 1}, {"attempt": "1"}, {"attempt": True}, {"actors": [{"name": "Bo"}]}, {"type": "stepp"},
            {"time": "2031-02-30T10:00:00Z"}, {"time": "2031-05-04T10:00:60Z"}, {"time": "2031-05-04T10:00:00+00:00"},
            {"do": None}, {"witnesses": {}},
        ):
            with self.subTest(change):
                ceremony = spoken()
                ceremony.lines[1].update(change)
                self.refused("form", 2, ceremony)
        ceremony = spoken()
        del ceremony.lines[1]["attempt"]
        self.refused("form", 2, ceremony)

    def test_base64_has_one_form(self):
        for signature in ("MA==\n", "MB==", "MA", "MA=", "MA-_"):
            ceremony = spoken()
            ceremony.line("sign-off")["signature"] = signature
            self.refused("form", ceremony.find("sign-off"), ceremony)

    def test_a_changed_line_breaks_the_chain_at_the_next(self):
        data = spoken().seal()
        self.refused("chain", 2, data.replace(b'"irreversible":false', b'"irreversible":true', 1))
        lines = data.split(b"\n")
        self.refused("chain", 3, b"\n".join(lines[:2] + lines[3:]))
        ceremony = spoken()
        ceremony.lines[0]["prev"] = "1" * 64
        self.refused("chain", 1, ceremony)

    def test_time_does_not_go_back(self):
        ceremony = spoken()
        ceremony.lines[3]["time"] = "2031-05-04T09:59:59Z"
        self.refused("time", 4, ceremony)
        ceremony = spoken()
        ceremony.line("done")["seconds"] += 1
        self.refused("time", 3, ceremony)

    def test_the_end(self):
        ceremony = spoken()
        last = ceremony.lines.pop()
        self.refused("incomplete", 8, ceremony)
        ceremony.lines += [last, last]
        self.refused("order", 10, ceremony)
        ceremony = Ceremony()
        self.refused("incomplete", 1, ceremony)


class FirstLine(TranscriptCase):
    def test_begin(self):
        rehearsal = [
            {"version": 2}, {"sequence": 0}, {"sequence": 2}, {"previous": {"ceremony": "c0", "head": ZERO}},
            {"after": {"ceremony": "r", "head": ZERO, "scriptDigest": "a" * 64, "differences": []}},
            {"sequence": 0, "previous": {"ceremony": "c0", "head": ZERO}}, {"steps": []},
        ]
        live = [
            {"after": None},
            {"after": {"ceremony": "r", "head": ZERO, "scriptDigest": "b" * 64, "differences": []}},
        ]
        for changes, is_rehearsal in ((rehearsal, True), (live, False)):
            for change in changes:
                with self.subTest(list(change)):
                    ceremony = spoken(rehearsal=is_rehearsal)
                    ceremony.begin.update(change)
                    self.refused("begin", 1, ceremony)
        ceremony = spoken()
        ceremony.begin["steps"] = [ceremony.begin["steps"][1]] * 2
        self.refused("begin", 1, ceremony)
        ceremony = spoken()
        ceremony.begin["steps"] = ceremony.begin["steps"][:1]
        self.refused("begin", 1, ceremony)
        self.refused("roster", 1, spoken(rosters=spoken(rehearsal=False).begin["rosters"]))
        self.refused("roster", 1, spoken(rehearsal=False, rosters=[]))
        ceremony = spoken()
        ceremony.lines.insert(1, dict(ceremony.begin))
        self.refused("begin", 2, ceremony)
        del ceremony.lines[:2]
        self.refused("begin", 1, ceremony)

    def test_steps(self):
        for do, change in (
            ("say", {"id": "exception-1"}), ("say", {"do": "sing"}), ("say", {"actor": "nobody"}),
            ("say", {"witnesses": ["nobody"]}), ("wrap", {"irreversible": False}), ("wrap", {"witnesses": []}),
            ("say", {"witnesses": [], "irreversible": True}),
        ):
            ceremony = one_step(do)
            ceremony.begin["steps"][0].update(change)
            self.refused("begin", 1, ceremony)
        ceremony = spoken()
        ceremony.begin["steps"][-1]["witnesses"] = []
        self.refused("begin", 1, ceremony)

    def test_who_stands_twice_is_listed_and_signs_once(self):
        people = {"Ada": ["ceremony-administrator", "crypto-officer"], "Bo": ["crypto-officer", "external-witness"]}
        ceremony = Ceremony(people=people, conflicts=[])
        ceremony.begin_step("it", "record", irreversible=True)
        ceremony.within("answer", answer="a", by="Ada")
        # Bo is an officer and a witness: listed in both, and signs as officer.
        self.assertEqual([person["name"] for person in ceremony.line("step")["actors"]], ["Ada", "Bo"])
        self.assertEqual([person["name"] for person in ceremony.line("step")["witnesses"]], ["Bo"])
        self.assertEqual(self.accepted(finish(ceremony)).sign_offs, 4)

    def test_a_later_ceremony_names_the_one_before(self):
        self.accepted(spoken(sequence=2, previous={"ceremony": "c0", "head": ZERO}))

    def test_people(self):
        def changed(position: int, **members: object) -> Ceremony:
            ceremony = spoken()
            ceremony.begin["participants"][position].update(members)
            return ceremony

        self.refused("people", 1, changed(0, name="Bo"))
        self.refused("people", 1, changed(0, publicKey=spki(KEYS["Bo"])))
        self.refused("people", 1, changed(0, roles=["ceremony-administrator", "crypto-officer"]))
        self.refused("people", 1, changed(0, roles=["ceremony-administrator", "unknown"]))
        self.refused("people", 1, changed(0, roles=["ceremony-administrator", "ceremony-administrator"]))
        self.refused("people", 1, spoken(quorum={"role": "unknown", "needed": 1}))
        self.refused("people", 1, changed(3, roles=["external-witness", "ceremony-administrator"]))
        ceremony = spoken(conflicts=[["ceremony-administrator", "crypto-officer"]], people={
            "Ada": ["ceremony-administrator", "crypto-officer"], "Di": ["external-witness"],
        })
        self.refused("people", 1, ceremony)
        ceremony = spoken()
        del ceremony.begin["participants"][0]["publicKey"]
        self.refused("roster", 1, ceremony)
        ceremony = spoken()
        ceremony.begin["roles"]["auditor"] = 1
        self.refused("people", 1, ceremony)
        ceremony = spoken()
        ceremony.begin["participants"].append({"name": "Eve", "roles": [], "publicKey": spki(KEYS["Eve"])})
        self.refused("people", 1, ceremony)
        ceremony = spoken()
        ceremony.line("step")["witnesses"] = []
        self.refused("people", 2, ceremony)
        ceremony = spoken()
        ceremony.line("step")["actors"][0]["name"] = "Di"
        self.refused("people", 2, ceremony)

    def test_a_key_that_is_not_p256_is_refused(self):
        ceremony = spoken()
        ceremony.begin["participants"][0]["publicKey"] = spki(new_key(ec.SECP384R1()))
        self.refused("people", 1, ceremony)
        point = KEYS["Ada"].public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
        ceremony.begin["participants"][0]["publicKey"] = base64.b64encode(compressed).decode()
        self.refused("people", 1, ceremony)

    def test_rehearsals(self):
        self.refused("rehearsal", 1, spoken(), allow_rehearsal=False)
        self.refused("rehearsal", 1, spoken(origin="log.example"))
        ceremony = spoken(rehearsal=False)
        self.accepted(ceremony, allow_rehearsal=False)

    def test_a_rehearsals_signatures_are_no_ceremonys(self):
        ceremony = spoken(rehearsal=False)
        ceremony.rehearsal = True
        self.refused("sign-off", ceremony.find("sign-off"), ceremony)


class Steps(TranscriptCase):
    def test_order(self):
        def changed(kind: str, nth: int = 0, **members: object) -> tuple:
            ceremony = spoken()
            ceremony.line(kind, nth).update(members)
            return ceremony.find(kind, nth), ceremony

        for line, ceremony in (
            changed("step", step="closing"), changed("step", do="check"), changed("step", attempt=2),
            changed("done", step="closing"), changed("closing", step="opening"), changed("closing", exceptions=1),
            changed("closing", interruptions=1), changed("closing", inventories=[
                {"token": "root", "before": ZERO, "after": ZERO},
            ]),
        ):
            self.refused("order", line, ceremony)
        ceremony = spoken()
        del ceremony.lines[ceremony.find("done") - 1]
        self.refused("order", 3, ceremony)
        ceremony = spoken()
        ceremony.lines.insert(8, ceremony.line("closing") | {"time": ceremony.lines[7]["time"]})
        self.refused("order", 9, ceremony)
        ceremony = Ceremony()
        ceremony.step("closing")
        ceremony.sign_offs()
        self.refused("sign-off", 3, ceremony)
        ceremony = Ceremony()
        ceremony.step("closing")
        ceremony.done()
        self.refused("order", 3, ceremony)
        ceremony = one_step("say")
        ceremony.sign_offs()
        self.refused("sign-off", 3, ceremony)
        ceremony = one_step("say")
        ceremony.done()
        ceremony.sign_offs()
        self.refused("order", 4, ceremony)

    def test_sign_offs_are_of_everybody_in_turn(self):
        def irreversible() -> Ceremony:
            return finish(one_step("say", True))

        self.assertEqual(self.accepted(irreversible()).sign_offs, 7)
        ceremony = irreversible()
        del ceremony.lines[4]
        self.refused("sign-off", 5, ceremony)
        ceremony = irreversible()
        first, second = ceremony.lines[2], ceremony.lines[3]
        ceremony.lines[2], ceremony.lines[3] = second | {"time": first["time"]}, first
        self.refused("sign-off", 3, ceremony)
        ceremony = irreversible()
        ceremony.lines.insert(5, dict(ceremony.lines[4]))
        self.refused("sign-off", 6, ceremony)
        ceremony = irreversible()
        ceremony.lines[2]["role"] = "ceremony-administrator"
        self.refused("sign-off", 3, ceremony)
        ceremony = irreversible()
        ceremony.keys["Bo"] = KEYS["Cy"]
        self.refused("sign-off", 3, ceremony)
        self.refused("sign-off", 3, irreversible().seal(high=True))

    def test_a_sign_off_step_in_the_middle_is_signed_before_done(self):
        ceremony = one_step("sign-off")
        ceremony.sign_offs()
        self.accepted(finish(ceremony))
        ceremony = finish(one_step("sign-off"))
        self.refused("sign-off", 3, ceremony)

    def test_a_signature_that_is_not_minimal_der_is_refused(self):
        ceremony = finish(one_step("say", True))
        sealed = ceremony.seal().split(b"\n")
        signature = base64.b64decode(json.loads(sealed[2])["signature"])
        longer = signature[:1] + b"\x81" + signature[1:]
        ceremony.lines[2]["signature"] = base64.b64encode(longer).decode()
        self.refused("sign-off", 3, ceremony)

    def test_answers(self):
        def answered(do: str, **members: object) -> Ceremony:
            ceremony = one_step(do)
            ceremony.within("answer", **({"answer": "yes", "by": "Bo"} | members))
            return finish(ceremony)

        self.accepted(answered("check"))
        self.accepted(answered("seal-bag", bag="B1"))
        self.refused("form", 3, answered("check", answer="perhaps"))
        self.refused("form", 3, answered("record", bag="B1"))
        self.refused("form", 3, answered("inspect-bag"))
        self.refused("order", 3, answered("say"))
        self.refused("people", 3, answered("check", by="Eve"))
        self.refused("people", 3, answered("check", by="Di"))
        ceremony = answered("check")
        ceremony.lines.insert(3, dict(ceremony.lines[2]))
        self.refused("order", 4, ceremony)
        ceremony = answered("check")
        del ceremony.lines[2]
        self.refused("order", 3, ceremony)

    def test_a_no_needs_an_exception_or_an_interruption(self):
        def answered_no() -> Ceremony:
            ceremony = one_step("check")
            ceremony.within("answer", answer="no", by="Bo")
            return ceremony

        self.refused("order", 4, finish(answered_no()))
        ceremony = answered_no()
        ceremony.within("break", by="Bo", reason="tea")
        _back(ceremony, 60)
        ceremony.exception()
        self.assertIn((3, "a check was answered with no"), self.accepted(finish(ceremony, exceptions=1)).remarks)
        ceremony = answered_no()
        ceremony.resumed()
        ceremony.step("it", attempt=2)
        ceremony.within("answer", answer="yes", by="Bo")
        self.accepted(finish(ceremony, interruptions=1))

    def test_a_comparison_that_differs_needs_an_exception(self):
        def compared(exception: bool) -> Ceremony:
            ceremony = one_step("compare")
            ceremony.read_out("head", kind="compare", takenDown="1" * 64)
            if exception:
                ceremony.exception()
            return finish(ceremony, exceptions=int(exception))

        self.assertEqual(len(self.accepted(compared(True)).exceptions), 1)
        self.refused("order", 4, compared(False))

    def test_closing_is_the_last_steps(self):
        ceremony = one_step("say")
        ceremony.within("closing", artefacts=[], exceptions=0, interruptions=0, inventories=[])
        self.refused("order", 3, ceremony)

    def test_exceptions_are_numbered_and_signed_at_once(self):
        def with_exception(number: int = 1) -> Ceremony:
            ceremony = one_step("say")
            ceremony.exception(number)
            return ceremony

        self.accepted(finish(with_exception(), exceptions=1))
        self.refused("order", 3, finish(with_exception(2), exceptions=1))
        self.refused("order", 9, finish(with_exception(), exceptions=0).seal())
        ceremony = finish(with_exception(), exceptions=1)
        ceremony.lines.insert(4, ceremony.lines[6] | {"time": ceremony.lines[4]["time"]})
        self.refused("sign-off", 5, ceremony)
        ceremony = finish(with_exception(), exceptions=1)
        ceremony.line("sign-off")["step"] = "it"
        self.refused("sign-off", 4, ceremony)

    def test_an_interruption_makes_an_exception_void(self):
        def interrupted() -> Ceremony:
            ceremony = one_step("say")
            ceremony.exception()
            del ceremony.lines[-1]
            ceremony.resumed()
            ceremony.step("it", attempt=2)
            return ceremony

        self.accepted(finish(interrupted(), exceptions=1, interruptions=1))
        ceremony = interrupted()
        ceremony.exception(2)
        self.accepted(finish(ceremony, exceptions=2, interruptions=1))
        ceremony = interrupted()
        ceremony.add("sign-off", step="exception-1", name="Di", role="external-witness")
        self.refused("sign-off", 8, ceremony)

    def test_breaks(self):
        def paused(seconds: int = 60) -> Ceremony:
            ceremony = one_step("say")
            ceremony.within("break", by="Bo", reason="tea")
            _back(ceremony, seconds)
            return finish(ceremony)

        self.accepted(paused())
        self.refused("time", 4, paused(61))
        ceremony = one_step("say")
        ceremony.within("break", by="Bo", reason="tea")
        self.refused("order", 4, finish(ceremony))
        ceremony = one_step("say")
        _back(ceremony, 0)
        self.refused("order", 3, finish(ceremony))
        ceremony = one_step("say")
        ceremony.within("break", by="Eve", reason="tea")
        self.refused("people", 3, ceremony)


class Interruptions(TranscriptCase):
    def test_a_step_begins_anew(self):
        ceremony = Ceremony(script_step("it", "say", True))
        ceremony.step("it", signed=False)
        ceremony.within("stopped", code="token-removed", message="m")
        ceremony.resumed()
        ceremony.resumed()
        ceremony.step("it", attempt=2)
        self.assertEqual(self.accepted(finish(ceremony, interruptions=2)).interruptions, 2)

    def test_between_steps_the_next_is_attempt_1(self):
        ceremony = Ceremony(script_step("it", "say"))
        ceremony.resumed()
        ceremony.step("it")
        ceremony.done()
        ceremony.resumed()
        self.accepted(ceremony.close(interruptions=2))

    def test_the_last_step_begins_anew_with_its_closing_and_sign_offs(self):
        ceremony = spoken()
        del ceremony.lines[-2:]
        ceremony.within("stopped", code="c", message="m")
        ceremony.resumed()
        self.accepted(ceremony.close(interruptions=1, attempt=2))
        del ceremony.lines[ceremony.find("closing", 1) - 1]
        self.refused("sign-off", 11, ceremony)

    def test_a_step_without_its_content_in_the_last_attempt_is_not_done(self):
        ceremony = one_step("record")
        ceremony.within("answer", answer="a", by="Bo")
        ceremony.resumed()
        ceremony.step("it", attempt=2)
        self.refused("order", 6, finish(ceremony, interruptions=1))

    def test_order(self):
        def stopped(*then: str) -> Ceremony:
            ceremony = one_step("say")
            ceremony.within("stopped", code="c", message="m")
            for kind in then:
                if kind == "resumed":
                    ceremony.resumed()
                elif kind == "abandoned":
                    ceremony.within("abandoned", reason="r", by="Bo")
                else:
                    ceremony.step("it", attempt=int(kind))
            return ceremony

        self.refused("order", 4, finish(stopped()))
        self.refused("order", 5, finish(stopped("resumed")))
        self.refused("order", 5, stopped("resumed", "1"))
        self.refused("order", 4, stopped("2"))
        self.refused("incomplete", 3, stopped())
        self.refused("incomplete", 4, stopped("resumed"))
        self.refused("incomplete", 4, stopped("abandoned"))
        self.refused("incomplete", 4, stopped("abandoned", "resumed"))
        ceremony = one_step("say")
        ceremony.within("abandoned", reason="r", by="Bo")
        self.refused("incomplete", 3, finish(ceremony))


class CommandLine(unittest.TestCase):
    def run_with(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, str(HERE / program), *arguments], capture_output=True, text=True)

    def test_exit_statuses_and_forms(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "transcript.jsonl"
            path.write_bytes(spoken().seal())
            head = sha256(path.read_bytes().rstrip(b"\n").split(b"\n")[-1])
            run = self.run_with("verify_transcript.py", str(path), "--allow-rehearsal", "--head", head.upper())
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn(f"head: {head}\n  {' '.join(words(head)[0])}", run.stdout)
            self.assertIn("sign-offs: 4", run.stdout)
            run = self.run_with("verify_transcript.py", str(path))
            self.assertEqual((run.returncode, run.stdout), (1, "refused rehearsal line 1: this is a rehearsal\n"))
            run = self.run_with("verify_transcript.py", str(path), "--format", "json")
            self.assertEqual(run.returncode, 1)
            self.assertEqual(json.loads(run.stdout), {
                "accepted": False, "code": "rehearsal", "line": 1, "reason": "this is a rehearsal", "head": None,
            })
            run = self.run_with("verify_transcript.py", str(path), "--format", "json", "--allow-rehearsal")
            answer = json.loads(run.stdout)
            self.assertEqual((run.returncode, answer["accepted"], answer["head"]), (0, True, head))
            self.assertEqual(self.run_with("verify_transcript.py").returncode, 64)
            self.assertEqual(self.run_with("verify_transcript.py", str(path), "--head", "0").returncode, 64)
            self.assertEqual(self.run_with("verify_transcript.py", str(path) + "x").returncode, 66)
            self.assertEqual(self.run_with("verify_transcript.py", folder).returncode, 66)

    def test_vectors(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.jsonl").write_bytes(spoken().seal())
            vectors = [
                {"name": "good", "file": "a.jsonl", "allowRehearsal": True, "expect": "accepted"},
                {"name": "rehearsal", "file": "a.jsonl", "expect": {"code": "rehearsal", "line": 1}},
            ]
            listed = Path(folder) / "vectors.json"
            listed.write_text(json.dumps({"vectors": vectors}))
            run = self.run_with("check_vectors.py", folder)
            self.assertEqual((run.returncode, run.stdout), (0, "2 vectors agree\n2 passed, 0 failed\n"))
            vectors += [
                {"name": "wrong", "file": "a.jsonl", "expect": {"code": "rehearsal", "line": 2}},
                {"name": "absent", "file": "b.jsonl", "expect": "accepted"},
            ]
            listed.write_text(json.dumps({"vectors": vectors}))
            run = self.run_with("check_vectors.py", folder)
            self.assertEqual((run.returncode, run.stdout.splitlines()[-1]), (1, "2 passed, 2 failed"))
            self.assertIn("wrong: expected rehearsal line 2, found rehearsal line 1 (this is a rehearsal)", run.stdout)
            listed.write_text('{"vectors":[]}')
            self.assertEqual(self.run_with("check_vectors.py", folder).returncode, 1)

    def test_words_are_the_lists(self):
        self.assertEqual(
            words("e58294f2e9a22748"),
            [["topmost", "Istanbul", "Pluto", "vagabond", "treadmill", "Pacific", "brackish", "dictator"]],
        )


def _back(ceremony: Ceremony, seconds: int) -> None:
    """A `back` a minute later, which says that it was `seconds`."""
    ceremony.add("back", 60, step="it")["seconds"] = seconds


if __name__ == "__main__":
    unittest.main()
