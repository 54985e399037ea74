"""The confusion matrix as a picture."""

import os
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import results
from PIL import Image

from mobilecnn.bench.pages.confusion import draw
from mobilecnn.convert.output_kinds import named
from mobilecnn.errors import UsageError
from mobilecnn.quantize.evaluation import Accuracy
from mobilecnn.quantize.figures import figures


def result(names: tuple[str, ...], right: float, finite: bool = True) -> Accuracy:
    """A result with this share of right answers, the others spread over the next class."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(names)), 50)
    best = np.where(generator.random(len(labels)) < right, labels, (labels + 1) % len(names))
    scores = np.eye(len(names), dtype=np.float32)[best]
    if not finite:
        scores[0] = np.nan
    made = figures(named("softmax"), scores, labels, names)
    return replace(results.evaluation().results[0], figures=made)


def picture(*rows: Accuracy) -> Image.Image:
    return Image.open(BytesIO(draw(rows))).convert("RGB")


NAMES = ("AKIEC", "BCC", "BKL", "DF", "MEL", "NV", "VASC")


def test_right_answers_are_dark_on_the_diagonal() -> None:
    good, bad = (np.asarray(picture(result(NAMES, right))).astype(int) for right in (1.0, 0.0))
    assert good.shape == bad.shape
    dark = [np.argwhere(pixels[..., 2] - pixels[..., 0] > 90) for pixels in (good, bad)]
    # In a picture the diagonal runs down and to the right; one field beside it the last row is dark at the left.
    assert np.corrcoef(dark[0].T)[0, 1] > 0.9 > np.corrcoef(dark[1].T)[0, 1]


def test_files_come_one_below_the_other() -> None:
    one, two = picture(result(NAMES, 0.7)), picture(result(NAMES, 0.7), result(NAMES, 0.5, finite=False))
    assert one.width == two.width and 1.6 * one.height < two.height < 2.2 * one.height


def test_any_names_and_up_to_a_hundred_classes() -> None:
    assert picture(result(("$x^2$", "a\nb\x1b[31m", "猫" * 3), 0.5)).width > 300
    assert picture(result(tuple(f"class {number}" for number in range(100)), 0.5)).width > 300


def test_what_has_no_matrix_is_refused() -> None:
    many = result(tuple(f"class {number}" for number in range(101)), 0.5)
    for row in (many, replace(many, figures=None)):
        with pytest.raises(UsageError, match="too many classes"):
            draw([row])


SETTINGS: dict[str, tuple[str, str]] = {
    "LaTeX for all text": ("text.usetex: True", ""),
    "another font, size and resolution": ("font.size: 30\nsavefig.dpi: 10\nfont.family: monospace", ""),
    "a backend that is gone": ("", "Qt4Agg"),
}
"""What a user may have set for other pictures -> content of the file of settings, and the backend."""


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_of_the_user_change_nothing(name: str, tmp_path: Path) -> None:
    content, backend = SETTINGS[name]
    (tmp_path / "matplotlibrc").write_text(content + "\n")
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_confusion import NAMES, draw, result\n"
        "sys.stdout.buffer.write(draw([result(NAMES, 0.9)]))\n"
        "import matplotlib; kept = {'MATPLOTLIBRC', 'MPLBACKEND'} <= set(os.environ)\n"
        "sys.exit(0 if kept else 'the environment was changed')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        check=False,
        env={**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "MPLBACKEND": backend or "pdf"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == draw([result(NAMES, 0.9)])


def test_settings_of_a_program_change_nothing_and_stay() -> None:
    import matplotlib

    wanted = draw([result(NAMES, 0.9)])
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30}):
        assert draw([result(NAMES, 0.9)]) == wanted
        assert matplotlib.rcParams["text.usetex"] is True
