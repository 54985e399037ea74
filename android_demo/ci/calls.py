"""What the app's classes use of Java and of Android is there on the oldest Android that they run on.

A compiler that is told ``-target 8`` alone, as Gradle tells it, compiles against whatever classes there are: on Java 9 and
newer, and with those of Android 10 and newer, ``buffer.rewind()`` becomes a call of a method that Android 8 does not have,
and the app ends with NoSuchMethodError there. Of Java, Android 8 has what Java 8 has, which the compiler's own list for
``--release 8`` tells; of Android, what its classes have.
"""

import shutil
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dependencies import fetch
from tools import report

from mobilecnn.errors import CheckFailed, EnvironmentProblem

OLDEST = "8"
"""Release of Java whose classes every Android has that the app runs on."""

NEWER = {
    "android/graphics/ImageDecoder": 28,
    "android/graphics/ImageDecoder$ImageInfo": 28,
    "android/graphics/ImageDecoder$OnHeaderDecodedListener": 28,
    "android/graphics/ImageDecoder$Source": 28,
    "android/graphics/ImageDecoder.createSource(Landroid/content/ContentResolver;Landroid/net/Uri;)Landroid/graphics/ImageDecoder$Source;": 28,
    "android/graphics/ImageDecoder.decodeBitmap(Landroid/graphics/ImageDecoder$Source;Landroid/graphics/ImageDecoder$OnHeaderDecodedListener;)Landroid/graphics/Bitmap;": 28,
    "android/graphics/ImageDecoder.setAllocator(I)V": 28,
    "android/graphics/ImageDecoder.setUnpremultipliedRequired(Z)V": 28,
    "android/os/PowerManager.getCurrentThermalStatus()I": 29,
    "android/view/Window.getInsetsController()Landroid/view/WindowInsetsController;": 30,
    "android/view/WindowInsets.getInsets(I)Landroid/graphics/Insets;": 30,
    "android/view/WindowInsets$Type": 30,
    "android/view/WindowInsets$Type.displayCutout()I": 30,
    "android/view/WindowInsets$Type.systemBars()I": 30,
    "android/view/WindowInsetsController": 30,
    "android/view/WindowInsetsController.setSystemBarsAppearance(II)V": 30,
}
"""Classes, and members of the class that declares them, that only newer Androids have -> the API level from which on.

A class that uses one reads the level, too.
"""

LEVEL = ("android/os/Build$VERSION", "SDK_INTI")
"""The field with the API level of the Android that the app runs on."""

PLATFORM = ("java/", "javax/", "android/")
"""Beginnings of the names of classes that come with Android."""

LINKED = "java/lang/invoke/"
"""Package of what links lambdas and joined texts at run time; dex compilers write something else instead."""

SIZES = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
"""Tag of an entry of the constant pool -> bytes that follow it (Java Virtual Machine Specification, 4.4)."""

UTF8, CLASS, REFERENCES, PAIR = 1, 7, (9, 10, 11), 12
"""Tags of texts, of classes, of fields and methods of either kind, and of a name with its type."""

WIDE = (5, 6)
"""Tags of the entries that take two places."""


@dataclass(frozen=True)
class ClassFile:
    """What matters here of a class.

    Attributes:
        name: ``java/nio/ByteBuffer``.
        parents: its superclass and its interfaces.
        members: name and descriptor of its fields and methods, in one text: ``rewind()Ljava/nio/Buffer;``.
        uses: class and member, as in ``members``, of the fields and methods that it names. The class is the one that it knows them by, which
            may inherit them: an activity calls ``org/mobilecnn/demo/MainActivity.getMainExecutor``.
        classes: the classes that it names: what it extends, implements, catches, makes, and is given.
    """

    name: str
    parents: tuple[str, ...]
    members: frozenset[str]
    uses: frozenset[tuple[str, str]]
    classes: frozenset[str]


class _Reader:
    """A class file from its beginning to its end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 8

    def number(self, size: int = 2) -> int:
        value = int.from_bytes(self.content[self.at : self.at + size])
        self.at += size
        return value

    def pool(self) -> dict[int, tuple[int, bytes]]:
        """Place -> tag and bytes of each entry of the constant pool."""
        entries = {}
        place, end = 1, self.number()
        while place < end:
            tag = self.number(1)
            size = self.number() if tag == UTF8 else SIZES[tag]
            entries[place] = (tag, self.content[self.at : self.at + size])
            self.at += size
            place += 2 if tag in WIDE else 1
        return entries

    def members(self) -> Iterator[tuple[int, int]]:
        """Places of the names and descriptors of fields, then of methods."""
        for _kind in ("fields", "methods"):
            for _member in range(self.number()):
                self.number()
                yield self.number(), self.number()
                for _attribute in range(self.number()):
                    self.number()
                    length = self.number(4)
                    self.at += length


def read_class(content: bytes) -> ClassFile:
    """Read a class file, or an entry of ``ct.sym``, which has the same form."""
    reader = _Reader(content)
    pool = reader.pool()

    def text(place: int) -> str:
        return pool[place][1].decode("utf-8", "replace")

    def named(place: int) -> str:
        return text(int.from_bytes(pool[place][1]))

    def pair(place: int) -> str:
        name, descriptor = struct.unpack(">HH", pool[place][1])
        return text(name) + text(descriptor)

    reader.number()
    name, parent = named(reader.number()), reader.number()
    parents = [named(parent)] if parent else []
    parents += [named(reader.number()) for _interface in range(reader.number())]
    members = frozenset(text(called) + text(descriptor) for called, descriptor in reader.members())
    uses, classes = set(), set()
    for place, (tag, entry) in pool.items():
        if tag in REFERENCES:
            owner, member = struct.unpack(">HH", entry)
            uses.add((named(owner), pair(member)))
        elif tag == CLASS:
            classes.add(_element(named(place)))
    return ClassFile(name, tuple(parents), members, frozenset(uses), frozenset(classes))


def _element(name: str) -> str:
    """The class of the elements of an array, ``[Ljava/lang/String;``, or the class itself; of numbers' arrays, that of objects."""
    if not name.startswith("["):
        return name
    return name.lstrip("[")[1:-1] or "java/lang/Object"


@cache
def _java() -> Mapping[str, ClassFile]:
    """The classes of Java 8 by name.

    Raises:
        EnvironmentProblem: this JDK does not know that release.
    """
    symbols = Path(shutil.which("javac") or "").resolve().parent.parent / "lib/ct.sym"
    classes = {}
    if symbols.exists():
        with zipfile.ZipFile(symbols) as archive:
            for name in archive.namelist():
                # 879A/java.base/java/nio/Buffer.sig: the same in 8, 7, 9 and 10.
                releases, _, rest = name.partition("/")
                if OLDEST in releases and rest.endswith(".sig") and "module-info" not in rest:
                    one = read_class(archive.read(name))
                    classes[one.name] = one
    if not classes:
        raise EnvironmentProblem(f"{symbols} has no Java {OLDEST}; install a JDK of 17 or 21")
    return classes


class _Platform:
    """The app's own classes, Java 8's and Android 8's."""

    def __init__(self, own: Sequence[ClassFile], android: zipfile.ZipFile) -> None:
        self.classes: dict[str, ClassFile] = {**_java(), **{one.name: one for one in own}}
        self.android = android
        self.names = frozenset(android.namelist())

    def find(self, name: str) -> ClassFile | None:
        entry = f"{name}.class"
        if name not in self.classes and entry in self.names:
            self.classes[name] = read_class(self.android.read(entry))
        return self.classes.get(name)

    def knows(self, name: str) -> bool:
        """Whether a class is there; of a library's nobody knows."""
        return self.find(name) is not None or not name.startswith(PLATFORM)

    def home(self, owner: str, member: str) -> str | None:
        """The class that declares what another has or inherits, or a library's class, of which nobody knows; None without."""
        if owner.startswith("["):
            owner = "java/lang/Object"
        found = self.find(owner)
        if found is None:
            return owner if self.knows(owner) else None
        if member in found.members:
            return owner
        homes = (self.home(parent, member) for parent in found.parents)
        return next((home for home in homes if home is not None), None)

    def lineage(self, name: str) -> Iterator[str]:
        """A class and what it inherits from."""
        yield name
        found = self.find(name)
        for parent in found.parents if found else ():
            yield from self.lineage(parent)

    def missing(self, one: ClassFile) -> Iterator[str]:
        """What a class uses and is not there, and is not in :data:`NEWER` for a class that reads the level."""
        late = NEWER if LEVEL in one.uses else {}
        for owner, member in one.uses:
            known = any(f"{name}.{member}" in late for name in self.lineage(owner))
            if not (owner.startswith(LINKED) or known or self.home(owner, member)):
                yield f"{owner}.{member}"
        for name in one.classes:
            if not (name.startswith(LINKED) or name in late or self.knows(name)):
                yield name


def check_calls(places: Sequence[Path]) -> None:
    """Hold compiled classes to Android 8.

    Args:
        places: folders of class files.

    Raises:
        CheckFailed: they use what only newer releases have.
        EnvironmentProblem: the JDK does not know what Java 8 has, or Android 8's classes cannot be fetched.
    """
    own = [read_class(path.read_bytes()) for place in places for path in sorted(place.rglob("*.class"))]
    with zipfile.ZipFile(fetch(["android-8"])["android-8"]) as android:
        platform = _Platform(own, android)
        missing = sorted(f"{one.name} uses {name}" for one in own for name in platform.missing(one))
        homes = {
            (platform.home(owner, member), member)
            for one in own
            for owner, member in one.uses
            if not owner.startswith(LINKED)
        }
    if missing:
        raise CheckFailed(
            f"Android 8 does not have what these use: {'; '.join(missing)}. Of a buffer, call the method of its superclass: "
            "((Buffer) buffer).rewind(); what newer Androids alone have is called after a look at Build.VERSION.SDK_INT, and is in NEWER of ci/calls.py"
        )
    there = sum(home is not None and home.startswith(PLATFORM) for home, _ in homes)
    report(f"calls: {there} fields and methods of Java and Android, there from Android 8 on")
