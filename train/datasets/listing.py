"""Which files of a folder are images, and what is passed over, by kind."""

import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mobilecnn.remarks import Remark, counted, of_names, plural
from mobilecnn.train.images import SUFFIXES

SYSTEM_NAMES = frozenset(
    {
        # as case-folded; names that begin with a dot are passed over as well
        "__macosx", "icon\r", "network trash folder", "temporary items",  # macOS
        "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",  # Windows
        "$recycle.bin", "recycler", "system volume information",
        "lost+found", "__pycache__",  # Linux, Python
        "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp",  # network storage
    }
)  # fmt: skip
"""Names of files and folders that systems put beside a user's own, on any level."""


def is_system(name: str) -> bool:
    """Whether a file or folder of that name is a system's or a program's and not the user's: hidden, or known."""
    return name.startswith((".", "~$")) or name.casefold() in SYSTEM_NAMES


@dataclass
class PassedOver:
    """What is no image below a folder.

    Attributes:
        hidden: name of a hidden or system file or folder -> number of them.
        others: ending of the name of a visible file that is no image -> number of them.
        strange: links to nothing, pipes, sockets and devices.
        loops: links to a folder that was read already.
        closed: folders that may not be read.
    """

    hidden: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def add(self, other: "PassedOver") -> None:
        """Count what ``other`` counts, too."""
        self.hidden.update(other.hidden)
        self.others.update(other.others)
        self.strange += other.strange
        self.loops += other.loops
        self.closed += other.closed

    def remarks(self) -> list[Remark]:
        """A remark for each kind that there is."""

        def counts(code: str, kinds: Counter[str], noun: str, what: str) -> Remark:
            remark = of_names(code, counted(kinds), f"{plural(kinds.total(), noun)} {what}")
            return replace(remark, count=kinds.total())

        def names(code: str, paths: list[str], noun: str, what: str) -> Remark:
            return of_names(code, paths, f"{plural(len(paths), noun)} {what}")

        remarks = [
            counts("hidden", self.hidden, "hidden or system name", "passed over"),
            counts("other-files", self.others, "file", "not taken as images"),
            names("no-file", self.strange, "name", "with no ordinary file behind"),
            names("loop", self.loops, "link", "to folders that were read already"),
            names("closed", self.closed, "folder", "that may not be read"),
        ]
        return [remark for remark in remarks if remark.count]


def images_below(folder: Path, passed: PassedOver) -> list[Path]:
    """The image files in ``folder`` and its visible subfolders, sorted; what is none is counted in ``passed``.

    Links to folders are followed, each folder is read once, and none that ``folder`` lies in.

    Raises:
        OSError: ``folder`` itself cannot be read.
    """
    read = {_identity(parent) for parent in (folder, *folder.absolute().parents, *folder.resolve().parents)}
    images, waiting = level(folder, passed)
    while waiting:
        inside = waiting.pop()
        try:
            identity = _identity(inside)
            if identity in read:
                passed.loops.append(str(inside))
                continue
            read.add(identity)
            files, folders = level(inside, passed)
        except OSError:
            passed.closed.append(str(inside))
            continue
        images += files
        waiting += folders
    return sorted(images)


def level(folder: Path, passed: PassedOver) -> tuple[list[Path], list[Path]]:
    """The image files and the visible folders directly in ``folder``, sorted; what is neither is counted in ``passed``.

    Raises:
        OSError: it cannot be read.
    """
    images: list[Path] = []
    folders: list[Path] = []
    for path in sorted(folder.iterdir()):
        if is_system(path.name):
            passed.hidden["._*" if path.name.startswith("._") else path.name] += 1
            continue
        try:
            mode = path.stat().st_mode
        except OSError:
            passed.strange.append(str(path))
            continue
        if stat.S_ISDIR(mode):
            folders.append(path)
        elif not stat.S_ISREG(mode):
            passed.strange.append(str(path))
        elif path.suffix.lower() in SUFFIXES:
            images.append(path)
        else:
            passed.others[path.suffix.lower() or "without an ending"] += 1
    return images, folders


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def shared(groups: Mapping[str, Iterable[Path]]) -> list[tuple[Path, Path]]:
    """Image files that lie in two groups, by a link: the path in each, for each file once.

    Args:
        groups: name of a group -> its files.
    """
    seen: dict[tuple[int, int], tuple[str, Path]] = {}
    twice: dict[tuple[int, int], tuple[Path, Path]] = {}
    for name, paths in groups.items():
        for path in paths:
            try:
                identity = _identity(path)
            except OSError:
                continue  # It is gone; decoding it says so.
            group, first = seen.setdefault(identity, (name, path))
            if group != name:
                twice.setdefault(identity, (first, path))
    return list(twice.values())
