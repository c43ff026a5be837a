#!/usr/bin/env python3
"""Verifies an allowlist bundle, from its specification alone. See README.md."""

import argparse
import json
import sys
import time
from pathlib import Path

import archive
import pins
import verifier
from refusal import Refused


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.print_usage(sys.stderr)
        self.exit(64, f"{self.prog}: {message}\n")


def main(arguments: list[str]) -> int:
    parser = _Parser(prog="verify.py", description="Verifies an allowlist bundle.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder, or a .tar")
    parser.add_argument("--pins", type=Path, required=True, metavar="FILE", help="what the consumer pins")
    parser.add_argument("--since", type=Path, metavar="FILE", help="the checkpoint that was accepted last")
    parser.add_argument("--allow-rehearsal", action="store_true", help="a rehearsal's list is refused otherwise")
    given = parser.parse_args(arguments)
    try:
        verified = verifier.verify(
            archive.open_bundle(given.bundle), pins.read_file(given.pins.read_bytes()), given.allow_rehearsal,
            int(time.time()), given.since.read_bytes() if given.since else None,
        )
    except Refused as refused:
        print(f"refused {refused}")
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 66
    print(json.dumps(verified.summary(), indent=2, sort_keys=True, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
