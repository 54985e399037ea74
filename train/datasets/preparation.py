"""From labelled images to a manifest: what every image is, and in which part."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError, OutputError, UsageError
from mobilecnn.files import check_file, write_json
from mobilecnn.locks import locked
from mobilecnn.remarks import Remarked, listed, no_remark, of_names, plural
from mobilecnn.seeds import check_seed
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import datasets
from mobilecnn.train.datasets import folder, idx, manifest
from mobilecnn.train.datasets.dataset import PARTS, Dataset, Part, refuse_unknown
from mobilecnn.train.datasets.division import divide
from mobilecnn.train.datasets.identity import digests
from mobilecnn.train.datasets.manifest import Image, Manifest
from mobilecnn.train.datasets.reading import Noticed, refuse_unreadable

MOST_HELD_OUT = 0.9
"""Largest share that validation and test may have together."""


@dataclass(frozen=True)
class Request:
    """A manifest that is asked for.

    Attributes:
        source: the data set.
        output: the manifest's file, which must not exist.
        validation: share of each class to validate on, where the source has no such part.
        test: share of each class to test on, where the source has no such part.
        seed: seed of the division.
        skip_bad: whether to leave out images that cannot be read.
    """

    source: str
    output: Path
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0
    skip_bad: bool = False

    def check(self) -> None:
        """Refuse what cannot work before an image is read.

        Raises:
            UsageError: a value is out of range.
            OutputError: the file exists, or cannot be written.
        """
        for option, share in (("--validation", self.validation), ("--test", self.test)):
            if not 0 <= share <= MOST_HELD_OUT:
                raise UsageError(
                    f"{option} {share} is out of range; choose a share from 0 to {MOST_HELD_OUT}"
                )
        if self.validation + self.test > MOST_HELD_OUT + 1e-9:  # 0.3 and 0.6 are 0.8999... together.
            raise UsageError(
                f"--validation and --test are {self.validation + self.test:g} together, and at least "
                f"{1 - MOST_HELD_OUT:.1g} must be left to train on"
            )
        check_seed(self.seed)
        if not manifest.accepts(str(self.output)):
            raise UsageError(f"a manifest is a .json file; write -o {self.output}.json")
        self.check_free()
        check_file(self.output)

    def check_free(self) -> None:
        """Refuse a name that is taken.

        Raises:
            OutputError: there is such a file.
        """
        if self.output.exists():
            raise OutputError(
                f"{self.output} exists, and a manifest says which images are tested on: it is never replaced; choose another "
                "name with -o, or remove it"
            )


def prepare(request: Request, progress: Progress = no_progress, remarked: Remarked = no_remark) -> Manifest:
    """Divide the images of a source, and write which they are.

    Parts that the source has stay as they are. What it has not of ``validation`` and ``test`` is taken from the images to
    train on: each class in the same proportion, no group in two parts, and no two files of the same content.

    Args:
        request: what is asked for.
        progress: called for each image that is read.
        remarked: told what of the data is not used, or not as one might expect.

    Raises:
        UsageError: a value is out of range.
        DataError: the source cannot be read or divided; the message says which images or classes are the reason.
        OutputError: the file exists, or cannot be written.
    """
    request.check()
    with locked(request.output):
        given = {
            part: _summed(request.source, part, one, progress)
            for part, one in _read(request, progress, remarked)
        }
        whole = given["train"]
        for part, held in given.items():
            refuse_unknown(held.dataset, part, whole.dataset, request.source)
        missing = _missing(request, list(given))
        joined = _joined(whole)
        _say_doubles(request.source, given, remarked)
        indices = divide(whole.dataset.labels, joined, list(missing.values()), request.seed)
        divided = {**given, **{p: whole.subset(i) for p, i in zip(("train", *missing), indices, strict=True)}}
        cut = {part: divided[part] for part in ("train", *missing)}
        _refuse_empty(request.source, cut, joined, whole.dataset)
        there = [part for part in PARTS if part in divided]
        images = tuple(row for part in there for row in divided[part].rows(request.output, part))
        shares = {str(part): share for part, share in missing.items()}
        record = Manifest(request.source, request.seed, shares, whole.dataset.classes, images)
        request.check_free()  # Another process may have taken the name since then.
        write_json(request.output, record.to_json())
    return record


@dataclass(frozen=True)
class _Summed:
    """Images of a part, with what a manifest says of each.

    Attributes:
        dataset: the images.
        sums: SHA-256 of each.
        places: file of each and, in a file that holds many, its number.
    """

    dataset: Dataset
    sums: tuple[str, ...]
    places: tuple[tuple[Path, int | None], ...]

    def subset(self, indices: Sequence[int]) -> "_Summed":
        """The images at ``indices``."""
        sums = tuple(self.sums[index] for index in indices)
        return _Summed(self.dataset.subset(indices), sums, tuple(self.places[index] for index in indices))

    def names(self) -> list[str]:
        """What messages call each image."""
        return [str(path) if number is None else f"{path}, image {number}" for path, number in self.places]

    def rows(self, output: Path, split: Part) -> list[Image]:
        """The images as the manifest at ``output`` lists them."""
        base = os.path.realpath(output.parent)
        rows = []
        for index, (path, number) in enumerate(self.places):
            name = os.path.relpath(os.path.abspath(path), base)  # noqa: PTH100 - it keeps links, as a user names them
            if any("\ud800" <= letter <= "\udfff" for letter in name):
                raise DataError(
                    f"the name {name!r} is not UTF-8, and cannot be kept in a manifest; rename the file"
                )
            label = self.dataset.classes[self.dataset.labels[index]]
            group = self.dataset.groups[index] if self.dataset.groups else ""
            rows.append(Image(name, number, label, split, group, self.sums[index]))
        return rows


def _read(request: Request, progress: Progress, remarked: Remarked) -> Iterator[tuple[Part, Dataset]]:
    """The parts that the source has, with one list of classes; ``train`` alone where it is not divided."""
    source = request.source
    if manifest.accepts(source):
        raise DataError(f"{source} is a manifest already; give the data that it was made of")
    reader = datasets.reader_of(source)
    if reader is not None and reader.read is folder.read:
        folder.refuse_empty_parts(source)
    there = datasets.parts(source)
    if there and "train" not in there:
        raise DataError(
            f"{source} has {' and '.join(there)} and nothing to train on; give a data set that has, or one part's folder"
        )
    classes: tuple[str, ...] = ()
    for part in there or ("train",):
        dataset = datasets.load(source, part)
        for remark in dataset.remarks:
            if remark.code != "part":  # All are read.
                remarked(remark)
        if not dataset.labelled:
            raise DataError(
                f"{dataset.name} has loose images; put those of each class into a folder of its own, or list them in a CSV file"
            )
        if request.skip_bad:
            dataset = dataset.readable(remarked, progress)
        else:
            noticed = Noticed()
            refuse_unreadable(dataset.images, progress, noticed)
            for remark in noticed.remarks(dataset.name):
                remarked(remark)
        classes = classes or dataset.classes
        if len(classes) < 2:
            raise DataError(f"{source} has one class only ({classes[0]}); a classifier needs at least two")
        unknown = [name for name in dataset.classes if name not in classes]
        if unknown:
            raise DataError(
                f"the {part} part of {source} has classes that train does not have: {listed(unknown)}"
            )
        index = np.asarray([classes.index(name) for name in dataset.classes], np.int64)
        yield part, replace(dataset, classes=classes, labels=index[dataset.labels])


def _summed(source: str, part: Part, dataset: Dataset, progress: Progress) -> _Summed:
    paths = [image for image in dataset.images if isinstance(image, Path)]
    if len(paths) == len(dataset):
        places: list[tuple[Path, int | None]] = [(path, None) for path in paths]
    elif idx.accepts(source):
        file = idx.images_file(source, part)
        places = [(file, number) for number in range(len(dataset))]
    else:
        raise DataError(
            f"{source} has no files that a manifest could name; give {source} itself to each command"
        )
    sums = []
    for _, one in digests(dataset.images, progress):
        if isinstance(one, DataError):
            raise one
        sums.append(one)
    return _Summed(dataset, tuple(sums), tuple(places))


def _missing(request: Request, there: Sequence[Part]) -> dict[Part, float]:
    """Parts that are wanted and that the source has not -> the share of ``train`` that each gets."""
    wanted: dict[Part, float] = {"validation": request.validation, "test": request.test}
    return {part: share for part, share in wanted.items() if part not in there and share > 0}


def _joined(whole: _Summed) -> tuple[str, ...]:
    """The group of each image, where images of the same content belong together, too."""
    first: dict[str, str] = {}
    leader: dict[str, str] = {}

    def lead(group: str) -> str:
        while leader.get(group, group) != group:
            group = leader[group]
        return group

    # A NUL is in no group's name.
    alone = [f"\0{index}" for index in range(len(whole.sums))]
    groups = [group or one for group, one in zip(whole.dataset.groups or alone, alone, strict=True)]
    for group, content in zip(groups, whole.sums, strict=True):
        leader[lead(group)] = lead(first.setdefault(content, group))
    return tuple(lead(group) for group in groups)


def _say_doubles(source: str, given: Mapping[Part, _Summed], remarked: Remarked) -> None:
    """Say which contents have two labels, and which are in two parts that the source itself has."""
    seen: dict[str, tuple[Part, str, str]] = {}
    labels: list[str] = []
    leaks: list[str] = []
    for part, one in given.items():
        for name, label, content in zip(one.names(), one.dataset.labels.tolist(), one.sums, strict=True):
            of = one.dataset.classes[label]
            first_part, first_of, first_name = seen.setdefault(content, (part, of, name))
            if first_of != of:
                labels.append(f"{first_name} ({first_of}) and {name} ({of})")
            if first_part != part:
                leaks.append(f"{first_name} ({first_part}) and {name} ({part})")
    if labels:
        text = f"{source}: {plural(len(labels), 'image')} of the same content as one of another class"
        remarked(of_names("two-classes", labels, text))
    if leaks:
        text = f"{source}: {plural(len(leaks), 'image')} of the same content as one of another part"
        remarked(of_names("leak", leaks, text))


def _refuse_empty(
    source: str, divided: Mapping[Part, _Summed], groups: Sequence[str], whole: Dataset
) -> None:
    """Refuse a division by which a part has no image of a class that there are images of to train on."""
    for part, one in divided.items():
        without = sorted(set(whole.labels.tolist()) - set(one.dataset.labels.tolist()))
        if not without:
            continue
        members = [index for index in range(len(whole)) if whole.labels[index] == without[0]]
        held = len({groups[index] for index in members})
        of = "" if held == len(members) else f" of {plural(held, 'group')}"
        # As many parts as there are images, or groups of them, can have one.
        shares = [f"--{made} 0" for made in divided if made != "train"]
        without_them = f" {'or' if len(shares) - held < 1 else 'and'} ".join(shares)
        raise DataError(
            f"{source}: the class {whole.classes[without[0]]} has {plural(len(members), 'image')}{of}, too few for "
            f"{plural(len(divided), 'part')} ({', '.join(divided)}): {part} has none of it; add images, take the class out, "
            f"or give {without_them}"
        )
