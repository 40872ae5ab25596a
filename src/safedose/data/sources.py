"""The catalogue of training sources, and loading one by its name or path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

from safedose.data.examples import read_examples
from safedose.data.rows import BadRows
from safedose.errors import InputError, nearest
from safedose.interfaces import load
from safedose.kinds import TrainingField
from safedose.records import Example


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


def load_source(
    name: str, *, root: Path, columns: Mapping[TrainingField, str] = MappingProxyType({}), bad: BadRows | None = None
) -> Iterable[Example]:
    """Give the examples of a source one by one; a file is read while they are asked for.

    Args:
        name: An id of the catalogue, or the path of a file of rows, each with a prompt and a response.
        root: Folder that relative paths start from: the study's.
        columns: Columns of a file that have other names, as for `read_examples`.
        bad: What to do with rows that cannot be used; None: the first is an error.

    Raises:
        InputError: When there is no such source; while iterating, as `read_examples` does.
    """
    if name in SOURCES:
        return cast(tuple[Example, ...], load(SOURCES[name].loader)())
    if "/" not in name and "." not in name:
        raise InputError(
            f"unknown source {name!r}", where="data in the study file",
            cause="it is neither in the catalogue nor a file", fix=nearest(name, SOURCES),
        )  # fmt: skip
    return read_examples(root / name, columns=columns, bad=bad)
