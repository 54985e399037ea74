"""Images that a model has seen in training, as its file keeps them: wherever they are moved, they are known by their content."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MEMBER = "images_seen"
"""Name of the packed images among what a model's file says of its training."""

BYTES = 6
"""Number of bytes that are kept of a SHA-256: of 10,000 images against 60,000 others, one in 500,000 such comparisons names an
image that is new."""

MOST = 1 << 16
"""Largest number of images that are kept, those with the lowest SHA-256: 512 KB of text. Of a larger set a share of the images is
known again, and the share is the same wherever they come from."""


@dataclass(frozen=True)
class Seen:
    """Images that a model has seen.

    Attributes:
        beginnings: first :data:`BYTES` bytes of the SHA-256 of each, in hexadecimal.
    """

    beginnings: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether these are all of them."""
        return len(self.beginnings) < MOST

    def among(self, digests: Mapping[int, str]) -> list[int]:
        """Indices of those images that are among them, of index -> SHA-256 in hexadecimal."""
        return [index for index, made in sorted(digests.items()) if made[: 2 * BYTES] in self.beginnings]


def pack(digests: Iterable[str], before: dict[str, Any] | None = None) -> str:
    """Images as a model's file keeps them: their beginnings in order, in Base64; empty where some are not known.

    Args:
        digests: SHA-256 of images, in hexadecimal.
        before: what the file of the model that is trained further says of its training.
    """
    older = seen_by(before)
    if older is None and is_trained(before):
        return ""
    beginnings = {made[: 2 * BYTES] for made in digests}.union(older.beginnings if older else ())
    kept = sorted(beginnings)[:MOST]
    return base64.b64encode(bytes.fromhex("".join(kept))).decode("ascii")


def is_trained(training: dict[str, Any] | None) -> bool:
    """Whether a file says that its model was trained here: it names the data, or knows images."""
    return bool((training or {}).get("data")) or seen_by(training) is not None


def seen_by(training: dict[str, Any] | None) -> Seen | None:
    """What a model has seen; None where its file does not say it.

    Args:
        training: what the file says of its training, from anybody.
    """
    text = (training or {}).get(MEMBER)
    if not isinstance(text, str) or not text:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    if not content or len(content) % BYTES:
        return None
    places = range(0, len(content), BYTES)
    return Seen(frozenset(content[place : place + BYTES].hex() for place in places))
