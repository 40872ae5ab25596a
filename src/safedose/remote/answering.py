"""Who answered: under which names and builds a server's replies came, counted in the book of requests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from safedose.errors import plain
from safedose.findings import Answering
from safedose.remote.book import damaged_book
from safedose.store.durable import explain

MOST_NAMES = 20
"""Names and builds that are told of a server."""

_COUNTED = """
SELECT cast(json_extract(outcome, '$.reply.model') AS BLOB) AS model,
    cast(json_extract(outcome, '$.reply.system_fingerprint') AS BLOB) AS build, count(*), min(number) AS first
FROM requests WHERE state = 'answered' AND key GLOB ? AND json_valid(outcome) GROUP BY model, build ORDER BY first
"""
"""Bytes, since what a server calls itself need not be text."""

_LOCK_SECONDS = 30.0


def answered_by(book: Path, shelf: str) -> tuple[Answering, ...]:
    """Say who answered the requests of a shelf, as their replies have it, in the order of first appearance.

    Of a server that changes its name with every reply the first `MOST_NAMES` are told; the rest stand together under
    no name. Nobody is told where there is no book, as in a study that was forked.

    Raises:
        RunError: When the book is damaged.
    """
    if not book.is_file():
        return ()
    try:
        with closing(sqlite3.connect(book, timeout=_LOCK_SECONDS)) as database:
            rows = database.execute(_COUNTED, (f"{shelf}*",)).fetchall()
    except sqlite3.Error as error:
        raise explain(error, book) or damaged_book(book, str(error)) from error
    told = [Answering(model=_name(model), build=_name(build), num_replies=count) for model, build, count, _ in rows]
    rest = sum(one.num_replies for one in told[MOST_NAMES:])
    return (*told[:MOST_NAMES], *([Answering(model="", build="", num_replies=rest)] if rest else []))


def _name(told: bytes | None) -> str:
    return plain((told or b"").decode(errors="replace"))[:100]
