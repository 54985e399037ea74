"""Images of a data set, decoded on several cores; and which of them can be read: all that cannot are found, not only the first."""

import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, of_names, plural
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train.images import Opened, Pixels, decode, to_pixels
from mobilecnn.train.modes import NARROW

THREADS = 4
"""Largest number of images that are decoded at a time: each may take half a gigabyte."""

_AT_ONCE = 256
"""Largest number of images that are handed to the threads ahead of what is taken."""

_HELD = 64 << 20
"""Number of bytes of decoded pictures that wait to be taken, at most; a picture a thread in any case."""

_NO_PICTURE = Image.new("L", (1, 1))


@dataclass
class Noticed:
    """What is noticed of image files while they are decoded.

    Attributes:
        several: those of which only the first frame or page is used.
        narrow: those of 16 bits that seem to have 12 or fewer.
    """

    several: list[Path] = field(default_factory=list)
    narrow: list[Path] = field(default_factory=list)

    def __call__(self, path: Path, opened: Opened) -> None:
        """Keep what is to be said of ``path``."""
        self.several += [path] if opened.several else []
        self.narrow += [path] if opened.narrow else []

    def remarks(self, source: str) -> list[Remark]:
        """What is to be said of the images of ``source``."""
        several, narrow = ([path.name for path in paths] for paths in (self.several, self.narrow))
        rows = [
            of_names("frames", several, f"{source}: the first frame is used of {plural(len(several), 'file')} with several"),
            of_names(
                "narrow",
                narrow,
                f"{source}: nearly black, for white has the value 65,535: {plural(len(narrow), 'image')} of 16 bits without "
                f"a value above {NARROW:,}, as 12 bits have it; if they are no pictures of the dark, save them with their "
                "values spread over 16 bits (12 bits times 16)",
            ),
        ]  # fmt: skip
        return [row for row in rows if row.count]


Decoded = tuple[Pixels, Opened | None] | DataError
"""The pixels of an image at the network's size and, of a file, what else is known of it; or why it cannot be decoded."""


def decoded(
    images: Sequence[Path | Pixels], contract: InputContract, threads: int | None = None
) -> Iterator[tuple[Path | Pixels, Decoded]]:
    """Each image in turn, with what decoding it gave.

    Args:
        images: paths, or uint8 arrays: (height, width) if grey, (height, width, 3) if RGB.
        contract: the network's input.
        threads: largest number of images that are decoded at a time; None for :data:`THREADS`.
    """

    def one(image: Path | Pixels) -> Decoded:
        if not isinstance(image, Path):
            return to_pixels(image, contract), None
        try:
            opened = decode(image)
            return to_pixels(opened.image, contract), replace(opened, image=_NO_PICTURE)
        except DataError as error:
            return error

    workers = threads or min(THREADS, os.cpu_count() or 1)
    ahead = min(_AT_ONCE, max(workers, _HELD // math.prod(contract.shape)))
    waiting: deque[tuple[Path | Pixels, Future[Decoded]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            # Always as many ahead, so that nobody who times what he takes sees them come in bursts.
            for image in images:
                waiting.append((image, pool.submit(one, image)))
                if len(waiting) > ahead:
                    first, coming = waiting.popleft()
                    yield first, coming.result()
            while waiting:
                first, coming = waiting.popleft()
                yield first, coming.result()
        finally:
            for _, coming in waiting:
                coming.cancel()


def unreadable(
    images: Sequence[Path | Pixels], progress: Progress = no_progress, noticed: Noticed | None = None
) -> dict[int, DataError]:
    """The images that cannot be decoded: index -> why; arrays always can.

    Args:
        images: paths or arrays.
        progress: called after each image.
        noticed: is told of the others.
    """

    def read(image: Path | Pixels) -> DataError | Opened | None:
        try:
            # Without the pixels, which are large.
            return replace(decode(image), image=_NO_PICTURE) if isinstance(image, Path) else None
        except DataError as error:
            return error

    bad: dict[int, DataError] = {}
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images), _AT_ONCE):
            for index, result in enumerate(pool.map(read, images[start : start + _AT_ONCE]), start):
                progress(index + 1, len(images), "checking the images")
                image = images[index]
                if isinstance(result, DataError):
                    bad[index] = result
                elif isinstance(image, Path) and result is not None and noticed is not None:
                    noticed(image, result)
    return bad


def refuse_unreadable(
    images: Sequence[Path | Pixels], progress: Progress = no_progress, noticed: Noticed | None = None
) -> None:
    """Refuse images of which some cannot be decoded; ``noticed`` is told of the others.

    Raises:
        DataError: listing them all.
    """
    if bad := unreadable(images, progress, noticed):
        raise refusal(list(bad.values()), len(images))


def refusal(errors: Sequence[DataError], images: int) -> DataError:
    """What is said about ``errors``, those of the images that cannot be read, of ``images`` images together.

    It lists them all: each has to be looked at.
    """
    names = "; ".join(str(error) for error in errors)
    which = "" if len(errors) == 1 else f"{len(errors):,} of {plural(images, 'image')} cannot be read: "
    return DataError(
        f"{which}{names}; remove or replace {'it' if len(errors) == 1 else 'them'}, or give --skip-bad"
    )
