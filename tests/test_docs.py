"""The documentation is true: commands run, links lead somewhere, every command and option is described."""

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from proposed import parse, proposed
from sample_app import copy_app
from tflite_files import Made

from mobilecnn.cli import COMMANDS, load
from mobilecnn.contract import contract_for
from mobilecnn.convert.lowering.tflite_metadata import append_labels, build
from mobilecnn.quantize.isic import CATEGORIES
from mobilecnn.train import datasets

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BESIDE = [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "CODE_OF_CONDUCT", "SECURITY")]
"""Pages for those who join in: their links are checked, and nothing in them is run."""

QUICK = {
    # What a command is given in addition here, so that the page can show the real one.
    "train": ["--epochs", "1"],
    # After one epoch it answers no better than by chance on some processors, and commands refuse such a model.
    "train shufflenet_v1_x0.25_g3": ["--epochs", "4"],
    "compress": ["--epochs", "1"],
    "bench": ["--rounds", "1", "--seconds", "0.1", "--warmup-seconds", "0.1"],
    "sustained": ["--minutes", "0.05"],
    "single-stream": ["--min-seconds", "0.5"],
    "bench emulated-pi4": ["--counts-only"],
    "bench emulated-pi5": ["--counts-only"],
    "profile": ["--rounds", "1", "--seconds", "0.001"],
    "tune": ["--rounds", "1", "--seconds", "0.001"],
    "search": [
        "--rounds",
        "1",
        "--seconds",
        "0.001",
        "--width",
        "0.25",
        "--size",
        "128",
        "--format",
        "int8",
        "--check",
        "0",
    ],
    "speedup": ["--rounds", "1"],
    "demo": ["--epochs", "1", "--rounds", "1"],
    "experiment": ["--row", "small-steps"],
}
PROPOSING = (
    "train", "pretrained", "compress", "check-calibration", "export", "evaluate", "quantize-report", "verify", "bench", "sustained",
    "single-stream", "profile", "tune", "search",
)  # fmt: skip
"""Commands whose last line is the next one."""

INSTALLED = str(Path(sys.executable).with_name("mobilecnn"))
"""The installed program: it runs the README's commands."""

LONG = ("compress.md",)
"""Pages whose commands take minutes: they are run in the sweep alone."""

ELSEWHERE = ("speedup", "demo")
"""Run by tests/cli/test_demo.py, once: they take minutes."""


def typed_in(page: Path, language: str) -> list[list[str]]:
    """The commands in a page's blocks of that language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    joined = "\n".join(text for of, text in blocks if of == language).replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in joined.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("mobilecnn ")]


def commands(page: Path) -> list[list[str]]:
    """Those that are run."""
    typed = typed_in(page, "sh")
    # It has no wheel for Python 3.12; on 3.11 nothing is left out.
    return [command for command in typed if "tflite-runtime" not in command or sys.version_info < (3, 12)]


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> list[str]:
    """What runs a page's command; in the sweep all is as a user has it."""
    if request.config.getoption("--sweep"):
        return [INSTALLED]
    zygotes = request.getfixturevalue("zygotes")
    return [sys.executable, str(ROOT / "tests" / "forked_program.py"), zygotes.keras, zygotes.litert]


@pytest.fixture(scope="module")
def ran() -> set[tuple[str, ...]]:
    """The commands that have run in the workspace: one that several pages have is run once."""
    return {tuple(command) for command in commands(ROOT / "README.md")}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages' commands run: with the files that the README's commands make."""
    folder = tmp_path_factory.mktemp("docs")
    digits = datasets.load("digits")
    seven = digits.images[int((digits.labels == 7).argmax())]
    assert not isinstance(seven, Path)
    Image.fromarray(seven).save(folder / "seven.png")
    copy_app(folder)
    flowers(folder)
    lesions(folder)
    (recipe,) = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "docs" / "experiment.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (folder / "flowers.toml").write_text(recipe)
    for command in commands(ROOT / "README.md"):
        if command[1] not in ELSEWHERE:
            run([INSTALLED], command, folder)
    return folder


def flowers(folder: Path) -> None:
    """Make ``flowers/``, the pages' class folders of pictures."""
    digits = datasets.load("digits")
    for label in ("daisy", "tulip"):
        (folder / "flowers" / label).mkdir(parents=True)
        for index, image in enumerate(digits.sample(16, seed=len(label)).images):
            assert not isinstance(image, Path)
            Image.fromarray(image).resize((40, 40)).save(folder / "flowers" / label / f"{index}.png")


def lesions(folder: Path) -> None:
    """Make ``lesions/``, images of the challenge without labels, and ``lesion.tflite``, a model of its categories."""
    (folder / "lesions").mkdir()
    for number in range(3):
        Image.new("RGB", (60, 45), (200, 150 - 40 * number, 120)).save(
            folder / "lesions" / f"ISIC_{number:07}.jpg"
        )
    made = Made(scale=(), dtype="uint8").then("CAST", dtype="float32").scores(len(CATEGORIES))
    said = build(contract_for("raw", (8, 8, 3)), CATEGORIES, "lesion")
    (folder / "lesion.tflite").write_bytes(append_labels(made.pack(said=said), list(CATEGORIES)))


def run(program: list[str], command: list[str], folder: Path) -> None:
    expanded = [
        name
        for word in command[1:]
        for name in (
            sorted(str(p.relative_to(folder)) for p in folder.glob(word)) if "*." in word else [word]
        )
    ]
    mode = next((f"{command[1]} {word}" for word in command if f"{command[1]} {word}" in QUICK), command[1])
    done = subprocess.run(
        [*program, *expanded, *QUICK.get(mode, [])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    next_ones = proposed(done.stderr)
    for words in next_ones:
        parse(words)
    if command[1] in PROPOSING and not {"--json", "--show-recipe"} & set(command):
        assert next_ones, f"{shlex.join(command)} says nothing of what to type next"


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.sweep] if page.name in LONG else []) for page in PAGES[1:]],
    ids=lambda page: page.name,
)
def test_every_command_of_the_page_runs(
    page: Path, workspace: Path, program: list[str], ran: set[tuple[str, ...]]
) -> None:
    for command in commands(page):
        if command[1] not in ELSEWHERE and tuple(command) not in ran:
            run(program, command, workspace)
            ran.add(tuple(command))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_needs_a_board_is_one(page: Path) -> None:
    """In blocks of no language: what cannot be run here is read as the program reads it."""
    for command in typed_in(page, ""):
        parse(command[1:])


def examples(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


WITH_EXAMPLES = [page for page in PAGES if examples(page)]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_every_python_example_runs(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One after the other, as a reader would type them; a warning is an error. Those of a guide have the commands' files."""
    if page.name.startswith("guide_"):
        folder: Path = request.getfixturevalue("workspace")
    else:
        flowers(folder := tmp_path)
    code = "\n".join(examples(page))
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_python_examples_are_typed(tmp_path: Path) -> None:
    """As a user's own type checker sees them: strictly, against the package's types."""
    for page in WITH_EXAMPLES:
        (tmp_path / f"{page.stem}_page.py").write_text("\n".join(examples(page)))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", *tmp_path.glob("*.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in re.findall(
        r"`((?:train|convert|quantize|bench|android_demo|tests|src|benchmarks|scripts)/[\w/.]+)`(?!, a new file)",
        page.read_text(encoding="utf-8"),
    ):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_what_is_to_be_made_can_be_made() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*PAGES, *BESIDE, *(ROOT / ".github").rglob("*.*ml"), *(ROOT / ".github").rglob("*.md")]
    named = {
        (page.name, target)
        for page in pages
        for target in re.findall(
            r"(?:`|^    | )make ([a-z][\w-]*)(?=`|$|  )", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert ("ci.yml", "test") in named and ("CONTRIBUTING.md", "check") in named
    assert not {(page, target) for page, target in named if target not in targets}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_page_and_the_page_knows_its_options(name: str) -> None:
    page = ROOT / "docs" / f"{name.replace('-', '_')}.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# mobilecnn {name}\n")
    command = load(name)
    described = [command, *getattr(command, "commands", {}).values()]
    parameters = [parameter for command in described for parameter in command.params]
    options = {word for parameter in parameters for word in parameter.opts if word.startswith("--")}
    for word in set(re.findall(r"`(--[\w-]+)", text)):
        assert word in options, f"{page.name} describes {word}, which {name} does not have"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"docs/{page.name}" in readme


def test_the_page_of_the_zoo_is_what_the_code_says() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "zoo_page.py"))["page"]()
    assert (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8") == made, "run: python scripts/zoo_page.py"


def test_the_page_of_the_papers_tables_is_what_the_code_says() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "tables_page.py"))["page"]()
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == made, (
        "run: python scripts/tables_page.py"
    )
