"""The rooms and the arrows between them, the wheel, the links."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import quick
from rooms import arrows, circles, rising

from mobilecnn.extras import EXTRAS

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("train", "convert", "quantize", "bench", "android_demo")


def modules(stage: str) -> list[Path]:
    """Those in packages; the chain in android_demo/ci is a script."""
    return sorted(path for path in (ROOT / stage).rglob("*.py") if (path.parent / "__init__.py").exists())


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_circle_between_modules() -> None:
    assert circles(arrows()) == []


def test_no_arrow_runs_up() -> None:
    assert rising(arrows()) == []


def test_the_graph_is_of_the_whole_house() -> None:
    """The two tests above would pass on an empty graph."""
    graph = arrows()
    assert len(graph) > 100 and sum(map(len, graph.values())) > 400
    assert "mobilecnn.bench.records.measurement" in graph["mobilecnn.bench.judge.summary"]


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("errors", "files"),
        ("files", "records"),
        ("records", "contract"),
        ("contract", "train.images"),
        ("train.fit", "bench.pages.svg"),
        ("bench.judge.summary", "bench.devices.seam"),
        ("bench.pages.svg", "export"),
        ("export", "networks"),
        ("networks", "demo"),
        ("export", "api.making"),
        ("api.making", "cli.output"),
        ("demo", "cli"),
    ],
)
def test_an_arrow_that_runs_up_is_found(low: str, high: str) -> None:
    low, high = f"mobilecnn.{low}", f"mobilecnn.{high}"
    assert rising({low: {high}, high: {low}}) == [f"{low} -> {high}"]


PURE = """
import sys, mobilecnn.bench.records.measurement, mobilecnn.bench.judge.compare, mobilecnn.bench.pages.report
print(*sorted(name for name in sys.modules if name.startswith("mobilecnn")))
"""


def test_reading_comparing_and_reporting_load_no_device() -> None:
    done = subprocess.run([sys.executable, "-c", PURE], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not [name for name in loaded if ".devices" in name or ".timing" in name], loaded
    assert len(loaded) < 67, loaded


def test_the_zoo_uses_keras_operations_only() -> None:
    for path in (ROOT / "train" / "zoo").rglob("*.py"):
        assert not {name for name in imported(path) if name.split(".")[0] == "tensorflow"}, path


def test_the_bench_knows_nothing_of_keras() -> None:
    for path in modules("bench"):
        assert not {name for name in imported(path) if name.split(".")[0] in ("keras", "tensorflow")}, path


def test_every_source_folder_is_in_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "packages"
    ]
    folders = {
        ".".join(("mobilecnn", *f.parent.relative_to(ROOT).parts))
        for s in STAGES
        for f in (ROOT / s).rglob("__init__.py")
    }
    inside = {
        ".".join(("mobilecnn", *f.parent.relative_to(ROOT / "src/mobilecnn").parts))
        for f in (ROOT / "src").rglob("__init__.py")
    }
    assert set(listed) == folders | inside


@pytest.mark.parametrize("stage", STAGES)
def test_src_links_to_the_folder(stage: str) -> None:
    assert (ROOT / "src" / "mobilecnn" / stage).resolve() == ROOT / stage


def test_the_wheel_holds_every_module_and_table(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for stage in STAGES:
        tables = [path for kind in ("csv", "css", "js", "c") for path in (ROOT / stage).rglob(f"*.{kind}")]
        tables += (ROOT / "bench" / "papers").glob("*.json")
        tables += (ROOT / "train" / "experiments").glob("*.toml")
        for path in [*modules(stage), *tables]:
            assert f"mobilecnn/{path.relative_to(ROOT)}" in names
    assert "mobilecnn/cli/bench.py" in names
    assert "mobilecnn/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


def test_every_module_imports_alone() -> None:
    """No module needs another to have been imported first, and none warns."""
    names = [
        "mobilecnn.cli." + p.stem for p in (ROOT / "src/mobilecnn/cli").glob("*.py") if p.stem != "__init__"
    ]
    for name in [
        *names,
        "mobilecnn.api.making",
        "mobilecnn.api.measuring",
        "mobilecnn.errors",
        "mobilecnn.files",
        "mobilecnn.process",
        "mobilecnn.steps",
    ]:
        subprocess.run([sys.executable, "-W", "error", "-c", f"import {name}"], check=True)


def committed() -> list[Path]:
    """What git tracks; all but the environment and outputs where this is no checkout (an unpacked archive)."""
    if (ROOT / ".git").exists():
        # It may be another user's, such as when root runs the tests in somebody's checkout.
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [ROOT / name for name in listed.stdout.split("\0") if name]
    skipped = {
        ".venv",
        ".hypothesis",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "build",
        "dist",
        "__pycache__",
        "mobilecnn-demo",
        "mobilecnn-profile",
        "mobilecnn-speedup",
        "mobilecnn-runs",
    }
    return [
        path
        for path in ROOT.rglob("*")
        # What the folders above it are called says nothing.
        if path.is_file()
        and not any(part in skipped or "egg-info" in part for part in path.relative_to(ROOT).parts)
    ]


def test_no_machine_path_or_index_address_is_committed() -> None:
    checked = 0
    for path in committed():
        if path.is_symlink() or path.suffix not in {".py", ".md", ".toml", ".txt", ".csv", ".sh", ""}:
            continue
        text = path.read_text(encoding="utf-8")
        assert "--index" + "-url" not in text, path
        # Not behind a name: a checkout in /src would be found in app/src/main.
        assert not re.search(rf"(?<![\w.-]){re.escape(str(ROOT))}/", text), path
        checked += 1
    assert checked > 50


def requirements() -> dict[str, list[str]]:
    """Extra -> the packages that it names; those of the core under ``""``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: [re.split(r"[ ;<>=]", requirement)[0].lower() for requirement in wanted]
        for extra, wanted in listed.items()
    }


def test_the_constraints_pin_every_dependency() -> None:
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    for extra, wanted in requirements().items():
        for name in wanted:
            assert name.startswith("mobilecnn[") or name in pinned, f"{name} of [{extra}] is not pinned"


def test_the_extras_are_those_that_messages_name() -> None:
    wanted = requirements()
    # Few need these, and what the challenge's scorer brings is built from source.
    assert wanted["all"] == [f"mobilecnn[{','.join(sorted(EXTRAS.keys() - {'cluster', 'isic', 'jax'}))}]"]
    for extra, modules in EXTRAS.items():
        assert sorted(wanted[extra]) == sorted(name.lower() for name in modules.values())


def test_only_extras_bring_what_the_core_does_not_need() -> None:
    """No module imports what an extra brings at its top, but those that build networks."""
    brought = {module for extra in EXTRAS.values() for module in extra}
    for stage in STAGES:
        for path in modules(stage):
            if path.is_relative_to(ROOT / "train" / "zoo"):
                continue
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    names = [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                assert not {name.partition(".")[0] for name in names} & brought, path


def test_the_quick_tests_are_there() -> None:
    for name in quick.FILES:
        assert (ROOT / "tests" / name).is_file(), f"tests/quick.py lists {name}"


NAMING = ("scripts/elsewhere.py", "tests/quick.py", "Makefile", "pyproject.toml", "docs/development.md")
"""Files that name tests and scripts by their paths."""


@pytest.mark.parametrize("name", NAMING)
def test_every_test_and_script_that_is_named_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"(?<![\w/])(?:tests|scripts)/[\w./-]*\w", text))
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pythons = [text.rpartition(" ")[2] for text in project["classifiers"] if "Python :: 3." in text]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == ">=3.11,<3.14"
    for script in ("setup.sh", "test_wheel.sh"):
        assert "(3, 11) <= " in (ROOT / "scripts" / script).read_text(encoding="utf-8")
        assert " <= (3, 13)" in (ROOT / "scripts" / script).read_text(encoding="utf-8")


def test_continuous_integration_demands_another_python() -> None:
    assert "export REQUIRE_OTHER_PYTHON=1\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    ended = subprocess.run(
        ["sh", ROOT / "scripts" / "test_wheel.sh"],
        env={**os.environ, "OTHER_PYTHON": "/proc/none", "REQUIRE_OTHER_PYTHON": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1 and "OTHER_PYTHON=/path/to/python" in ended.stderr, ended.stderr
