"""The worker as one file that a Python runs, here, on a board and under QEMU alike."""

import atexit
import contextlib
import io
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from mobilecnn import files
from mobilecnn.bench.devices import worker
from mobilecnn.errors import EnvironmentProblem, OutputError

PACKAGE = Path(*worker.__name__.split("."))
"""The folder of the worker's modules in the archive: their absolute imports hold there too."""


def pack() -> bytes:
    """The worker as an archive with a ``__main__``; the same bytes wherever it is made."""
    source = Path(worker.__file__).parent
    content = {str(folder / "__init__.py"): "" for folder in PACKAGE.parents[:-1]}
    content |= {str(PACKAGE / path.name): path.read_text() for path in source.glob("*.py")}
    content["__main__.py"] = content.pop(str(PACKAGE / "__main__.py"))
    packed = io.BytesIO()
    # Stored and not compressed: a Python may lack zlib. ZipInfo's own date is a fixed one.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            archive.writestr(zipfile.ZipInfo(name), content[name])
    return packed.getvalue()


@cache
def _packed() -> tuple[str, bytes]:
    content = pack()
    return files.sha256(content), content


@cache
def _private_folder() -> Path:
    """A folder that goes with this process."""
    folder = tempfile.mkdtemp(prefix="mobilecnn-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def worker_file() -> Path:
    """The worker's archive: in the cache, or where that cannot be written in a folder of this process.

    Raises:
        EnvironmentProblem: neither can be written.
    """
    digest, content = _packed()
    name = f"worker-{digest[:12]}.pyz"
    # A container may have a home that is read-only, or none.
    with contextlib.suppress(OSError, OutputError, EnvironmentProblem):
        return _placed(files.cache() / name, content)
    try:
        return _placed(_private_folder() / name, content)
    except (OSError, OutputError, EnvironmentProblem) as error:
        raise EnvironmentProblem(
            f"the bench worker cannot be written to a file ({error}); set TMPDIR to a folder that can be written"
        ) from error


def _placed(path: Path, content: bytes) -> Path:
    if not path.exists() or path.read_bytes() != content:
        files.write_bytes(path, content)
    return path
