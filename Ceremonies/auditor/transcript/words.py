"""Digests as words of the PGP word list, as they are read aloud."""

from pathlib import Path


def words(digest: str) -> list[list[str]]:
    """The words of a digest in hexadecimal, in rows of eight."""
    lines = (Path(__file__).parent / "words.txt").read_text(encoding="ascii").splitlines()
    pairs = [line.split() for line in lines[lines.index("") + 1 :]]
    said = [pairs[octet][position % 2] for position, octet in enumerate(bytes.fromhex(digest))]
    return [said[row : row + 8] for row in range(0, len(said), 8)]
