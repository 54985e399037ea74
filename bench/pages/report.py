"""Measurements, long runs and accuracies of several files as one HTML page: a pure function of the files."""

from collections.abc import Mapping

from mobilecnn.bench.pages import answers
from mobilecnn.bench.pages.page import Section, page
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.sections import (
    accuracies,
    device_cards,
    instructions,
    latency,
    long_runs,
    modelled,
    pairs,
    protocols,
    speedups,
    states,
)
from mobilecnn.bench.pages.subjects import Place, places, timed_models
from mobilecnn.remarks import plural


def html(results: Results) -> str:
    """The whole page: the same results give the same page, byte for byte."""
    with_times = [given for given in results.counted if given.instructions.model is not None]
    emulated = [
        *([Section("Modelled, not measured", modelled.section(with_times))] if with_times else []),
        *(
            [Section("Instructions, emulated", instructions.section(results.counted))]
            if results.counted
            else []
        ),
    ]
    where = places(results)
    long = [Section("Long runs", long_runs.section(results.streamed, where))] if results.streamed else []
    if not results.timed:
        return page(
            *_untimed(results), [*_devices(results, where), *long, *emulated], answers.modelled(with_times)
        )
    models = timed_models(results, where)
    files = len({model.result.model.sha256 for model in models})
    title = f"mobilecnn report: {plural(files, 'model')} on {plural(len(where), 'device')}"
    first, last = _day(results.timed[0]), _day(results.timed[-1])
    lead = (
        f"{plural(len(results.timed), 'measurement')} of {first}"
        + (f" to {last}" if first != last else "")
        + ". Latency is that of one inference, batch 1, on a warm interpreter; the numbers in the charts are those "
        "of the rows of the first table."
    )
    side_by_side = pairs.section(results, where)
    sections = [
        *_devices(results, where),
        Section("Latency", latency.section(models)),
        *long,
        *([Section("Two measurements side by side", side_by_side)] if side_by_side else []),
        *emulated,
        Section("Theoretical against actual speedup", speedups.section(models)),
        Section("Accuracy against latency", accuracies.section(models, results.evaluated)),
        Section("Temperature and clock", states.section(results, where)),
        Section("How it was measured", protocols.section(results, where)),
    ]
    said = [*answers.answers(models, results.evaluated, results.streamed), *answers.modelled(with_times)]
    return page(title, lead, sections, said)


def _devices(results: Results, where: Mapping[str, Place]) -> list[Section]:
    return [Section("Devices", device_cards.section(where, results))] if where else []


def _untimed(results: Results) -> tuple[str, str]:
    """Title and lead of a page without measurements."""
    if results.streamed:
        title = f"mobilecnn report: {plural(len(results.streamed), 'long run')}"
        return (
            title,
            "Nothing was timed in rounds: a long run shows heat and tails, and not which file is faster.",
        )
    modelled = any(given.instructions.model is not None for given in results.counted)
    what = "modelled times" if modelled else "emulated instructions"
    return f"mobilecnn report: {what} of {plural(len(results.counted), 'record')}", "Nothing was timed."


def _day(timed: Timed) -> str:
    return timed.measurement.created[:10]
