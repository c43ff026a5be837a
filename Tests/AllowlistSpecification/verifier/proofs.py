"""Single entries proven to the signed root out of a bundle's tiles, and the tree's older roots: Format, "Tree, tiles
and entry bundles"; RFC 6962 §2.1."""

import bundle
import tree
from archive import Files
from refusal import Refused, require


class Tiles:
    """A bundle's hash tiles at one tree size, each read once."""

    def __init__(self, files: Files, size: int):
        self.files, self.size = files, size
        self.read: dict[tuple[int, int], list[bytes]] = {}

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self.read:
            width = min(tree.WIDTH, (self.size >> 8 * level) - number * tree.WIDTH)
            path = tree.tile_path(level, number, width)
            octets = self.files.read(path, 32 * width)
            self.read[level, number] = [octets[at : at + 32] for at in range(0, len(octets), 32)]
        return self.read[level, number]

    def hash_at(self, height: int, number: int) -> bytes:
        """The root of the complete subtree `number` of 2^height leaves."""
        level, rest = divmod(height, 8)
        first = number << rest
        tile = self._tile(level, first // tree.WIDTH)
        at = first % tree.WIDTH
        return tree.root(tile[at : at + (1 << rest)])

    def root(self, start: int, end: int) -> bytes:
        return tree.subtree(self.hash_at, start, end)

    def path(self, index: int) -> list[bytes]:
        """The audit path of a leaf, its sibling first."""
        path, start, end = [], 0, self.size
        while end - start > 1:
            split = start + (1 << (end - start - 1).bit_length() - 1)
            if index < split:
                path.append(self.root(split, end))
                end = split
            else:
                path.append(self.root(start, split))
                start = split
        return path[::-1]

    def consistency(self, first: int) -> list[bytes]:
        """The proof from the first leaves to the whole tree."""
        if not 0 < first < self.size:
            return []
        proof, start, end, whole = [], 0, self.size, True
        while first != end - start:
            split = 1 << (end - start - 1).bit_length() - 1
            if first <= split:
                proof.append(self.root(start + split, end))
                end = start + split
            else:
                proof.append(self.root(start, start + split))
                start, first, whole = start + split, first - split, False
        return ([] if whole else [self.root(start, end)]) + proof[::-1]


def entry(tiles: Tiles, root: bytes, index: int) -> bytes:
    """The octets of an entry, proven to the root."""
    file = tree.entry_file(index, tiles.size)
    start = index // tree.WIDTH * tree.WIDTH
    count = min(tree.WIDTH, tiles.size - start)
    octets = bundle.split_entries(tiles.files.read(file), count, file)[index - start]
    leaf = tree.leaf_hash(octets)
    if tree.root_from_path(leaf, index, tiles.size, tiles.path(index)) != root:
        if leaf == tiles.hash_at(0, index):
            raise Refused("tile-mismatch", "the tiles do not lead to the signed root", None, index)
        raise Refused("entry-mismatch", "not the entry that was signed", file, index)
    return octets


def check_extends(tiles: Tiles, root: bytes, kept_size: int, kept_root: bytes) -> None:
    """Deltas, "The kept checkpoint", 2 to 4. Refused as `checkpoint-older`, `checkpoint-fork`, `tile-mismatch`."""
    require(tiles.size >= kept_size, "checkpoint-older", "the kept checkpoint is of a larger tree", "checkpoint")
    if tiles.size == kept_size:
        require(root == kept_root, "checkpoint-fork", "two roots of one size are signed", "checkpoint")
    elif kept_size:
        prefix = tiles.root(0, kept_size)
        proven = tree.is_consistent(kept_size, prefix, tiles.size, root, tiles.consistency(kept_size))
        require(proven, "tile-mismatch", "the tiles do not lead to the signed root")
        require(prefix == kept_root, "checkpoint-fork", "the kept checkpoint is of another history", "checkpoint")
