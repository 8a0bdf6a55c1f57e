"""Chance that depends on names only: never on order, worker, process or the state of a global generator."""

import hashlib

import numpy as np


def keyed_digest(*key: object) -> str:
    """Hash a key to 64 hexadecimal digits.

    >>> keyed_digest(20, "LJ001-0001")[:8]
    '295045fb'
    """
    return hashlib.sha256(":".join(str(part) for part in key).encode("utf-8")).hexdigest()


def keyed_generator(*key: object) -> np.random.Generator:
    """Build a random generator whose whole stream follows from the key.

    NumPy's Philox, not `torch.randn`: the latter's values depend on the vector instructions of the CPU.
    """
    return np.random.Generator(np.random.Philox(key=int(keyed_digest(*key)[:32], 16)))
