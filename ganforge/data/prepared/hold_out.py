"""Pictures that are set aside, so that copies can be told: chosen by their content alone, and kept after all others.

The rule: of ``LEAST`` pictures or more a tenth is held out, at most ``MOST``. Fewer would calibrate nothing (a tenth of
them is less than the 20 that the figures of copying need), and a small set has none to spare; more than ``MOST`` would
only cost time.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.stopping import poll

LEAST, MOST = 200, 1_000
SHARE = 10
"""One in so many is held out."""
SEED = 0
"""As that of every protocol."""


def set_aside(path: Path, count: int, row_bytes: int, labels: Sequence[str] | None) -> tuple[list[int], list[int]]:
    """(rows to learn from, rows held out) of a file of ``count`` rows, both ascending; none are held out of too few.

    labels: of the rows, or None. Reads the file once. Raises OSError.
    """
    held_out = choose(digests_of(path, count, row_bytes), labels) if count >= LEAST else []
    without = set(held_out)
    return [row for row in range(count) if row not in without], held_out


def choose(digests: Sequence[bytes], labels: Sequence[str] | None) -> list[int]:
    """The rows that are held out, ascending; none of fewer than ``LEAST``, or where equal pictures leave no choice.

    digests: of each picture's content. Equal pictures stay together, so that none is held out and learned from, and no
    class loses its last picture. The order in which pictures are taken is that of their hashes, so that it depends on
    nothing but their content.
    """
    wanted = min(MOST, len(digests) // SHARE)
    rows_of: dict[bytes, list[int]] = {}
    for row, digest in enumerate(digests):
        rows_of.setdefault(digest, []).append(row)
    left = Counter(labels or ())
    chosen: list[int] = []
    for digest in sorted(rows_of, key=lambda digest: hashlib.sha256(f"hold out {SEED}".encode() + digest).digest()):
        rows = rows_of[digest]
        taken = Counter(labels[row] for row in rows) if labels else Counter[str]()
        if len(chosen) + len(rows) <= wanted and all(left[label] > number for label, number in taken.items()):
            chosen += rows
            left -= taken
    return sorted(chosen) if SHARE * len(chosen) >= LEAST else []


def digests_of(path: Path, count: int, row_bytes: int) -> list[bytes]:
    """SHA-256 of each row."""
    found = []
    with path.open("rb") as file:
        for _ in range(count):
            poll()
            found.append(hashlib.sha256(file.read(row_bytes)).digest())
    return found


def append_rows(path: Path, rows: Sequence[int], row_bytes: int) -> None:
    """Write these rows once more, after the last."""
    with path.open("r+b") as file:
        for row in rows:
            poll()
            file.seek(row * row_bytes)
            content = file.read(row_bytes)
            file.seek(0, 2)
            file.write(content)
