"""How much work a .tflite file may ask of its reader: checked before anything is unpacked.

A flatbuffer is offsets and lengths, and a damaged or hostile one points many times at the same place, or
claims vectors longer than the file. The schema's object form follows each of them and makes objects of
what it finds. Here the same offsets are followed first, with nothing made: every table, vector and string
must lie in the file, and together they may not be much larger than it.
"""

import struct

from ai_edge_litert import schema_py_generated as schema

MOST_TABLES = 1 << 17
"""Largest number of tables in a file. A network of 1,000 layers in int8 has about 20,000."""

SHARED = 4
"""Largest sum of the sizes of all parts, in files' sizes: writers share a few strings and vectors, but not more."""

_SMALLEST = 1 << 12
"""Number of bytes that the parts of the smallest file may add up to."""

_Field = int | str | tuple[str] | dict[int, str]

_INT32, _INT64, _BYTE = 4, 8, 1

_SPARSE_INDICES = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}
_QUANTIZATION_DETAILS = {1: "CustomQuantization", 2: "BlockwiseQuantization", 3: "MultiAxisQuantization"}


def _options(union: type) -> dict[int, str]:
    return {kind: name for name, kind in vars(union).items() if isinstance(kind, int) and kind}


FIELDS: dict[str, dict[int, _Field]] = {
    "Model": {
        1: ("OperatorCode",), 2: ("SubGraph",), 3: _BYTE, 4: ("Buffer",), 5: _INT32, 6: ("Metadata",),
        7: ("SignatureDef",), 8: ("ExternalBufferGroup",), 9: ("ExternalBuffer",),
    },
    "OperatorCode": {1: _BYTE},
    "SubGraph": {0: ("Tensor",), 1: _INT32, 2: _INT32, 3: ("Operator",), 4: _BYTE},
    "Tensor": {
        0: _INT32, 3: _BYTE, 4: "QuantizationParameters", 6: "SparsityParameters", 7: _INT32,
        9: ("VariantSubType",),
    },
    "Operator": {
        1: _INT32, 2: _INT32, 4: _options(schema.BuiltinOptions), 5: _BYTE, 7: _BYTE, 8: _INT32,
        12: _options(schema.BuiltinOptions2),
    },
    "Buffer": {0: _BYTE},
    "Metadata": {0: _BYTE},
    "SignatureDef": {0: ("TensorMap",), 1: ("TensorMap",), 2: _BYTE},
    "TensorMap": {0: _BYTE},
    "ExternalBufferGroup": {0: _BYTE},
    "ExternalBuffer": {4: _BYTE},
    "QuantizationParameters": {0: _INT32, 1: _INT32, 2: _INT32, 3: _INT64, 5: _QUANTIZATION_DETAILS},
    "CustomQuantization": {0: _BYTE},
    "BlockwiseQuantization": {3: _INT32},
    "MultiAxisQuantization": {3: _INT32},
    "SparsityParameters": {0: _INT32, 1: _INT32, 2: ("DimensionMetadata",)},
    "DimensionMetadata": {3: _SPARSE_INDICES, 5: _SPARSE_INDICES},
    "Int32Vector": {0: _INT32},
    "Uint16Vector": {0: 2},
    "Uint8Vector": {0: _BYTE},
    "VariantSubType": {0: _INT32},
    # The options of operators: those that hold more than numbers of their own.
    "ReshapeOptions": {0: _INT32},
    "SqueezeOptions": {0: _INT32},
    "FullyConnectedOptions": {5: _BYTE},
    "ConcatEmbeddingsOptions": {1: _INT32, 2: _INT32},
    "BucketizeOptions": {0: _INT32},
    "VarHandleOptions": {0: _BYTE, 1: _BYTE},
    "StableHLOCompositeOptions": {0: _BYTE, 2: _BYTE},
    "StablehloGatherOptions": {0: _INT64, 1: _INT64, 2: _INT64, 4: _INT64},
    "StablehloTransposeOptions": {0: _INT64},
    "StablehloDotGeneralOptions": {0: _INT64, 1: _INT64, 2: _INT64, 3: _INT64, 4: _INT32},
    "StablehloReduceWindowOptions": {0: _INT64, 1: _INT64, 2: _INT64, 3: _INT64, 4: _INT64},
    "StablehloBroadcastInDimOptions": {0: _INT64},
    "StablehloDynamicSliceOptions": {0: _INT64},
    "StablehloPadOptions": {0: _INT64, 1: _INT64, 2: _INT64},
    "StablehloCustomCallOptions": {0: _BYTE, 2: _BYTE, 4: _INT32, 5: _BYTE},
    "StablehloReduceOptions": {0: _INT64},
    "StablehloSliceOptions": {0: _INT64, 1: _INT64, 2: _INT64},
    "StablehloConvolutionOptions": {
        0: _INT64, 1: _INT64, 2: _INT64, 3: _INT64, 4: _BYTE, 7: _INT64, 10: _INT64, 13: _INT64, 16: _INT32,
    },
    "StablehloScatterOptions": {1: _INT64, 2: _INT64, 3: _INT64},
    "StablehloCaseOptions": {0: _INT32},
}  # fmt: skip
"""Fields that point somewhere, by table of the schema and position in it.

A number is the bytes of an element of a vector of numbers (a string is one of bytes), a name is a table,
a name in parentheses a vector of tables, and a dictionary a union: its type, in the position before -> table.
A test holds this against the schema's own readers.
"""


def check(content: bytes) -> None:
    """Refuse a file whose parts reach past its end, or are many times larger than it.

    Raises:
        ValueError: saying which of the two, in words.
    """
    left = SHARED * len(content) + _SMALLEST
    tables = 1
    pending = [("Model", number("<I", content, 0))]
    while pending:
        kind, position = pending.pop()
        places, size = table(content, position)
        left -= size
        for slot, field in FIELDS.get(kind, {}).items():
            place = places[slot] if slot < len(places) else 0
            if place == 0:
                continue
            target = position + place + number("<I", content, position + place)
            if isinstance(field, str):
                pending.append((field, target))
                tables += 1
            elif isinstance(field, dict):
                pending += _chosen(content, position, places, slot, field, target)
                tables += 1
            else:
                count = number("<I", content, target)
                nbytes = count * (field if isinstance(field, int) else 4)
                if target + 4 + nbytes > len(content):
                    raise ValueError(f"a vector of {count:,} entries reaches past the end of the file")
                left -= 4 + nbytes
                if isinstance(field, tuple):
                    tables += count
                    if left >= 0 and tables <= MOST_TABLES:
                        pending += _elements(content, field[0], target + 4, count)
            if tables > MOST_TABLES:
                raise ValueError(f"it has more than {MOST_TABLES:,} tables")
        if left < 0:
            raise ValueError(
                f"its parts overlap: together they are more than {SHARED} times as large as the file"
            )


def number(form: str, content: bytes, position: int) -> int:
    """The number of ``struct`` format ``form`` at ``position``.

    Raises:
        ValueError: it is not within the file.
    """
    # A negative position would be taken from the end.
    if position < 0 or position + struct.calcsize(form) > len(content):
        raise ValueError("a table or vector lies past the end of the file")
    value: int = struct.unpack_from(form, content, position)[0]
    return value


def table(content: bytes, position: int) -> tuple[tuple[int, ...], int]:
    """Where the fields of the table at ``position`` are, from there (0: absent), and its size with its head, in bytes.

    Raises:
        ValueError: it is not within the file.
    """
    vtable = position - number("<i", content, position)
    length, size = number("<H", content, vtable), number("<H", content, vtable + 2)
    if length < 4 or length % 2 or vtable + length > len(content) or position + size > len(content):
        raise ValueError("a table reaches past the end of the file")
    places: tuple[int, ...] = struct.unpack_from(f"<{(length - 4) // 2}H", content, vtable + 4)
    return places, size + length


def _elements(content: bytes, kind: str, start: int, count: int) -> list[tuple[str, int]]:
    offsets = struct.unpack_from(f"<{count}I", content, start)
    return [(kind, start + 4 * index + offset) for index, offset in enumerate(offsets)]


def _chosen(
    content: bytes, position: int, places: tuple[int, ...], slot: int, union: dict[int, str], target: int
) -> list[tuple[str, int]]:
    """The table that a union holds, where its type is one of the schema's."""
    kind = number("<B", content, position + places[slot - 1]) if places[slot - 1] else 0
    return [(union[kind], target)] if kind in union else []
