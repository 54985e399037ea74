"""Section "Devices": a card each."""

from collections.abc import Iterable, Mapping

from mobilecnn.bench.pages.page import Card, Cards, Content
from mobilecnn.bench.pages.result_files import Results
from mobilecnn.bench.pages.subjects import REMARKS, Place, identity, origin
from mobilecnn.bench.records.kinds import REACHED

_TOLD = ("processor", "highest clocks", "memory", "governor", "system", "chip")
"""Facts that a reader would miss: where a device does not tell them, its card says so, once."""


def section(places: Mapping[str, Place], results: Results) -> list[Content]:
    """A card for each device."""
    cards = []
    for key, place in places.items():
        facts = place.facts
        mine = [timed.file for timed in results.timed if identity(timed.measurement.device) == key]
        long = [given.file for given in results.streamed if identity(given.stream.device) == key]
        remark = " ".join(REMARKS[said] for said in origin(facts))
        clocks = sorted({khz for khz in facts.max_frequencies_khz.values() if khz})
        entries = [
            ("board", None if facts.board and place.name.startswith(facts.board) else facts.board),
            ("processor", facts.cpu),
            ("machine", facts.machine),
            ("features", " ".join(facts.cpu_features)),
            ("cores", str(facts.cores)),
            ("highest clocks", ", ".join(f"{khz / 1e6:g} GHz" for khz in clocks)),
            ("memory", facts.memory_bytes and f"{facts.memory_bytes / 2**30:.1f} GiB"),
            ("governor", _each("/".join(facts.governors) for facts in place.every)),
            ("system", _each(facts.os for facts in place.every)),
            ("kernel", _each(facts.kernel for facts in place.every)),
            *_software(place),
            ("reached", REACHED.get(facts.kind, facts.kind)),
            ("measurements", ", ".join(mine)),
            ("long runs", ", ".join(long)),
        ]
        told = [(name, value or "") for name, value in entries]
        silent = [name for name, value in told if not value and name in _TOLD]
        cards.append(Card(place.name, [*told, ("not reported", ", ".join(silent))], remark))
    return [Cards(cards)]


def _software(place: Place) -> list[tuple[str, str | None]]:
    """Rows about Python and numpy, or about Android on phones."""
    phones = [facts.android for facts in place.every if facts.android is not None]
    if not phones:
        return [
            ("Python", _each(facts.python for facts in place.every)),
            ("numpy", _each(facts.numpy for facts in place.every)),
        ]
    return [
        ("Android build", _each(phone.fingerprint for phone in phones)),
        ("chip", _each(phone.soc for phone in phones)),
        ("cores in use", _each(f"{phone.cores} (mask)" for phone in phones)),
    ]


def _each(values: Iterable[str | None]) -> str:
    """What was found in the measurements, each once, in their order; empty where nothing was."""
    return "; ".join(dict.fromkeys(value for value in values if value))
