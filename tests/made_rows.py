"""Rows to write and read back: any that JSON can say, from Hypothesis, and files of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from hypothesis import strategies as st

from safedose.data.readers import read_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ROWS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=5)

SOME: list[dict[str, Any]] = [
    {"prompt": "Wie geht's?", "response": 'Sie sagte: "gut",\nund du?'},
    {"prompt": "a, b\u2028c\u0085d", "response": "🙂 \u202eabc"},
    {"prompt": "ends in two quotes", "response": 'x""'},
    {"prompt": "naïve", "response": "\\ { [ ] }"},
]
"""Four rows with whatever could be mistaken for a row's end."""


def write(path: Path, rows: list[dict[str, Any]] = SOME) -> Path:
    """Write rows in the format that the name says; cells of a CSV are texts, all of them quoted."""
    name = path.name.removesuffix(".gz")
    text = io.StringIO(newline="")
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path
    if name.endswith(".csv"):
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([list(rows[0]), *(row.values() for row in rows)])
    elif name.endswith(".json"):
        json.dump(rows, text, ensure_ascii=False)
    else:
        text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def values(path: Path) -> list[dict[str, object]]:
    """Read the rows of a file, their numbers left out."""
    return [row.values for row in read_rows(path)]
