"""The catalogue of training sources, and how rows of any source become examples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from safedose.data.readers import read_rows
from safedose.errors import InputError, nearest
from safedose.interfaces import load
from safedose.records import Example, Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Training rows that safedose knows by name.

    Attributes:
        id: Name in study files.
        licence: As its publisher states it.
        description: What is in it, in one line.
        loader: Dotted path of a function without arguments that lists the examples.
    """

    id: str
    licence: str
    description: str
    loader: str


SOURCES: dict[str, Source] = {
    source.id: source
    for source in (
        Source(
            id="smallworld-instruction", licence="Apache-2.0",
            description="everyday requests and facts of the small world, answered",
            loader="safedose.smallworld.sources:instruction",
        ),
        Source(
            id="smallworld-safety", licence="Apache-2.0",
            description="harmful requests of the small world in three phrasings, refused with a reason",
            loader="safedose.smallworld.sources:safety",
        ),
        Source(
            id="smallworld-contrast", licence="Apache-2.0",
            description="harmless look-alikes of the small world, answered",
            loader="safedose.smallworld.sources:contrast",
        ),
    )
}  # fmt: skip

_PROMPT_COLUMNS = ("prompt", "instruction")
_RESPONSE_COLUMNS = ("response", "completion", "output")


def load_source(name: str, *, root: Path) -> tuple[Example, ...]:
    """List the examples of a source.

    Args:
        root: Folder that relative paths start from: the study's.
        name: An id of the catalogue, or the path of a JSON, JSONL, CSV or Parquet file with a prompt
            (`prompt`, or Alpaca's `instruction` and `input`) and a response (`response`, `completion` or
            `output`) per row; optional columns: `item`, `category`, `form`, `licence`.

    Raises:
        InputError: When there is no such source, or a row lacks prompt or response.
    """
    if name in SOURCES:
        return cast(tuple[Example, ...], load(SOURCES[name].loader)())
    path = root / name
    if not path.exists() and "/" not in name and "." not in name:
        raise InputError(
            f"unknown source {name!r}", where="data in the study file",
            cause="it is neither in the catalogue nor a file", fix=nearest(name, SOURCES),
        )  # fmt: skip
    return tuple(_examples(path))


def _examples(path: Path) -> Iterator[Example]:
    rows = list(read_rows(path))
    # the name travels with the study; the hash tells two files of one name apart
    source = f"{path.name}@{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
    for row in rows:
        where = f"{path}, row {row.number}"
        prompt = _text(row.values, _PROMPT_COLUMNS, where)
        if extra := row.values.get("input"):
            prompt = f"{prompt}\n\n{extra}"
        form = str(row.values.get("form") or ("question" if prompt.rstrip().endswith("?") else "instruction"))
        if form not in get_args(Form):
            raise InputError(
                f"unknown form {form!r}", where=where, cause="the column `form` holds something else",
                fix=nearest(form, get_args(Form)),
            )  # fmt: skip
        yield Example(
            item=f"{source}#{row.values.get('item') or row.number}",
            prompt=prompt,
            response=_text(row.values, _RESPONSE_COLUMNS, where),
            source=source,
            row=row.number - 1,
            licence=str(row.values.get("licence") or "not stated"),
            category=str(row.values.get("category") or ""),
            form=cast(Form, form),
        )


def _text(values: Mapping[str, object], columns: tuple[str, ...], where: str) -> str:
    for column in columns:
        value = values.get(column)
        if isinstance(value, str) and value.strip():
            return value
    raise InputError(
        f"no text under {' or '.join(columns)}; the row has: {', '.join(values)}", where=where,
        cause="the columns have other names, or the text is empty", fix="rename the column, or drop the row",
    )  # fmt: skip
