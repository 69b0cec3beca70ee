"""What there is to see in prepared pictures, in a few counts: one pass over their file, when they are made."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.base.stopping import poll
from ganforge.data.sources.hints import NEAR_CONSTANT, Seen
from ganforge.data.sources.look import plain_frames

CHUNK_BYTES = 4 << 20


def survey(path: Path, shape: Sequence[int]) -> dict[str, Any]:
    """Of pictures uint8 [N, C, H, W] in a file: duplicates, constant, near_constant, minimum, maximum, frame, framed,
    as ``Seen`` has them, for facts.json. Eight bytes of each picture are held, to tell duplicates."""
    count, channels, height, width = shape
    digests, seen = np.empty(count, np.uint64), {"constant": 0, "near_constant": 0, "minimum": 255, "maximum": 0}
    frames: Counter[tuple[int, ...]] = Counter()
    size = channels * height * width
    step = max(1, CHUNK_BYTES // size)
    with path.open("rb", buffering=0) as file:
        for at in range(0, count, step):
            poll()
            rows = np.frombuffer(file.read(size * min(step, count - at)), np.uint8)
            rows = rows.reshape(-1, channels, height, width)
            for number, row in enumerate(rows, at):
                digests[number] = int.from_bytes(hashlib.blake2b(row.data, digest_size=8).digest(), "little")
            colours = rows[:, :3] if channels == 4 else rows
            low, high = colours.min((2, 3)), colours.max((2, 3))
            span = (high.astype(np.int16) - low).max(1)
            seen["minimum"], seen["maximum"] = (
                min(seen["minimum"], int(low.min())),
                max(seen["maximum"], int(high.max())),
            )
            seen["constant"] += int((span == 0).sum())
            seen["near_constant"] += int(((span > 0) & (span < NEAR_CONSTANT)).sum())
            frames.update(plain_frames(colours[span >= NEAR_CONSTANT]))
    frame = max(frames, key=lambda colour: frames[colour], default=None)
    duplicates = count - len(np.unique(digests))
    return seen | {
        "duplicates": duplicates,
        "frame": None if frame is None else list(frame),
        "framed": frames[frame or ()],
    }


def seen_in(facts: dict[str, Any]) -> Seen:
    """What facts.json tells of the pictures, without what is said elsewhere when they are prepared."""
    count, channels = facts["shape"][:2]
    kept = {name: facts["seen"][name] for name in ("duplicates", "constant", "near_constant", "minimum", "maximum")}
    frame = facts["seen"]["frame"]
    counts = dict(zip(facts["classes"], facts["class_counts"], strict=False))
    grey = count - facts["coloured"] if channels > 1 else 0
    return Seen(
        count, **kept, frame=None if frame is None else tuple(frame), framed=facts["seen"]["framed"],
        num_sizes=facts["num_sizes"], of_commonest_size=facts["of_commonest_size"], grey=grey, classes=counts,
    )  # fmt: skip
