"""Measurements and accuracies of several files as one HTML page: a pure function of the files."""

from mobilecnn.bench.pages.page import Section, page
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.sections import (
    accuracies,
    device_cards,
    instructions,
    latency,
    modelled,
    protocols,
    speedups,
    states,
)
from mobilecnn.bench.pages.subjects import places, timed_models
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
    if not results.timed:
        what = "modelled times" if with_times else "emulated instructions"
        title = f"mobilecnn report: {what} of {plural(len(results.counted), 'record')}"
        return page(title, "Nothing was timed.", emulated)
    where = places(results)
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
    sections = [
        Section("Devices", device_cards.section(where, results)),
        Section("Latency", latency.section(models)),
        *emulated,
        Section("Theoretical against actual speedup", speedups.section(models)),
        Section("Accuracy against latency", accuracies.section(models, results.evaluated)),
        Section("Temperature and clock", states.section(results, where)),
        Section("How it was measured", protocols.section(results, where)),
    ]
    return page(title, lead, sections)


def _day(timed: Timed) -> str:
    return timed.measurement.created[:10]
