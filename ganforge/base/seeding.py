"""Named randomness: every draw comes from (seed, purpose, index), never from a global generator.

A run's n-th batch of noise depends on nothing but the run's seed and n, so that any step can be replayed and a resumed
run draws what an uninterrupted one would have drawn, with no generator state to save.
"""

import hashlib

import torch


def derive(seed: int, purpose: str, index: int = 0) -> int:
    """An integer in [0, 2^63) that depends on all three arguments; different arguments give unrelated values."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A fresh generator for one purpose, for example ``generator(seed, "z", nimg)``.

    It lives on the CPU whatever the device of the run, so that a seed means the same numbers everywhere.
    """
    return torch.Generator().manual_seed(derive(seed, purpose, index))
