"""Size and speed in a browser of a report of many measurements: first paint, sorting, filtering, reading a chart.

A record of `mobilecnn bench` is repeated with other times and days, as if the same files had been timed so often.
Needs Chromium or Chrome, and the extra [dev]:

    python benchmarks/page_speed.py tests/samples/measurement-4.json
"""

import argparse
import shutil
import statistics
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from mobilecnn.bench.pages.report import html
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.records.measurement import Measurement

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Programs that are looked for, in this order."""

TIMED = """(act) => new Promise((done) => {
  const begin = performance.now();
  act();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
})"""
"""Milliseconds from an action to the end of the frame that shows it."""

ACTIONS = {
    "sort 200 rows": "() => document.querySelector('table.sortable th button').click()",
    "filter 200 rows": """() => {
      const box = document.querySelector('input[type=search]');
      box.value = box.value ? '' : 'int8';
      box.dispatchEvent(new Event('input'));
    }""",
    "read a chart's value": """() => {
      const plot = document.querySelector('.plot[tabindex]');
      plot.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
    }""",
}
"""Name of an interaction -> JavaScript that does it."""


def many(record: Measurement, count: int) -> Results:
    """So many measurements: the first model of ``record``, a day later each and up to 10 % slower."""
    runs = tuple(run for run in record.runs if run.model == 0)
    timed = []
    for number in range(count):
        factor = 1 + 0.01 * (number * 7 % 11)
        slower = tuple(
            replace(run, samples_ns=tuple(round(factor * sample) for sample in run.samples_ns))
            for run in runs
        )
        day = datetime.fromisoformat(record.created) + timedelta(days=number)
        made = replace(record, created=day.isoformat(), models=record.models[:1], runs=slower)
        timed.append(Timed(f"measurement-{number + 1}.json", made))
    return Results(tuple(timed), ())


def first_paint(page: Page) -> float:
    """Milliseconds from the navigation to the first contentful paint."""
    return float(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("record", type=Path, help="file of `mobilecnn bench`")
    parser.add_argument("--measurements", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7, help="times that the page is opened")
    given = parser.parse_args()
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        raise SystemExit("no browser: sudo apt-get install chromium")
    text = html(many(Measurement.read(given.record), given.measurements))
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        path = Path(folder, "report.html")
        path.write_text(text, encoding="utf-8")
        browser = play.chromium.launch(executable_path=browser_path)
        for _ in range(given.repeats):
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.goto(path.as_uri())
            figures.setdefault("first paint", []).append(first_paint(page))
            for name, action in ACTIONS.items():
                spent = float(page.evaluate(f"({TIMED})({action})"))
                figures.setdefault(name, []).append(spent)
            page.close()
        browser.close()
    print(f"{given.measurements} measurements: {len(text.encode()) / 1e6:.2f} MB")
    for name, values in figures.items():
        print(f"{name}: median {statistics.median(values):.0f} ms, highest {max(values):.0f} ms")


if __name__ == "__main__":
    main()
