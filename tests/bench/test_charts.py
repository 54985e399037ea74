"""Charts stay in their frame, can be told from the page, and hold text as text."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from html_pages import HOSTILE, Page
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import page, palette, plot, png, svg
from mobilecnn.bench.records.published import BASELINES
from mobilecnn.quantize import formats


@given(st.text())
@example(HOSTILE)
def test_any_text_is_one_text(words: str) -> None:
    html = f'<p title="{page.text(words)}">{page.text(words)}</p>'
    seen = Page(html)
    (_, attributes) = seen.tags[0]
    shown = "".join(letter if letter.isprintable() else page.UNPRINTABLE for letter in words)
    assert len(seen.tags) == 1
    assert list(attributes.items()) == [("title", shown)]
    assert "".join(seen.texts) == shown


numbers = st.floats(1e-3, 1e9)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), st.booleans(), st.booleans())
@example([(3.0, 3.0)], True, True)
@example([(5e-3, 5e-3)], False, False)
def test_charts_stay_in_their_frame_and_have_numbers(
    points: list[tuple[float, float]], log: bool, equal: bool
) -> None:
    drawn = svg.draw(one_series([plot.Point(x, y, "1") for x, y in points], log=log, equal=equal))
    seen = Page(drawn)
    marks = [a for tag, a in seen.tags if tag == "svg" and str(a.get("class", "")).startswith("mark s")]
    for mark in marks:
        assert 0 <= float(str(mark["x"]).rstrip("%")) <= 100 or mark["x"] == "11"
        assert 0 <= float(str(mark["y"])) <= 300
    ticks = [a for tag, a in seen.tags if tag == "text" and a.get("class") == "tick"]
    assert sum(a.get("text-anchor") == "end" for a in ticks) >= 2
    assert sum(a.get("text-anchor") == "middle" for a in ticks) >= 2
    assert "nan" not in drawn and "inf" not in drawn.replace("info", "")


@given(st.lists(numbers, min_size=1, max_size=5))
def test_rows_keep_their_order(values: list[float]) -> None:
    rows = [svg.Bar(str(value), Interval(value, value / 2, value * 2), f"{value} ms") for value in values]
    drawn = Page(svg.bars([("device", rows)], "ms"))
    places = [
        float(str(a["x"]).rstrip("%"))
        for tag, a in drawn.tags
        if tag == "svg" and str(a.get("class", "")).startswith("mark")
    ]
    assert all(0 <= place <= 100 for place in places)
    order = sorted(range(len(values)), key=lambda index: values[index])
    assert [places[index] for index in order] == sorted(places)


@pytest.mark.parametrize(
    ("values", "stems"), [((1.0, 2.0), True), ((1.0, 100.0), False)], ids=["from 0", "logarithmic"]
)
def test_what_is_hatched_does_not_hide_its_interval(values: tuple[float, ...], stems: bool) -> None:
    rows = [svg.Bar("it", Interval(value, value / 1.1, value / 0.9), "", hatched=True) for value in values]
    drawn = Page(svg.bars([("chip", rows)], "modelled ms"))
    lines = [a for tag, a in drawn.tags if tag == "line" and str(a.get("class", "")).startswith("bar")]
    lines = [line for line in lines if line["x1"] != line["x2"]]  # Without the ends of intervals.
    hatched = [line for line in lines if "hatched" in str(line["class"])]
    assert len(hatched) == len(values) and len(lines) == len(values) * (2 if stems else 1)
    assert all((line["x1"] == "0%") == stems for line in hatched)


def one_series(points: Sequence[plot.Point], *, log: bool = False, equal: bool = False) -> plot.Plot:
    axes = plot.Axis("x", log=log), plot.Axis("y", log=log)
    return plot.Plot([plot.Series("one", points)], *axes, "what", equal="same" if equal else "")


def test_the_same_chart_is_a_picture_too() -> None:
    points = [plot.Point(1, 2, "a", None, Interval(2, 1.5, 3)), plot.Point(5, 9, "b", hollow=True)]
    lines = [plot.Series("", points, line, marks=False, colour=plot.OTHER) for line in get_args(plot.Line)]
    for log in (False, True):
        whole = one_series(points, log=log, equal=log)
        both = replace(whole, series=[*whole.series, *lines])
        assert Page(svg.draw(both)).count("svg") > 4
        assert png.draw([both, whole], "title").startswith(b"\x89PNG")


@given(numbers, numbers, numbers, st.booleans(), st.booleans())
@settings(max_examples=25)
@example(5.0, 7.0, 9.0, False, False)  # Below its interval,
@example(11.0, 7.0, 9.0, True, True)  # above it,
@example(11.0, 7.0, 7.0, True, False)  # beside one without width,
@example(1 / 3 * 3.1, 1.0, 1 / 3 * 3.1 * (1 - 1e-16), True, False)  # and by the last digit.
def test_an_interval_beside_its_figure_is_drawn_as_it_is(
    value: float, one: float, other: float, log: bool, equal: bool
) -> None:
    interval = Interval(value, min(one, other), max(one, other))
    chart = one_series([plot.Point(value, value, "1", interval, interval)], log=log, equal=equal)
    assert png.draw([chart], "title").startswith(b"\x89PNG")
    drawn = Page(svg.draw(chart))
    marks = [a for tag, a in drawn.tags if tag == "svg" and str(a.get("class", "")).startswith("mark s")]
    (mark,) = [mark for mark in marks if mark["x"] != "11"]  # That is the legend's.
    across, up = [
        a for tag, a in drawn.tags if tag == "line" and str(a.get("class", "")).startswith("interval")
    ]
    for line, near, far, sign in ((across, "x1", "x2", 1), (up, "y1", "y2", -1)):
        ends = [float(str(line[end]).rstrip("%")) for end in (near, far)]
        place = float(str(mark[near[0]]).rstrip("%"))
        assert all(0 <= end <= 300 for end in (*ends, place))
        assert sign * ends[0] <= sign * ends[1]
        assert value > interval.high or sign * place <= sign * ends[1]
        assert value < interval.low or sign * place >= sign * ends[0]
    bar = Page(svg.bars([("device", [svg.Bar("it", interval, "")])], "ms"))
    places = [a["x"] for tag, a in bar.tags if tag == "svg" and str(a.get("class", "")).startswith("mark")]
    assert all(0 <= float(str(place).rstrip("%")) <= 100 for place in places) and places


@pytest.mark.parametrize(
    "name", ["$\\frac$", "$$", "$x^{$", "\x1b[31m\x07", "_hidden", "\ud800", "[red]", "猫"]
)
@pytest.mark.filterwarnings("error")
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    points = [plot.Point(1, 2, name), plot.Point(2, 3, name)]
    chart = plot.Plot([plot.Series(name, points)], plot.Axis("x"), plot.Axis("y"), "what")
    drawn = png.draw([chart], f"{name}\nsecond line")
    assert drawn.startswith(b"\x89PNG")
    # The legend is there: the picture is another without a name in it.
    assert drawn != png.draw([replace(chart, series=[plot.Series("", points)])], f"{name}\nsecond line")


LONG_DEVICE = (
    "local: Intel(R) Xeon(R) Processor @ 2.60GHz, x86_64, Linux 6.1.0-18-cloud-amd64, 2 cores, performance governor; litert "
    "2.3.0, 1 thread"
)


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize(
    ("title", "name", "key"),
    [
        (f"Theoretical and actual speedup over AlexNet\n{LONG_DEVICE}", "float32, over AlexNet+LRN", "ShuffleNet 0.5x (g=3)"),
        (f"{'n' * 255}.tflite\n{LONG_DEVICE}", "pointwise convolutions", ""),
        ("Sustained load", f"{'m' * 120}.int8.tflite, median", ""),
        (f"{'two words ' * 30}\n\nlast", "\N{CJK UNIFIED IDEOGRAPH-4E2D} " * 60, "key"),
        ("", "", ""),
    ],
    ids=["speedup", "roofline", "sustained", "many", "nothing"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_text_is_cut_off(title: str, name: str, key: str, equal: bool) -> None:
    points = [plot.Point(0.5, 0.6, key), plot.Point(9, 7, key and f"{key} two")]
    chart = one_series(points, log=True, equal=equal)
    chart = replace(chart, series=[replace(chart.series[0], name=name), plot.Series("paper", points)])
    figure = png.drawn([chart] * (1 if equal else 2), title)
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, axes.yaxis.label]
    for text in texts:
        box = text.get_window_extent()
        assert not text.get_text() or (box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1), text.get_text()
    said = "".join(text.get_text() for text in texts)
    for words in (title, name, key):
        assert "".join(words.split()) in "".join(said.split())


def test_a_key_is_written_once_and_stays_in_the_frame() -> None:
    points = [plot.Point(1, 2, "ShuffleNet"), plot.Point(9, 9, "MobileNet")]
    two = [plot.Series(name, points, colour=colour) for colour, name in enumerate(("a", "b"))]
    drawn = svg.draw(replace(one_series(points), series=two))
    assert [drawn.count(f">{point.key}<") for point in points] == [1, 1]
    anchors = dict(re.findall(r'text x="[^"]*" y="[^"]*" d[^>]*?(text-anchor="end")?>(\w+)<', drawn))
    assert {name: anchor for anchor, name in anchors.items()} == {
        "ShuffleNet": "",
        "MobileNet": 'text-anchor="end"',
    }


@pytest.mark.parametrize(
    ("second", "apart"),
    [((1.38, 1.44), False), ((1.38, 1.49), False), ((1.38, 4.0), True), ((6.0, 1.46), True)],
)
def test_keys_of_points_that_are_near_are_not_written_over_each_other(
    second: tuple[float, float], apart: bool
) -> None:
    points = [plot.Point(1.27, 1.46, "1.0 MobileNet-224"), plot.Point(*second, "ShuffleNet 2x (g=3)")]
    corners = [plot.Point(1, 1), plot.Point(20, 20)]
    drawn = svg.draw(one_series([*points, *corners], log=True))
    found = re.findall(r'<text x="([\d.]+)%" y="([\d.]+)" dx="8" dy="(-?\d+)">([^<]*)<', drawn)
    boxes = [
        (float(x) / 100, float(x) / 100 + svg.LETTER * len(key), float(y) + float(dy))
        for x, y, dy, key in found
    ]
    (left, right) = sorted(boxes)
    assert left[1] <= right[0] or abs(left[2] - right[2]) > 15
    assert ({dy for _, _, dy, _ in found} == {"-6"}) == apart


@pytest.mark.parametrize("low", [0.3, 1.0, 7.0, 400.0])
def test_a_picture_of_two_like_axes_has_no_empty_half(low: float) -> None:
    points = [plot.Point(low, 1.2 * low, "a"), plot.Point(20 * low, 18 * low, "b")]
    axes = png.drawn([one_series(points, log=True, equal=True)], "").axes[0]
    for begin, end in (axes.get_xlim(), axes.get_ylim()):
        assert low / 2 <= begin < low and 18 * low < end <= 40 * low


def test_pictures_and_pages_have_the_same_colours() -> None:
    style = Path(page.__file__).with_name("page.css").read_text()
    for index in range(plot.COLOURS):
        assert f"--s{index}: {palette.colour(index)};" in style
    assert f"--other: {palette.colour(plot.OTHER)};" in style
    assert len(png.MARKERS) == len(svg._SHAPES) == plot.COLOURS and set(png.LINES) == set(get_args(plot.Line))


def test_speedups_in_all_formats_can_be_told_apart() -> None:
    """Each format over either AlexNet has a colour and a shape of its own."""
    assert len(formats.usual()) * len(BASELINES) <= plot.COLOURS


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance of ``#rgb`` or ``#rrggbb``."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_the_page(theme: int) -> None:
    style = Path(page.__file__).with_name("page.css").read_text()
    colours = dict(
        re.findall(r"--(\w+): (#[0-9a-f]+);", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[theme])
    )
    marks = {f"s{index}" for index in range(plot.COLOURS)} | {"other", "focus"}
    assert set(colours) == {"ink", "soft", "line", "page", "band", "bad", "good", *marks}
    for name, least in [(name, 4.5) for name in ("ink", "soft", "bad", "good", "focus")] + [
        (name, 3.0) for name in marks
    ]:
        for ground in ("page", "band"):
            light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= least, f"{name} on {ground}"
