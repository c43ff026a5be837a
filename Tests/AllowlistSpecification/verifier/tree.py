"""The Merkle tree and its tiles: Format, "Tree, tiles and entry bundles"; RFC 6962 §2.1, RFC 9162 §2.1.3, §2.1.4."""

import hashlib
from collections.abc import Callable, Iterable

EMPTY = hashlib.sha256(b"").digest()
WIDTH = 256  # hashes in a full tile


def sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes: list[bytes]) -> bytes:
    """The root over these leaf hashes."""
    if not hashes:
        return EMPTY
    # A hash that has no sibling on its level moves up as it is; RFC 6962's split gives the same tree.
    while len(hashes) > 1:
        above = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
        hashes = above + hashes[-1:] if len(hashes) % 2 else above
    return hashes[0]


def levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The hashes of every tile level: of the subtrees of 256^L leaves each."""
    result = [leaves]
    while len(result[-1]) >= WIDTH:
        below = result[-1]
        result.append([root(below[at : at + WIDTH]) for at in range(0, len(below) - WIDTH + 1, WIDTH)])
    return result


def number_path(number: int) -> str:
    """1234067 is `x001/x234/067`."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def tile_path(level: int | str, number: int, width: int) -> str:
    return f"tile/{level}/{number_path(number)}" + (f".p/{width}" if width < WIDTH else "")


def tiles(level: int | str, count: int) -> Iterable[tuple[str, int, int]]:
    """Path, first hash (or entry) and number of hashes of each tile of a level that has `count` of them."""
    for start in range(0, count, WIDTH):
        width = min(WIDTH, count - start)
        yield tile_path(level, start // WIDTH, width), start, width


def tile_levels(size: int) -> list[tuple[int, int]]:
    """Each tile level of a tree of this size, with its number of hashes."""
    result, level = [], 0
    while size:
        result.append((level, size))
        size //= WIDTH
        level += 1
    return result


def entry_file(index: int, size: int) -> str:
    """The entry bundle that holds an entry of a tree of this size."""
    number = index // WIDTH
    return tile_path("entries", number, min(WIDTH, size - number * WIDTH))


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root to which an audit path leads, None where its length is not that of the tree (RFC 9162 §2.1.3.2)."""
    if index >= size:
        return None
    number, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            result = node_hash(sibling, result)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        number >>= 1
        last >>= 1
    return result if last == 0 else None


def subtree(hash_at: Callable[[int, int], bytes], start: int, end: int) -> bytes:
    """RFC 6962's MTH over the leaves from start to end, where start is a multiple of the split. `hash_at(height, n)`
    gives the root of the complete subtree number n of 2^height leaves."""
    count = end - start
    if count == 0:
        return EMPTY
    height = count.bit_length() - 1
    if count == 1 << height:
        return hash_at(height, start >> height)
    split = 1 << height
    return node_hash(subtree(hash_at, start, start + split), subtree(hash_at, start + split, end))


def hasher(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    """`hash_at` for `subtree` over all leaf hashes."""
    def hash_at(height: int, number: int) -> bytes:
        return root(leaves[number << height : (number + 1) << height])

    return hash_at


def consistency_proof(leaves: list[bytes], first: int) -> list[bytes]:
    """RFC 6962 §2.1.2 from the first leaves to all of them."""
    def proof(start: int, end: int, first: int, whole: bool) -> list[bytes]:
        if first == end - start:
            return [] if whole else [root(leaves[start:end])]
        split = 1 << (end - start - 1).bit_length() - 1
        if first <= split:
            return proof(start, start + split, first, whole) + [root(leaves[start + split : end])]
        return proof(start + split, end, first - split, False) + [root(leaves[start : start + split])]

    return proof(0, len(leaves), first, True) if 0 < first < len(leaves) else []


def is_consistent(first: int, first_root: bytes, second: int, second_root: bytes, proof: list[bytes]) -> bool:
    """Whether the proof shows that the tree of `second` begins with that of `first` (RFC 9162 §2.1.4.2)."""
    if first == second:
        return first_root == second_root and not proof
    if first == 0:
        return not proof
    if first > second or not proof:
        return False
    path = [first_root] + proof if first & (first - 1) == 0 else proof
    number, last = first - 1, second - 1
    while number & 1:
        number >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while number and not number & 1:
                number >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        number >>= 1
        last >>= 1
    return old == first_root and new == second_root and last == 0
