"""Judging a file of anybody's answers, or a pipe of them: each row comes back with a verdict, in its place."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast, final

from safedose import interruption
from safedose.data.readers import read_pipe, read_rows
from safedose.data.rows import BadRows, Row
from safedose.findings import Steadiness
from safedose.generation.armrows import check_mapping, check_seen
from safedose.importing import read_mapping
from safedose.interfaces import Advance, Comparer, Judge
from safedose.judging.pairs import Asking, is_asked, pair_of
from safedose.judging.rows import READ, axis_of, judge_parts, read_answers
from safedose.options import require_place_for_rows, target
from safedose.paying import PIPE, Purse, Reckon
from safedose.progress import Watch
from safedose.rereading import Sample, tell_rows
from safedose.store.durable import partial_of, replacing

AT_ONCE = 1024
"""Rows that are read, judged and written together, by judges that read fast."""

ASKED_AT_ONCE = 256
"""The same for judges that read with a model: what a stop has not written yet."""

Rows = Callable[[BadRows], Iterator[Row]]
"""Reads the source from its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is judged, and how its rows are to be read.

    Attributes:
        source: File of rows; `PIPE` reads JSON Lines from stdin.
        out: JSONL file that is written; `PIPE` writes to stdout.
        mapping: `ours=theirs`, once per column of another name; ours are `safedose.judging.rows.READ`.
        axis: Which of the judge's axes is written; None takes its first.
        skip_bad: Whether rows that cannot be read are left out, counted; one that lacks a text is an error either way.
    """

    source: Path
    out: Path
    mapping: Sequence[str] = ()
    axis: str | None = None
    skip_bad: bool = False


class Judged(NamedTuple):
    """What came of judging a file: rows written by the state of their verdict, and bad rows left out.

    `read_twice` says whether a judge behind a server says the same again; None where nothing was read twice.
    """

    num_rows: int
    num_skipped: int
    states: dict[str, int]
    read_twice: Steadiness | None = None

    def told(self) -> str:
        """Say it in words; rows without a verdict are never passed over."""
        missing = ", ".join(f"{number:,} {state}" for state, number in self.states.items() if state != "value")
        rows = f"{self.num_rows:,} row{'s' if self.num_rows != 1 else ''}"
        if not missing:
            return f"judged {rows}"
        read = self.states.get("value", 0)
        return f"judged {rows}: {read:,} with a verdict, {missing} (see `reason`)"


def judge_file(judge: Judge, order: Order, purse: Purse, watch: Watch, *, caution: str | None = None) -> Judged:
    """Judge every row of a file or pipe.

    Rows come and go in parts. Memory does not grow with the file, but for a judge that reads with a model: it keeps
    the key and the verdict of each different pair. A file is looked through before anything is judged, and so is a
    pipe where the judge reads with a model; a pipe to another judge is judged as it comes. A file that is written
    appears when it is whole; what was there before stays until then, and a stop leaves nothing half written. In the
    end a judge behind a server reads some answers a second time. `caution` is said of the judge.

    Raises:
        InputError: When a row cannot be judged, or `out` is a folder, a device or what is read.
        GateError: When the next request could pass the cap; its answers are kept.
        RunError: When the judge breaks its contract, or its server cannot be asked.
    """
    if order.out != PIPE:
        require_place_for_rows(order.out, order.source, purse.book)
    work = _Work(judge, order)
    with _opened(order.source, whole=work.with_model) as (rows, again):
        num_rows = None
        if again:
            with purse.reckoning(work.expect(rows)) as reckon:
                num_rows = sum(len(part) for part in work.look_through(rows, reckon))
            purse.announce(watch.say)
        with purse.open():
            with _writing(order.out) as stream, _progress(watch, num_rows) as advance:
                if caution is not None:
                    watch.say(caution)
                judged = work.judge(rows, stream, advance)
            readings = work.sample.read(purse.turn_to, watch)
    return judged._replace(read_twice=tell_rows(readings, purse.answered_by(), watch.say))


@final
class _Work:
    """One command's judging: the rows' columns under our names, and who reads them."""

    def __init__(self, judge: Judge, order: Order) -> None:
        self._judge, self._order, self._axis = judge, order, axis_of(judge, order.axis)
        self._columns = read_mapping(order.mapping)
        needed = ("prompt", "response", "rival") if isinstance(judge, Comparer) else ("prompt", "response")
        check_mapping(self._columns, READ, apart=READ, needed=needed)
        self._name = "stdin" if order.source == PIPE else str(order.source)
        self.with_model = isinstance(judge, Asking)
        self._at_once = ASKED_AT_ONCE if self.with_model else AT_ONCE
        self.sample = Sample(judge)

    def expect(self, rows: Rows) -> int | None:
        """Tell a judge that reads with a model how many different answers there are; None: another needs not know.

        Its verdicts hang on nothing but the answers then, whatever their order.
        """
        if not isinstance(self._judge, Asking):
            return None
        keys: set[str] = set()
        found = rows(BadRows(skip=self._order.skip_bad))
        while part := list(islice(found, self._at_once)):
            answers, rivals = read_answers(part, self._judge, self._columns, self._name)
            pairs = [pair_of(one, rival) for one, rival in zip_longest(answers, rivals)]
            keys.update(pair.key for pair in pairs if is_asked(pair))
        self._judge.expect(len(keys))
        return len(keys)

    def look_through(self, rows: Rows, reckon: Reckon) -> Iterator[list[Row]]:
        """Check every row and reckon what it costs, part by part; nothing is judged."""
        found = self._seen(rows(BadRows(skip=self._order.skip_bad)))
        while part := list(islice(found, self._at_once)):
            answers = read_answers(part, self._judge, self._columns, self._name)
            reckon(*answers)
            self.sample.look(*answers)
            yield part
        reckon(*self.sample.drawn, occasion=self.sample.occasion)

    def judge(self, rows: Rows, stream: BinaryIO, advance: Advance) -> Judged:
        """Judge and write part by part, until all is done or nobody reads on."""
        bad, states = BadRows(skip=self._order.skip_bad), Counter[str]()
        parts = judge_parts(
            self._seen(rows(bad)), self._judge, at_once=self._at_once, axis=self._axis, columns=self._columns,
            source=self._name,
        )  # fmt: skip
        for part in parts:
            if not _write(stream, part):
                break
            self.sample.hear(part)
            states.update(str(row["state"]) for row in part)
            advance(len(part), "")
        return Judged(states.total(), bad.num_rows, dict(sorted(states.items())))

    def _seen(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Pass rows on; in the end every column that was named must have stood in one of them."""
        unseen = set(self._columns.values())
        for row in rows:
            unseen -= row.values.keys()
            yield row
        check_seen(unseen)


def _write(stream: BinaryIO, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Write rows as JSON Lines; False when nobody reads them any more, such as after `head`."""
    text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    try:
        # files cannot hold half a surrogate pair; only the words of somebody's own judge might
        stream.write(text.encode(errors="replace"))
        stream.flush()
    except BrokenPipeError:
        # what Python still holds for the pipe would be an error again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


@contextmanager
def _opened(source: Path, *, whole: bool) -> Iterator[tuple[Rows, bool]]:
    """Give what reads the source, and whether it can be read twice; `whole` keeps a pipe on disk to make that so."""
    if source != PIPE:
        yield lambda bad: read_rows(source, bad=bad), True
        return
    stdin = cast(io.BufferedReader, sys.stdin.buffer)
    if not whole:
        yield lambda bad: read_pipe(stdin, name="stdin", bad=bad), False
    else:
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(stdin, kept)

            def rows(bad: BadRows) -> Iterator[Row]:
                kept.seek(0)
                return read_pipe(cast(io.BufferedReader, kept), name="stdin", bad=bad)

            yield rows, True


@contextmanager
def _writing(out: Path) -> Iterator[BinaryIO]:
    if out == PIPE:
        yield sys.stdout.buffer
        return
    out = target(out)
    with interruption.dropping(partial_of(out)), replacing(out) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def _progress(watch: Watch, num_rows: int | None) -> Iterator[Advance]:
    """Show how far it is, where that is known; a signal ends it between two parts."""
    if num_rows is None:
        with interruption.stage():
            yield lambda _done, _what: interruption.point()
        return
    with watch.stage("judge", total=num_rows, unit="rows") as advance:
        yield advance
