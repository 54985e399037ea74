"""The pages in a real browser: they fit, can be read by all, sort, filter, tell their values, and ask for nothing.

Debian's Chromium is driven by Playwright, and judged by axe-core. Without a browser they are skipped, but in continuous
integration, where CI is set.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import page_samples
import pytest
import results
from axe_playwright_python.sync_playwright import Axe
from html_pages import HOSTILE
from page_speed import BROWSERS, many
from playwright.sync_api import Browser, Page, sync_playwright

from mobilecnn.bench.pages.report import html

NARROW, WIDE = 400, 1200
"""Widths of a phone's and of a small desktop's screen, in pixels."""

LARGEST = 2_000_000
"""Largest size of a page of 200 measurements, in bytes."""

PAGES = ("report", "demo", "tables", "quantize-report")
LATENCY = "Every model of every measurement."
FIRST_ROW = "#s2 ~ .scroll tbody tr:not(.group):not([hidden])"

Open = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of this file; what runs beside it must not find its event loop."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        said = f"none of {', '.join(BROWSERS)} is installed: sudo apt-get install chromium"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=found)
        yield running
        running.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page of each command."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in page_samples.pages(tmp_path_factory.mktemp("results")).items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Browser, written: Path, tmp_path: Path) -> Open:
    """Opens a page; of one whose test fails a picture is kept."""

    @contextmanager
    def open_page(
        name: str, width: int = WIDE, *, script: bool = True, folder: Path = written
    ) -> Iterator[Page]:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        said: list[str] = []
        asked: list[str] = []
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        address = (folder / f"{name}.html").as_uri()
        try:
            page.goto(address)
            yield page
            assert said == [] and asked == [address]
        except BaseException as error:
            picture = tmp_path / f"{name}.png"
            page.screenshot(path=picture, full_page=True)
            error.add_note(f"a picture of the page: {picture}")
            raise
        finally:
            context.close()

    return open_page


def overflowing(page: Page) -> list[str]:
    """What is wider than the screen: the page, or a table in it."""
    return list(
        page.evaluate(
            """[...document.querySelectorAll("html, .scroll, .plot, .tip")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.getAttribute("aria-label") ?? e.tagName)"""
        )
    )


def violations(page: Page, only: str = "") -> list[str]:
    """What axe-core finds, with the first element of each."""
    options = {"runOnly": [only]} if only else {}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_and_everyone_can_read_it(opened: Open, name: str) -> None:
    """At both widths, in both themes. Where only the colours are others, they alone are judged again, on one page each."""
    colours = {"demo": WIDE, "tables": NARROW}
    with opened(name) as page:
        for width, theme, only in (
            (WIDE, "light", ""), (WIDE, "dark", "color-contrast"), (NARROW, "dark", ""), (NARROW, "light", "color-contrast"),
        ):  # fmt: skip
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            assert overflowing(page) == [], (width, theme)
            if not only or colours.get(name) == width:
                assert violations(page, only) == [], (width, theme)
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (min(map(int, re.findall(r"\d+", background))) > 127) == (theme == "light")


def medians(page: Page) -> list[list[float]]:
    """The medians that show in the table of latencies, of each device."""
    shown = page.evaluate(
        f"""[...document.querySelector('[aria-label="{LATENCY}"] table').tBodies].map((body) =>
        [...body.rows].filter((row) => !row.hidden && !body.hidden && !row.classList.contains("group"))
        .map((row) => Number(row.querySelector('[data-label="median (ms)"]').textContent)))"""
    )
    return [list(body) for body in shown]


def test_a_header_sorts_its_table_by_keyboard(opened: Open) -> None:
    with opened("report") as page:
        before = medians(page)
        assert len(before) == 2 and before[0] != sorted(before[0])
        button = page.get_by_label(LATENCY).get_by_role("button", name="median (ms)")
        button.focus()
        assert button.evaluate("(it) => getComputedStyle(it).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert medians(page) == [sorted(body) for body in before]
        head = page.get_by_label(LATENCY).get_by_role("columnheader", name="median (ms)")
        assert head.get_attribute("aria-sort") == "ascending"
        page.keyboard.press("Space")
        assert medians(page) == [sorted(body, reverse=True) for body in before]
        assert head.get_attribute("aria-sort") == "descending"


def test_what_is_unknown_is_last_in_both_directions(opened: Open) -> None:
    with opened("quantize-report") as page:
        column = page.locator('td[data-label="isolated dB"]')
        button = page.get_by_role("button", name="isolated dB")
        for descending in (False, True):
            button.press("Enter")
            *known, last = column.all_inner_texts()
            assert last == "-"
            assert [float(text) for text in known] == sorted(map(float, known), reverse=descending)


def test_a_filter_keeps_rows_with_all_words(opened: Open) -> None:
    with opened("report") as page:
        before = medians(page)
        box = page.get_by_label("Filter").first
        box.focus()
        page.keyboard.type("int8 raspberry")
        shown = medians(page)
        assert [len(body) for body in shown] == [
            len(before[0]) // 2,
            0,
        ]  # The host's rows are of another device.
        total = sum(map(len, before))
        assert page.locator("output.count").first.inner_text() == f"{len(shown[0])} of {total} rows"
        page.keyboard.press("Escape")
        assert medians(page) == before


def test_on_a_phone_rows_are_cards_and_are_sorted_by_a_menu(opened: Open) -> None:
    with opened("report", NARROW) as page:
        table = page.get_by_label(LATENCY)
        row = table.locator("tbody tr:not(.group)").first
        assert row.evaluate("(it) => getComputedStyle(it).display") == "flex"
        label = row.locator("td", has_text="VALID").evaluate(
            "(it) => getComputedStyle(it, '::before').content"
        )
        assert label == '"judgement"'
        assert (
            not page.get_by_label(LATENCY).get_by_role("button").first.is_visible()
            or table.locator("thead").evaluate("(it) => it.getBoundingClientRect().width") <= 1
        )
        before = medians(page)
        menu = page.get_by_label("Sort by").first
        menu.select_option("median (ms), descending")
        assert medians(page) == [sorted(body, reverse=True) for body in before]
        menu.select_option("as given")
        assert medians(page) == before


def test_a_chart_tells_its_values_by_pointer_and_by_keyboard(opened: Open) -> None:
    with opened("report") as page:
        plot = page.locator(".plot", has=page.locator("[data-tip*='actual speedup']")).first
        tip = plot.locator(".tip")
        assert not tip.is_visible()
        plot.focus()
        first = tip.inner_text()
        assert tip.is_visible() and "theoretical speedup (multiply-adds): " in first
        page.keyboard.press("End")
        last = tip.inner_text()
        assert last != first and "shufflenet_v1_x0.5_g3" in last and " to " in last
        assert overflowing(page) == []
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        mark = plot.locator("svg.mark[data-tip]").first
        mark.scroll_into_view_if_needed()
        box = mark.locator("*").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert tip.is_visible() and "speedup" in tip.inner_text()
        page.mouse.move(0, 0)
        assert not tip.is_visible()


def test_two_records_stand_side_by_side(opened: Open) -> None:
    with opened("report") as page:
        parts = page.locator(".choice > .part")
        menu = page.locator(".choice > .tools select")
        names = [parts.nth(index).get_attribute("data-name") for index in range(parts.count())]
        assert len(names) == 3 and "pi.json" in str(names) and "later.json" in str(names)
        for index, name in enumerate(names):
            menu.select_option(str(name))
            assert [part.is_visible() for part in parts.all()] == [place == index for place in range(3)]
        page.emulate_media(media="print")
        assert all(part.is_visible() for part in parts.all())
        assert not menu.is_visible()


def test_without_a_script_all_of_it_is_there(opened: Open) -> None:
    with opened("report") as page:
        rows = page.locator("tbody tr").count()
    with opened("report", script=False) as page:
        assert page.locator("tbody tr").count() == rows
        assert all(row.is_visible() for row in page.locator("tbody tr").all())
        assert all(part.is_visible() for part in page.locator(".part").all())
        assert page.get_by_role("heading", name="The answer").is_visible()
        assert page.locator("button, input, select").count() == 0


def test_the_policy_stops_what_is_not_in_the_page(opened: Open, tmp_path: Path) -> None:
    """Names from files are text; and what came in nevertheless could neither run nor ask."""
    hostile = results.measured()
    record = hostile.to_json()
    record["models"][0]["file"] = HOSTILE
    (tmp_path / "hostile.html").write_text(
        results.made(*results.written(tmp_path, it=record)), encoding="utf-8"
    )
    with opened("hostile", folder=tmp_path) as page:
        assert "alert(2)" in page.inner_text("main")
    intruder = (
        '<img src="http://127.0.0.1:9/x.png" onerror="document.title = 1"><script>document.title = 2</script>'
    )
    text = (tmp_path / "hostile.html").read_text(encoding="utf-8").replace("<main>", f"<main>{intruder}")
    (tmp_path / "intruded.html").write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError) as refused, opened("intruded", folder=tmp_path) as page:
        assert page.title().startswith("mobilecnn report")
    assert "Content Security Policy" in str(refused.value)


def test_the_page_of_200_measurements_is_small() -> None:
    """How fast it is: benchmarks/page_speed.py."""
    text = html(many(results.measured(), 200))
    assert text.count('scope="row"') > 400
    assert len(text.encode()) < LARGEST
