"""Which images of a data set can be read: all that cannot are found, not only the first."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, listed, plural
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train.images import Pixels, decode

THREADS = 4
"""Largest number of images that are decoded at a time: each may take half a gigabyte."""

_AT_ONCE = 256
"""Number of images that are handed to the threads together."""


def unreadable(images: Sequence[Path | Pixels], progress: Progress = no_progress) -> dict[int, DataError]:
    """The images that cannot be decoded: index -> why; arrays always can.

    Args:
        images: paths or arrays.
        progress: called after each image.
    """

    def problem(image: Path | Pixels) -> DataError | None:
        try:
            if isinstance(image, Path):
                decode(image)
        except DataError as error:
            return error
        return None

    bad: dict[int, DataError] = {}
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images), _AT_ONCE):
            for index, error in enumerate(pool.map(problem, images[start : start + _AT_ONCE]), start):
                progress(index + 1, len(images), "checking the images")
                if error is not None:
                    bad[index] = error
    return bad


def refuse_unreadable(images: Sequence[Path | Pixels], progress: Progress = no_progress) -> None:
    """Refuse images of which some cannot be decoded.

    Raises:
        DataError: listing them.
    """
    if bad := unreadable(images, progress):
        raise refusal(list(bad.values()), len(images))


def refusal(errors: Sequence[DataError], images: int) -> DataError:
    """What is said about ``errors``, those of the images that cannot be read, of ``images`` images together."""
    names = listed([str(error) for error in errors], "; ")
    which = "" if len(errors) == 1 else f"{len(errors):,} of {plural(images, 'image')} cannot be read: "
    return DataError(
        f"{which}{names}; remove or replace {'it' if len(errors) == 1 else 'them'}, or give --skip-bad"
    )


def first_frames(source: str, paths: Sequence[Path]) -> Remark:
    """The remark about files with several frames or pages."""
    count = len(paths)
    text = f"the first frame is used of {plural(count, 'file')} with several: {listed([path.name for path in paths])}"
    return Remark("frames", count, f"{source}: {text}")
