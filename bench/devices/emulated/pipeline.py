"""From executed blocks to cycles of a processor's pipeline, by LLVM's scheduling models.

``llvm-mca`` simulates how a processor issues a sequence of instructions that is repeated without end, with
every load a hit in the first-level cache and every branch foreseen. From blocks to such sequences:

* A block that follows itself is a loop and a sequence of its own; its cycles per pass in steady state are what
  the loop costs. Blocks that follow each other in a cycle (a loop with a branch inside) are one sequence.
* Straight-line blocks of which each is mostly followed by the next are one sequence too, and its cycles in
  steady state are taken: the processor overlaps its end with the beginning of what comes next, as it does
  here with its own beginning.
* Calls, returns, jumps and instructions of the system are left out of a sequence: ``llvm-mca`` assumes a
  hundred cycles for a call, and a processor that foresees it none.
* Where published times show that an instruction takes longer than its model says, the difference is added
  (:data:`SLOWER`).
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from mobilecnn.bench.devices.emulated.blocks import Section, Words
from mobilecnn.bench.devices.emulated.llvm import OLDEST_LLVM, Tools, parsed, run, tools
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.files import cache

COVERED = 0.999
"""Share of the executed instructions that are simulated, the hottest sequences first; the rest is taken to be
alike."""

MOST_UNREAD = 0.001
"""Largest share of the executed instructions that may be words that LLVM does not know, and that cost nothing."""

FOLLOWS = 0.6
"""Share of a block's executions that another must follow, and be preceded by, to be of one sequence with it."""

LONGEST = 400
"""Number of instructions of a sequence at most."""

SHORT, LONG = 20, 80
"""Numbers of passes that are simulated; the cycles of the passes between them are the steady state's."""

FEATURES = "+v8.2a,+dotprod,+fullfp16,+lse,+crc,+rdm,+aes,+sha2,+rcpc"
"""Extensions of the architecture that the disassembler knows: those of a Cortex-A76, which has the most."""

LEFT_OUT = re.compile(
    r"(bl|blr|br|b|ret|svc|hvc|mrs|msr|sys|dmb|dsb|isb|hint|yield|nop|brk|udf|bti|paciasp|autiasp)\b(?!\.)"
)
"""Instructions that are left out of a sequence. Conditional branches stay."""


@dataclass(frozen=True)
class Slower:
    """Instructions that take longer on a processor than LLVM's model of it says.

    Attributes:
        mask: bits of an instruction's word by which it is known.
        bits: value of these bits.
        cycles: what each execution takes longer, in cycles.
    """

    mask: int
    bits: int
    cycles: float


SLOWER = {
    # smlal, umlal and those of the upper halves: four products of 16-bit numbers, one factor the same for all.
    "kryo": (Slower(0x9FC0F400, 0x0F402000, 1.0),)
}
"""LLVM's name of a processor -> what takes longer there.

Kryo: LLVM lets one of these begin each cycle, as on the Cortex-A57 and A72. The published times of ncnn's five int8 networks
on the Snapdragon 821 are the longer beside the modelled ones, the more of these they execute, and fit one every second
cycle; those of the Cortex-A57 and A72 do not (docs/arm_model.md).
"""

_NOTHING = 0xD503201F
"""The instruction nop."""

_AT_ONCE = 200
"""Number of sequences in one run of ``llvm-mca``."""

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")
"""Names of SQLite's errors of a file that is no database, is one in parts, or has another table."""


def cycles(section: Section, model: str) -> float:
    """Cycles of the pipeline for all that was executed between two marks.

    Args:
        section: blocks that were executed.
        model: LLVM's name of the processor, such as ``cortex-a72``.

    Raises:
        EnvironmentProblem: LLVM's tools are missing, too old, or fail.
    """
    hottest = sorted(
        sequences(section),
        key=lambda numbers: -sum(section.ran[n].times * len(section.ran[n].words) for n in numbers),
    )
    used: list[tuple[float, Words]] = []
    executed = 0
    for numbers in hottest:
        if executed >= COVERED * section.instructions:
            break
        words = tuple(word for number in numbers for word in section.ran[number].words)
        share = sum(section.ran[number].times * len(section.ran[number].words) for number in numbers)
        executed += share
        # Blocks of one sequence ran almost equally often: their passes, weighted by length.
        used.append((share / len(words), words))
    costs, unread = _costs([words for _, words in used], model)
    lost = sum(passes * sum(word in unread for word in words) for passes, words in used)
    if lost > MOST_UNREAD * executed:
        raise EnvironmentProblem(
            f"no time can be modelled: {lost / executed:.1%} of what was executed are words that LLVM does not know as "
            f"instructions, and {MOST_UNREAD:.1%} is usual at most; a newer LLVM may know them"
        )
    total = sum(passes * (costs[words] + beyond(words, model)) for passes, words in used)
    return total * section.instructions / executed


def beyond(words: Words, model: str) -> float:
    """Cycles that a pass through a sequence takes beyond those of LLVM's model, by :data:`SLOWER`."""
    return sum(
        slower.cycles
        for slower in SLOWER.get(model, ())
        for word in words
        if word & slower.mask == slower.bits
    )


def sequences(section: Section) -> list[tuple[int, ...]]:
    """The blocks of a section, each once: loops and straight runs together, others alone."""
    after: dict[int, tuple[int, int]] = {}
    before: dict[int, tuple[int, int]] = {}
    for (first, second), times in section.then.items():
        if first in section.ran and second in section.ran:
            after[first] = max(after.get(first, (0, 0)), (times, second))
            before[second] = max(before.get(second, (0, 0)), (times, first))
    following = {
        first: second
        for first, (times, second) in after.items()
        if before[second][1] == first
        and times >= FOLLOWS * max(section.ran[first].times, section.ran[second].times)
    }
    preceding = {second: first for first, second in following.items()}
    done: set[int] = set()
    made = []
    for start in section.ran:
        if start in done:
            continue
        begin = start
        while preceding.get(begin, start) != start and preceding[begin] not in done:
            begin = preceding[begin]
        if preceding.get(begin) == start:
            begin = start  # A cycle has no first block.
        sequence: list[int] = []
        number: int | None = begin
        length = 0
        while number is not None and number not in done and length < LONGEST:
            sequence.append(number)
            done.add(number)
            length += len(section.ran[number].words)
            number = following.get(number)
        made.append(tuple(sequence))
    return made


def costs_of(sequences: Iterable[Words], model: str) -> dict[Words, float]:
    """Cycles of one pass through each sequence in steady state, from the cache on disk where they are known.

    Args:
        sequences: instructions of each.
        model: LLVM's name of the processor.

    Raises:
        EnvironmentProblem: LLVM's tools are missing, too old, or fail; or the cache cannot be read or written.
    """
    return _costs(sequences, model)[0]


def _costs(sequences: Iterable[Words], model: str) -> tuple[dict[Words, float], frozenset[int]]:
    """:func:`costs_of`, and words that are no instructions, of which these sequences may have some."""
    llvm = tools()
    wanted = dict.fromkeys(sequences)
    with _stored(llvm.version) as store:
        keys = {_key(words): words for words in wanted}
        known = {
            keys[key]: cost
            for key, cost in store.execute("SELECT words, cycles FROM costs WHERE model = ?", (model,))
            if key in keys
        }
        unknown = [words for words in wanted if words not in known]
        if unknown:
            new, unread = _simulated(unknown, model, llvm)
            with store:
                store.executemany("INSERT OR IGNORE INTO unread VALUES (?)", [(word,) for word in unread])
                rows = [(model, _key(words), cost) for words, cost in new.items()]
                store.executemany("INSERT OR REPLACE INTO costs VALUES (?, ?, ?)", rows)
            known |= new
        return known, frozenset(word for (word,) in store.execute("SELECT word FROM unread"))


def _key(words: Words) -> bytes:
    return hashlib.sha256(b"".join(word.to_bytes(4, "little") for word in words)).digest()[:16]


@contextmanager
def _stored(version: str) -> Iterator[sqlite3.Connection]:
    """The cache on disk of one release of LLVM; several processes may use it at once.

    Raises:
        EnvironmentProblem: it cannot be opened, read or written, then or in the block that uses it.
    """
    # How a sequence is made and simulated, which decides its cycles.
    method = hashlib.sha256(repr((FEATURES, LEFT_OUT.pattern, SHORT, LONG, "unread")).encode()).hexdigest()[
        :8
    ]
    path = cache() / f"pipeline-{version}-{method}.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as store:
            with store:
                store.execute(
                    "CREATE TABLE IF NOT EXISTS costs (model TEXT, words BLOB, cycles REAL, PRIMARY KEY (model, words))"
                )
                store.execute("CREATE TABLE IF NOT EXISTS unread (word INTEGER PRIMARY KEY)")
            yield store
    except (OSError, sqlite3.Error) as error:
        # Not removed here: another process may be writing to it.
        remedy = (
            "the file is damaged: remove it, and it is made anew"
            if getattr(error, "sqlite_errorname", "").startswith(_DAMAGED)
            else "set XDG_CACHE_HOME to a folder that you may write to"
        )
        raise EnvironmentProblem(
            f"cannot keep the cycles of simulated code in {path} ({error}); {remedy}"
        ) from error


def _simulated(sequences: Sequence[Words], model: str, llvm: Tools) -> tuple[dict[Words, float], list[int]]:
    """Cycles of a pass through each sequence, and the words among them that are no instructions."""
    # Words that are none are passed over; a tool that reads none at all would make every sequence cost nothing.
    if disassembled({_NOTHING}, llvm)[_NOTHING] is None:
        raise EnvironmentProblem(
            f"{llvm.mc} reads no instructions of ARM: it is damaged, or made without the target AArch64; Debian, Ubuntu: "
            f"sudo apt-get install --reinstall llvm-{OLDEST_LLVM}"
        )
    names = disassembled({word for words in sequences for word in words}, llvm)
    texts = {
        words: [text for word in words if (text := names[word]) is not None and not LEFT_OUT.match(text)]
        for words in sequences
    }
    filled = [words for words in sequences if texts[words]]
    parts = [filled[at : at + _AT_ONCE] for at in range(0, len(filled), _AT_ONCE)]
    costs = {words: 0.0 for words in sequences if not texts[words]}
    # The work is that of other processes.
    with ThreadPoolExecutor(2) as pool:
        for part, (short, long) in zip(
            parts,
            pool.map(lambda part: _passes([texts[words] for words in part], model, llvm), parts),
            strict=True,
        ):
            for number, words in enumerate(part):
                costs[words] = (long.get(number, 0) - short.get(number, 0)) / (LONG - SHORT)
    return costs, [word for word, text in names.items() if text is None]


def _passes(regions: list[list[str]], model: str, llvm: Tools) -> tuple[dict[int, int], dict[int, int]]:
    """Cycles of :data:`SHORT` and of :data:`LONG` passes through each region.

    A region of which the model knows no instruction is in neither.
    """
    lines = []
    for number, region in enumerate(regions):
        # With any other sign of a comment the marks are passed over.
        lines += [f"# LLVM-MCA-BEGIN r{number}", *region, "# LLVM-MCA-END"]
    text = "\n".join(lines) + "\n"
    command = [
        llvm.mca, "-mtriple=aarch64", f"-mcpu={model}", f"-mattr={FEATURES}", "--json",
        "--skip-unsupported-instructions=any",
    ]  # fmt: skip
    short, long = (
        {
            int(region["Name"][1:]): int(region["SummaryView"]["TotalCycles"])
            for region in parsed(run([*command, f"-iterations={count}"], text), llvm.mca)["CodeRegions"]
        }
        for count in (SHORT, LONG)
    )
    return short, long


def disassembled(words: Iterable[int], llvm: Tools) -> dict[int, str | None]:
    """Text of each instruction; None for a word that is none."""
    texts: dict[int, str | None] = {}

    def disassemble(part: list[int]) -> None:
        code = "\n".join(" ".join(f"0x{byte:02x}" for byte in word.to_bytes(4, "little")) for word in part)
        # It says on stderr which are no instructions, and leaves them out.
        said = run([llvm.mc, "--disassemble", "-triple=aarch64", f"-mattr={FEATURES}"], code, {0, 1})
        lines = [line.strip() for line in said.splitlines()]
        lines = [line.split("//")[0].strip() for line in lines if line and not line.startswith(".")]
        if len(lines) == len(part):
            texts.update(zip(part, lines, strict=True))
        elif len(part) == 1:
            texts[part[0]] = None
        else:
            middle = len(part) // 2
            disassemble(part[:middle])
            disassemble(part[middle:])

    ordered = sorted(set(words))
    if ordered:
        disassemble(ordered)
    return texts
