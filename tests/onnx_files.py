"""Small detectors in ONNX, written byte by byte: what a picture shows decides what they find."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

FLOAT, INT64 = 1, 7
CELL = 32  # pixels of the input that are looked at together
NAMES = {0: "rock toe", 1: "slope drain", 2: "Toe drain"}  # red, green, blue


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def message(*fields: tuple[int, int | float | str | bytes]) -> bytes:
    """A protocol buffer of (field number, value)."""
    found = b""
    for number, value in fields:
        if isinstance(value, int):
            found += varint(number << 3) + varint(value)
        elif isinstance(value, float):
            found += varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            data = value.encode() if isinstance(value, str) else value
            found += varint(number << 3 | 2) + varint(len(data)) + data
    return found


def tensor(name: str, values: np.ndarray) -> bytes:
    kind = INT64 if values.dtype == np.int64 else FLOAT
    return message(*((1, side) for side in values.shape), (2, kind), (8, name), (9, values.tobytes()))


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    fields: list[tuple[int, int | str | bytes]] = [*((1, name) for name in inputs), (2, output), (4, kind)]
    for name, value in attributes.items():
        whole = [(3, value), (20, 2)] if isinstance(value, int) else [*((8, one) for one in value), (20, 7)]
        fields.append((5, message((1, name), *whole)))
    return message(*fields)


def value(name: str, shape: Sequence[int | str]) -> bytes:
    sides = ((1, message((1, side) if isinstance(side, int) else (2, side))) for side in shape)
    return message((1, name), (2, message((1, message((1, FLOAT), (2, message(*sides)))))))


def detector(
    path: Path, *, done: bool = False, side: int = 128, dynamic: bool = False, metadata: Mapping[str, str] | None = None
) -> Path:
    """A model that finds each cell of one pure colour, its class; `done`: its output is [1, boxes, 6]."""
    across = side // CELL
    rows, columns = (grid.reshape(-1).astype(np.float32) for grid in np.mgrid[0:across, 0:across])
    if done:
        boxes = np.stack([columns, rows, columns + 1, rows + 1]) * CELL
    else:
        boxes = np.stack([columns + 0.5, rows + 0.5, np.ones_like(rows), np.ones_like(rows)]) * CELL
    purity = 2 * np.eye(3, dtype=np.float32) - 1  # a colour less the other two: grey and white have none
    weights = np.repeat(np.repeat(purity[:, :, None, None], CELL, 2), CELL, 3) / np.float32(CELL**2)
    nodes = [
        node("Conv", ["images", "weights"], "mixed", strides=[CELL, CELL]),
        node("Relu", ["mixed"], "pure"),
        node("Reshape", ["pure", "flat"], "scores"),
    ]
    if done:
        nodes += [
            node("ReduceMax", ["scores"], "best", axes=[1]),
            node("ArgMax", ["scores"], "place", axis=1),
            node("Cast", ["place"], "class", to=FLOAT),
            node("Concat", ["boxes", "best", "class"], "columns", axis=1),
            node("Transpose", ["columns"], "output0", perm=[0, 2, 1]),
        ]
    else:
        nodes.append(node("Concat", ["boxes", "scores"], "output0", axis=1))
    constants = {
        "weights": weights,
        "flat": np.array([1, 3, -1], dtype=np.int64),
        "boxes": boxes[None].astype(np.float32),
    }
    shape = [1, 3, "height", "width"] if dynamic else [1, 3, side, side]
    graph = message(
        *((1, one) for one in nodes),
        (2, "colours"),
        *((5, tensor(name, values)) for name, values in constants.items()),
        (11, value("images", shape)),
        (12, value("output0", ["a", "b", "c"])),
    )
    said = {"names": str(NAMES), "task": "detect", "imgsz": f"[{side}, {side}]"} if metadata is None else metadata
    entries = ((14, message((1, key), (2, text))) for key, text in said.items())
    path.write_bytes(message((1, 8), (7, graph), (8, message((1, ""), (2, 13))), *entries))
    return path
