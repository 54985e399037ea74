"""The import graph over the real folders: no circle, no arrow that runs up.

Imports inside functions and under ``TYPE_CHECKING`` count: they are knowledge all the same.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("train", "convert", "quantize", "bench", "android_demo")
BASE = (
    ("causes", "documents", "errors", "remarks", "steps", "stretches", "temporaries", "version"),
    ("extras", "files", "interruption", "locks", "seeds", "shortage"),
    ("folders", "labels", "process", "records", "tensors"),
    ("replacing",),
    ("contract",),
)
PROGRAMS = (
    ("export_places", "export_request", "ladder", "probed"),
    ("exported", "bases"),
    ("calibration_check", "export"),
    ("networks", "found_networks"),
    ("whole_networks",),
    ("demo", "api", "doctor", "experiments", "searching"),
    ("",),
    ("cli", "__main__"),
)
"""Rooms of the modules below and above the stages, the lowest first; "" is the package itself."""
BENCH = ("records", "judge", "devices", "timing", "papers", "pages")


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module in the package; links are resolved, so each is there once."""
    paths: dict[str, Path] = {}
    for stage in STAGES:
        for path in sorted((ROOT / stage).rglob("*.py")):
            if (path.parent / "__init__.py").exists():
                paths[_dotted(path.relative_to(ROOT))] = path
    inside = ROOT / "src" / "mobilecnn"
    for path in sorted(inside.rglob("*.py")):
        if path.resolve() == path:
            paths[_dotted(path.relative_to(inside))] = path
    return paths


def _dotted(path: Path) -> str:
    parts = ["mobilecnn", *path.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows() -> dict[str, set[str]]:
    """Module -> the modules that it imports, wherever in it."""
    known = modules()
    return {name: set(_imports(path, known)) - {name} for name, path in known.items()}


def _imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            place = stack.index(name)
            component, stack[place:] = stack[place:], []
            if len(component) > 1:
                components.append(sorted(component))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return components


HEIGHTS = {
    **{name: (0, height) for height, names in enumerate(BASE) for name in names},
    **{name: (1 + stage, 0) for stage, name in enumerate(STAGES)},
    **{name: (1 + len(STAGES), height) for height, names in enumerate(PROGRAMS) for name in names},
}
"""First name below the package -> height of its room."""


def rank(name: str) -> tuple[int, int]:
    """Height of a module's room: an arrow may run from a higher or equal to a lower or equal one.

    Raises:
        KeyError: a module is new, and its room must be said above.
    """
    _, room, inner, *_ = [*name.split("."), "", ""]
    stage, height = HEIGHTS[room]
    return (stage, BENCH.index(inner) if room == "bench" and inner else height)


def rising(graph: dict[str, set[str]]) -> list[str]:
    """The arrows that run up, as ``a -> b``."""
    return [
        f"{name} -> {target}"
        for name in sorted(graph)
        for target in sorted(graph[name])
        if rank(target) > rank(name)
    ]
