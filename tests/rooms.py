"""The import graph over the real folders: no circle, no arrow that runs up.

Imports inside functions and under ``TYPE_CHECKING`` count: they are knowledge all the same.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("train", "convert", "quantize", "bench", "android_demo")
BASE = ("contract", "errors", "extras", "files", "process", "records", "steps", "version")
BENCH = ("records", "judge", "devices", "timing", "papers", "pages")


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module in the package; links are resolved, so each is there once."""
    found: dict[str, Path] = {}
    for stage in STAGES:
        for path in sorted((ROOT / stage).rglob("*.py")):
            if (path.parent / "__init__.py").exists():
                found[_dotted(path.relative_to(ROOT))] = path
    inside = ROOT / "src" / "mobilecnn"
    for path in sorted(inside.rglob("*.py")):
        if path.resolve() == path:
            found[_dotted(path.relative_to(inside))] = path
    return found


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
    found: list[list[str]] = []

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
                found.append(sorted(component))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def rank(name: str) -> tuple[int, int]:
    """Height of a module's room: an arrow may run from a higher or equal to a lower or equal one."""
    parts = name.split(".")
    if len(parts) == 1:
        return (len(STAGES) + 1, 0)
    if parts[1] in BASE:
        return (0, 0)
    if parts[1] not in STAGES:
        return (len(STAGES) + 1, 0)
    stage = 1 + STAGES.index(parts[1])
    inner = BENCH.index(parts[2]) if parts[1] == "bench" and len(parts) > 2 else 0
    return (stage, inner)


def rising(graph: dict[str, set[str]]) -> list[str]:
    """The arrows that run up, as ``a -> b``."""
    return [
        f"{name} -> {target}"
        for name in sorted(graph)
        for target in sorted(graph[name])
        if rank(target) > rank(name)
    ]
