"""Copies of the Android sample app, as users make them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = Path("app/src/main/assets/models")


def copy_app(folder: Path) -> Path:
    """A copy in ``folder``/android_demo, without models; the downloads of its build are shared."""
    app, original = folder / "android_demo", ROOT / "android_demo"
    shutil.copytree(original, app, ignore=shutil.ignore_patterns("build", "__pycache__"))
    for path in (app / MODELS).iterdir():
        if not path.name.startswith("."):
            path.unlink()
    (original / "build").mkdir(exist_ok=True)
    (app / "build").symlink_to(original / "build")
    return app
