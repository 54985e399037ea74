"""The Android sample app as a user's copy."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = Path("app/src/main/assets/models")


def copy_app(folder: Path) -> Path:
    """A copy in ``folder``/android_demo, without models; what its chain has fetched is shared."""
    app, original = folder / "android_demo", ROOT / "android_demo"
    shutil.copytree(original, app, ignore=shutil.ignore_patterns("build", "__pycache__"))
    for path in (app / MODELS).iterdir():
        if not path.name.startswith("."):
            path.unlink()
    (original / "build").mkdir(exist_ok=True)
    (app / "build").symlink_to(original / "build")
    return app
