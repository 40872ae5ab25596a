"""Named random generators: every random choice is a pure function of (study seed, unit, step).

Nothing in safedose draws from a global generator. A seed is derived by hashing the study's seed with
the name of what it is for, so adding a new use of randomness never moves an existing one.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Turn the study seed and a name such as ("train", 0) into an independent seed.

    Returns:
        An int in [0, 2**32), the same on every machine: the first four bytes of a sha256.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make the numpy generator that belongs to a name."""
    return np.random.default_rng(derive(seed, *names))


def rank(seed: int, *names: str | int) -> bytes:
    """Give something its place in a seeded order: sort things by this key to shuffle them.

    Unlike a shuffle, the relative order of two things does not depend on which others are present.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return hashlib.sha256(text.encode()).digest()
