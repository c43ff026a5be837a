"""Where a bundle's files come from: a folder, or one `.tar` (Carrying, "The tar form")."""

import re
from pathlib import Path

from refusal import Refused, require

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_OCTAL = re.compile(rb"([0-7]+)[\0 ]+")
_PATH = re.compile(r"[!-\[\]-~]+", re.ASCII)


class Files:
    """The files of a bundle by path. `overlay` lies over them, as where a delta is applied."""

    def __init__(self, members: dict[str, bytes]):
        self.members = members

    def get(self, path: str) -> bytes | None:
        return self.members.get(path)

    def read(self, path: str, size: int | None = None) -> bytes:
        """The file. Refused as `file-missing`, or as `file-size` where it has another size."""
        octets = self.get(path)
        if octets is None:
            raise Refused("file-missing", "the file is missing", path)
        require(size is None or len(octets) == size, "file-size", f"{len(octets)} octets instead of {size}", path)
        return octets


class Folder(Files):
    """A bundle in a folder."""

    def __init__(self, root: Path):
        super().__init__({})
        self.root = root

    def get(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None


def open_bundle(path: Path) -> Files:
    return Folder(path) if path.is_dir() else Files(read_tar(path.read_bytes()))


def _octal(octets: bytes) -> int:
    match = _OCTAL.fullmatch(octets)
    require(match, "archive", "not an octal number in its one form")
    return int(match.group(1), 8)


def _string(octets: bytes) -> str:
    content, _, rest = octets.partition(b"\0")
    require(not rest.strip(b"\0"), "archive", "octets behind a name's end")
    return content.decode("latin-1")


def _path(header: bytes, directory: bool) -> str:
    name, prefix = _string(header[:100]), _string(header[345:500])
    path = f"{prefix}/{name}" if prefix else name
    if directory and path.endswith("/"):
        path = path[:-1]
    good = _PATH.fullmatch(path) and all(part not in ("", ".", "..") for part in path.split("/"))
    require(good, "archive", f"the path {path!r}")
    return path


def read_tar(octets: bytes) -> dict[str, bytes]:
    """The ordinary files of a strict ustar archive. Refused as `archive`."""
    require(len(octets) % _BLOCK == 0, "archive", "the size is no multiple of 512")
    files: dict[str, bytes] = {}
    paths: set[str] = set()
    at = 0
    while True:
        header = octets[at : at + _BLOCK]
        require(header, "archive", "the archive does not end in two blocks of zeros")
        if header == _ZEROS:
            break
        at += _BLOCK
        directory, size = _check_header(header)
        require(at + size <= len(octets), "archive", "a content beyond the archive's end")
        path = _path(header, directory)
        require(path not in paths, "archive", f"{path} comes twice")
        paths.add(path)
        end = at + -(-size // _BLOCK) * _BLOCK
        require(not octets[at + size : end].strip(b"\0"), "archive", "no zeros behind a content")
        if not directory:
            files[path] = octets[at : at + size]
        at = end
    rest = octets[at:]
    require(len(rest) >= 2 * _BLOCK and not rest.strip(b"\0"), "archive", "no zeros at the archive's end")
    return files


def _check_header(header: bytes) -> tuple[bool, int]:
    """Whether it is a directory, and its size."""
    blank = header[:148] + b" " * 8 + header[156:]
    require(_octal(header[148:156]) == sum(blank), "archive", "the checksum of a header")
    require(header[257:265] == b"ustar\x0000", "archive", "not ustar")
    kind, size = header[156:157], _octal(header[124:136])
    require(kind in (b"0", b"5"), "archive", f"a member of type {kind!r}")
    require(kind == b"0" or size == 0, "archive", "a directory with a content")
    require(not header[157:257].strip(b"\0"), "archive", "a link name")
    require(not header[500:].strip(b"\0"), "archive", "octets behind the prefix")
    return kind == b"5", size
