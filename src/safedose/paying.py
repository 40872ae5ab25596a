"""Judges outside a study: which one, and for those that ask a server a cap, a book of requests and the cost told first.

In a study its folder holds the book and its budget the cap (`serving`); a command that judges a file has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, final

from safedose.errors import GateError, InputError
from safedose.findings import Answering
from safedose.interfaces import Comparer, Judge
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.pairs import Asking
from safedose.plainyaml import read_yaml_file
from safedose.records import Response
from safedose.remote.answering import answered_by
from safedose.remote.asking import Rehearsal
from safedose.remote.book import NAME, Book
from safedose.remote.client import read_key
from safedose.remote.settings import Server
from safedose.serving import NO_PRICES, Connector, shelf, way_to
from safedose.study import Budget
from safedose.studyfile import parse_part


class Reckon(Protocol):
    """Takes answers to be judged, and for a judge that compares their rivals, else none; and what they are read for."""

    def __call__(self, answers: Sequence[Response], rivals: Sequence[Response], *, occasion: str = "") -> None: ...


PIPE = Path("-")
"""Stands for stdin or stdout."""

_SEED = 0
"""Spreads the waits before a request is sent again; no answer depends on it."""


def choose_judge(name: str | None, settings: Path | None) -> Judge:
    """Make the judge of a command; see `read_choice`.

    Raises:
        InputError: When neither or both are given, or it cannot be made.
    """
    return make_judge(read_choice(name, settings), settings)


def make_judge(choice: JudgeChoice, settings: Path | None) -> Judge:
    """Make the judge that was chosen; relative paths start at the file of its settings.

    Raises:
        InputError: When it cannot be made.
    """
    return load_judge(choice, root=Path() if settings is None else settings.parent)


def read_choice(name: str | None, settings: Path | None) -> JudgeChoice:
    """Read which judge a command names: by its name alone, or by a file with what a study file says of one judge.

    Raises:
        InputError: When neither or both are given, or the file holds no such thing.
    """
    if (name is None) == (settings is None):
        raise InputError(
            "no judge is named" if name is None else "the judge is named twice", where="--judge, --settings",
            cause="a judge is named by its id, or by a file with its settings, which holds the id",
            fix="give one of the two",
        )  # fmt: skip
    if settings is None:
        return JudgeChoice.model_construct(judge=str(name))  # making it tells what is wrong with a name
    raw = read_yaml_file(settings)
    if isinstance(raw, list) or raw is None or (isinstance(raw, dict) and "judge" not in raw and "judges" in raw):
        held = "nothing" if raw is None else "a list" if isinstance(raw, list) else "`judges`, which is a list"
        raise InputError(
            f"the file holds {held}, not one judge", where=str(settings),
            cause="--settings takes what a study file says of one judge, without `judges:` and without the dash",
            fix="begin with a line such as `judge: rubric:harmfulness`, then its settings, such as `endpoint: {...}`; "
            "a judge without settings is named by its id instead",
        )  # fmt: skip
    return parse_part(JudgeChoice, raw, where=str(settings))


@final
class Purse:
    """Pays for one judge, under a cap, by a book of its own; for a judge that asks no server it stays shut.

    Args:
        judge: Who is paid for.
        max_spend: Money that all requests of the book may cost together; None without prices.
        book: Where requests are written down; None: beside `out`, by its name and `requests.sqlite`.
        out: What the command writes; None or `PIPE` is no place for a book.

    Attributes:
        server: Who is asked; None: nobody.
        num_requests, num_held, most_cost: What was reckoned: requests to be sent, requests that the book holds already,
            and what those to be sent cost at most, when each is sent once; no cost without prices.
        spent: What all requests of the book cost so far, known once it was open.

    Raises:
        InputError: When key, cap or book are missing, or are given to a judge that has no use for them.
    """

    def __init__(self, judge: Judge, *, max_spend: float | None, book: Path | None, out: Path | None) -> None:
        asking = judge if isinstance(judge, Asking) else None
        self._judge, self._asking = judge, asking
        self.server: Server | None = asking.asks.server if asking else None
        self.num_requests, self.num_held, self.most_cost, self.spent = 0, 0, 0.0, 0.0
        self._max_spend = parse_part(Budget, {"max_spend": max_spend}, where="--max-spend").max_spend
        self._servers: Connector | None = None
        self._path = book
        if book is None and out is not None and out != PIPE:
            self._path = out.with_name(f"{out.name}.{NAME}")
        if self.server is None:
            _refuse_unused(judge, max_spend, book)
            return
        _check_cap(judge, self.server, self._max_spend)
        if self._path is None:
            raise InputError(
                f"{judge.id} asks a server, and there is no place for its book of requests", where="--book",
                cause="what was paid for is kept in a file, so that nothing is paid for twice",
                fix="name one: --book requests.sqlite",
            )  # fmt: skip
        read_key(self.server)

    @property
    def book(self) -> Path | None:
        """Where requests are written down; None when nobody is asked."""
        return self._path if self.server else None

    @contextmanager
    def reckoning(self, num_different: int | None = None) -> Iterator[Reckon]:
        """Let the block reckon what judging asks beyond what the book holds, by a rehearsal of the judge.

        It is to be given all answers, in the parts in which they are judged: canaries are those of a batch. What is
        read on another occasion comes last.

        Args:
            num_different: What the judge was told to expect; None: nothing.

        Raises:
            InputError: When the file named as a book is none.
            RunError: When another process asks by this book.
        """
        if self._asking is None or self.server is None or self._path is None:
            yield _reckon_nothing
            return
        book = Book(self._path, alone=True) if self._path.exists() else None
        rehearsal, asking, judge = Rehearsal(self.server, book), self._asking, self._asking.afresh()
        asking.asks.connect(rehearsal)
        rehearsal.shelf = shelf(self._judge)
        if num_different is not None:
            judge.expect(num_different)

        def reckon(answers: Sequence[Response], rivals: Sequence[Response], *, occasion: str = "") -> None:
            nonlocal judge
            if rehearsal.shelf != (place := shelf(self._judge) + occasion):
                rehearsal.shelf, judge = place, asking.afresh()
            _ = judge.compare(answers, rivals) if isinstance(judge, Comparer) else judge.judge(answers)

        try:
            yield reckon
            self.spent = book.spent if book else 0.0
        finally:
            if book:
                book.close()
        self.num_requests, self.num_held = rehearsal.num_requests, rehearsal.num_held
        self.most_cost = rehearsal.most_cost

    def announce(self, tell: Callable[[str], None]) -> None:
        """Say what will be asked, of whom, and at what price; nothing where nobody is asked."""
        if self.server is None:
            return
        where = f"{self.server.host} for {self._judge.id}, {way_to(self.server)}"
        tell(f"at most {self.num_requests} requests to {where}")
        if self.num_held:
            tell(f"{self.num_held} more are not asked again: {self._path} holds what came of them")
        if self._max_spend is not None:
            spent = f" ({self.spent:.4g} are spent already)" if self.spent else ""
            tell(f"they cost at most {self.most_cost:.4g}; after {self._max_spend:.4g} in all{spent} it stops")
        elif not self.server.is_here:
            tell(NO_PRICES)
        tell(f"each is kept in {self._path}: the same command asks nothing twice")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let the judge ask while the block lasts.

        Raises:
            GateError: When the next request could pass the cap; what was answered stands in the book.
            RunError: When another process asks by this book.
        """
        if self.server is None or self._path is None:
            yield
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        book = Book(self._path, alone=True)
        try:
            self._servers = Connector(lambda: book, max_spend=self._max_spend, seed=_SEED)
            self._servers.connect(self._judge)
            yield
        except GateError as error:
            raise GateError(
                error.what, where="--max-spend", cause=f"judging costs more; what was judged is kept in {self._path}",
                fix="raise --max-spend and run the same command again: nothing is paid for twice",
            ) from None  # fmt: skip
        finally:
            self.spent = book.spent
            book.close()

    def turn_to(self, occasion: str) -> None:
        """Let the judge ask anew what it asked before, in the same words, while the purse is open."""
        if self._servers is not None:
            self._servers.connect(self._judge, occasion=occasion)

    def answered_by(self) -> tuple[Answering, ...]:
        """Say who answered the judge, once the purse is shut."""
        return () if self._path is None else answered_by(self._path, shelf(self._judge))

    def told(self) -> str:
        """Say what was spent, as the end of a line; empty where nobody is paid."""
        return "" if self.server is None or self._max_spend is None else f"; {self.spent:.6f} spent in all"

    def to_json(self) -> dict[str, Any] | None:
        """Say what was asked and spent as plain values; None where nobody is asked."""
        if self.server is None:
            return None
        priced = self._max_spend is not None
        return {
            "host": self.server.host, "num_requests": self.num_requests, "num_held": self.num_held,
            "book": str(self._path),
            "most_cost": self.most_cost if priced else None, "spent": self.spent if priced else None,
        }  # fmt: skip


def _reckon_nothing(answers: Sequence[Response], rivals: Sequence[Response], *, occasion: str = "") -> None:
    """Reckon for a judge that asks nobody."""


def _refuse_unused(judge: Judge, max_spend: float | None, book: Path | None) -> None:
    given = [name for name, value in (("--max-spend", max_spend), ("--book", book)) if value is not None]
    if given:
        raise InputError(
            f"{judge.id} has no use for {', '.join(given)}", where=given[0], cause="it asks no server",
            fix="leave it out, or name a judge with an endpoint by --settings",
        )  # fmt: skip


def _check_cap(judge: Judge, server: Server, max_spend: float | None) -> None:
    if server.price_prompt is not None and max_spend is None:
        raise InputError(
            f"{judge.id} has prices, and nothing says how much may be spent", where="--max-spend",
            cause="a judge that is paid for stops at a cap", fix="give one: --max-spend 5",
        )  # fmt: skip
    if server.price_prompt is None and max_spend is not None:
        raise InputError(
            f"--max-spend needs the prices of {judge.id}", where="--settings",
            cause="what has no price cannot be counted",
            fix="add price_prompt and price_completion to its endpoint, 0 where it is free",
        )  # fmt: skip
