"""Section "Devices": a card each."""

from collections.abc import Iterable, Mapping

from mobilecnn.bench.pages.page import Card, Cards, Content
from mobilecnn.bench.pages.result_files import Results
from mobilecnn.bench.pages.subjects import REMARKS, Place, identity, origin
from mobilecnn.bench.records.kinds import REACHED


def section(places: Mapping[str, Place], results: Results) -> list[Content]:
    """A card for each device."""
    cards = []
    for key, place in places.items():
        facts = place.facts
        mine = [timed.file for timed in results.timed if identity(timed.measurement.device) == key]
        remark = " ".join(REMARKS[said] for said in origin(facts))
        clocks = sorted({khz for khz in facts.max_frequencies_khz.values() if khz})
        entries = [
            ("board", facts.board),
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
        ]
        cards.append(Card(place.name, [(name, value or "unknown") for name, value in entries], remark))
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
    """What was found in the measurements, each once, in their order."""
    return "; ".join(dict.fromkeys(value or "unknown" for value in values))
