"""The documentation's site is built of all pages, without a warning, and asks nothing of other hosts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mobilecnn

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    program = Path(sys.executable).with_name("mkdocs")
    # Strict, as mkdocs.yml says: a page out of the navigation or a link that leads nowhere ends it.
    done = subprocess.run(
        [program, "build", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout + done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file(), page
    assert "<h1" in (site / "index.html").read_text(encoding="utf-8")


def test_the_reference_has_every_public_name(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    for name in mobilecnn.__all__:
        if not name.startswith("_"):
            assert re.search(rf'id="mobilecnn\.[a-z_.]+\.{name}"', text), name


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|img|source|iframe)[^>]+(?:src|srcset)="(?:https?:)?//|<link[^>]+rel="(?:stylesheet|preload|preconnect|icon)"[^>]+href="(?:https?:)?//""")  # fmt: skip
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), page


def test_links_of_pages_from_elsewhere_lead_somewhere(site: Path) -> None:
    for name in ("index", "CONTRIBUTING", "android_demo/index"):
        page = site / f"{name}.html"
        for link in re.findall(r'(?:href|src|srcset)="([^"#:]+)', page.read_text(encoding="utf-8")):
            assert link.startswith("http") or (page.parent / link).exists(), f"{name}: {link}"
