"""Pages of the documentation's site that are not in ``docs/``: those of the repository's root, and the Python reference.

A hook of MkDocs (see mkdocs.yml). In ``docs/`` and on the site a page has the same neighbours, so that only links of the pages
from elsewhere are changed.
"""

import re
from pathlib import Path
from types import ModuleType

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import mobilecnn

ROOT = Path(__file__).resolve().parent.parent

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CODE_OF_CONDUCT.md": "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "LICENSE": "LICENSE.md",
    "SECURITY.md": "SECURITY.md",
    "android_demo/README.md": "android_demo/README.md",
}
"""Files of the repository -> pages of the site."""

_LINK = re.compile(r"""(?P<before>\]\(|src="|srcset=")(?P<to>[^)"#:]+)(?P<after>[)"#])""")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_relinked(text, source, page)))
    files.append(File.generated(config, "reference.md", content=_reference()))
    return files


def _relinked(text: str, source: str, page: str) -> str:
    """The text of a page with its links as they are on the site."""

    def relinked(match: re.Match[str]) -> str:
        target = (ROOT / source).parent.joinpath(match["to"]).resolve().relative_to(ROOT).as_posix()
        to = PAGES.get(target, target.removeprefix("docs/"))
        return f"{match['before']}{'../' * page.count('/')}{to}{match['after']}"

    return _LINK.sub(relinked, text)


def _reference() -> str:
    """Every public name, with its docstring."""
    lines = [
        "# Python reference",
        "",
        "The names of `mobilecnn`; [From Python](python.md) shows how they go together.",
        "",
    ]
    for name in sorted(mobilecnn.__all__):
        public = getattr(mobilecnn, name)
        if isinstance(public, ModuleType):  # A stage that can be called: what is called is the function.
            public = public._function
        if hasattr(public, "__module__"):
            lines += [f"::: {public.__module__}.{public.__qualname__}", ""]
    return "\n".join(lines)
