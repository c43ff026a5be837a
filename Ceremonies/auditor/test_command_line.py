"""The commands: exit statuses, forms of their answers, and digests as words."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from transcript.signatures import sha256
from transcript.words import words
from transcript_case import spoken

HERE = Path(__file__).parent


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


if __name__ == "__main__":
    unittest.main()
