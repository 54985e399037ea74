"""Seeds of random numbers: what numpy and Keras both take."""

from mobilecnn.errors import UsageError

LARGEST_SEED = 2**32 - 1
"""Largest seed that Keras takes."""


def check_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises:
        UsageError: it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"--seed {seed} is out of range; choose a value from 0 to {LARGEST_SEED}")
    return seed
