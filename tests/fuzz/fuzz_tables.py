"""Data sets that were damaged: CSV files by their lines and cells, IDX files by their headers and contents."""

import gzip
from random import Random

_CELLS = (
    "", "0", "1", "1.0", "nan", "1e999", "-", "label", "path", "../images/00.png", "/etc/passwd", "a" * 3000, "\x1b[31m", "\u202e",
    '"', '""', "'", "é", "\ufeff", ",", ";", "\t", "0.5", "train", "..", "images", "images/", "\\",
)  # fmt: skip

_LINE_ENDS = ("\n", "\r\n", "\r", "\n\n", "\x0b")


def table(random: Random, text: str) -> bytes:
    """A mutated CSV file."""
    lines = text.splitlines()
    for _ in range(random.choice((1, 1, 2, 5))):
        number = random.randrange(len(lines))
        cells = lines[number].split(",")
        change = random.randrange(7)
        if change == 0:
            cells[random.randrange(len(cells))] = random.choice(_CELLS)
        elif change == 1:
            cells.insert(random.randrange(len(cells) + 1), random.choice(_CELLS))
        elif change == 2:
            cells.pop(random.randrange(len(cells)))
        elif change == 3:
            random.shuffle(cells)
        elif change == 4:
            lines.insert(random.randrange(len(lines) + 1), lines[number])
        elif change == 5 and len(lines) > 1:
            lines.pop(number)
            continue
        else:
            cells = [random.choice(_CELLS) for _ in cells]
        lines[number] = ",".join(cells)
    made = random.choice(_LINE_ENDS).join(lines).encode(errors="surrogatepass")
    if random.random() < 0.15:
        place = random.randrange(len(made) + 1)
        made = made[:place] + random.choice((b"\0", b"\xff", b"\x1a", b'"', b"")) + made[place + 1 :]
    return made[: random.randrange(len(made) + 1)] if random.random() < 0.1 else made


def idx(random: Random, content: bytes) -> bytes:
    """A mutated IDX file, unpacked, packed, or packed and damaged."""
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 2))):
        place = random.randrange(16 if random.random() < 0.8 else len(made))
        made[min(place, len(made) - 1)] = random.choice((0, 1, 8, 13, 127, 128, 255))
    if random.random() < 0.3:
        del made[random.randrange(len(made)) :]
    if random.random() < 0.5:
        return bytes(made)
    packed = bytearray(gzip.compress(bytes(made), 1))
    if random.random() < 0.4:
        packed[random.randrange(len(packed))] ^= 1 << random.randrange(8)
    return bytes(packed)
