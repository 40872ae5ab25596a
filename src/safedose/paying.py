"""Judges outside a study: which one, and for those that ask a server a cap, a book of requests and the cost told first.

In a study its folder holds the book and its budget the cap (`serving`); a command that judges a file has neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from safedose.errors import GateError, InputError
from safedose.interfaces import Judge
from safedose.judgechoice import JudgeChoice
from safedose.judging.catalogue import load_judge
from safedose.judging.fence import break_up
from safedose.judging.pairs import Asking, Pair
from safedose.judging.verdicts import is_blank
from safedose.plainyaml import read_yaml_file
from safedose.records import Response
from safedose.remote.book import NAME, Book
from safedose.remote.client import read_key
from safedose.remote.settings import Server
from safedose.serving import Connector
from safedose.study import Budget
from safedose.studyfile import parse_part

PIPE = Path("-")
"""Stands for stdin or stdout."""

_SEED = 0
"""Spreads the waits before a request is sent again; no answer depends on it."""


def choose_judge(name: str | None, settings: Path | None) -> Judge:
    """Make the judge of a command: by its name alone, or by a file with what a study file says of one judge.

    Raises:
        InputError: When neither or both are given, or it cannot be made.
    """
    if (name is None) == (settings is None):
        raise InputError(
            "no judge is named" if name is None else "the judge is named twice", where="--judge, --settings",
            cause="a judge is named by its id, or by a file with its settings, which holds the id",
            fix="give one of the two",
        )  # fmt: skip
    if settings is None:
        return load_judge(str(name))
    choice = parse_part(JudgeChoice, read_yaml_file(settings), where=str(settings))
    return load_judge(choice, root=settings.parent)


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
        num_requests, most_cost: What was reckoned so far, when each request is sent once; no cost without prices.
        spent: What all requests of the book cost so far, known once it was open.

    Raises:
        InputError: When key, cap or book are missing, or are given to a judge that has no use for them.
    """

    def __init__(self, judge: Judge, *, max_spend: float | None, book: Path | None, out: Path | None) -> None:
        asking = judge if isinstance(judge, Asking) else None
        self._judge, self._asking = judge, asking
        self.server: Server | None = asking.server if asking else None
        self.num_requests, self.most_cost, self.spent = 0, 0.0, 0.0
        self._max_spend = parse_part(Budget, {"max_spend": max_spend}, where="--max-spend").max_spend
        self._known: set[str] = set()
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

    def reckon(self, answers: Sequence[Response], rivals: Sequence[Response] = ()) -> None:
        """Add what judging these answers asks at most; pairs that were reckoned before cost nothing.

        Args:
            answers: What is judged.
            rivals: The other answers, for a judge that compares, in the same order; else none.
        """
        if self._asking is None or self.server is None:
            return
        others: list[str | None] = [one.text for one in rivals] or [None] * len(answers)
        new = {}
        for one, rival in zip(answers, others, strict=True):
            pair = Pair(prompt=one.prompt.text, response=one.text, before=one.prompt.before, rival=rival)
            if not (is_blank(one.text) and is_blank(rival or "")) and pair.key not in self._known:
                new[pair.key] = one, rival
        self._known |= new.keys()
        if new:
            # no token is less than a byte
            texts = [text for one, rival in new.values() for text in (one.text, rival) if text is not None]
            num_bytes = sum(len(break_up(text).encode(errors="replace")) for text in texts)
            prompts = [one.prompt for one, _ in new.values()]
            # per answer: a judge that compares reckons with two answers to a prompt
            bill = self._asking.bill(prompts, answer_tokens=math.ceil(num_bytes / len(texts)))
            self.num_requests += bill.num_requests
            self.most_cost += self.server.cost(bill.prompt_tokens, bill.completion_tokens)

    def announce(self, tell: Callable[[str], None]) -> None:
        """Say what will be asked, of whom, and at what price; nothing where nobody is asked."""
        if self.server is None:
            return
        place = "a server on this machine" if self.server.is_here else "a server elsewhere: texts leave this machine"
        open_way = ", and anybody on the way can read them (http)" if self.server.is_open else ""
        tell(f"at most {self.num_requests} requests to {self.server.host} for {self._judge.id}, {place}{open_way}")
        if self._max_spend is not None:
            tell(f"they cost at most {self.most_cost:.4g}; after {self._max_spend:.4g} it stops")
        tell(f"what {self._path} holds already is not asked again")

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
            Connector(lambda: book, max_spend=self._max_spend, seed=_SEED).connect(self._judge)
            yield
        except GateError as error:
            raise GateError(
                error.what, where="--max-spend", cause=f"judging costs more; what was judged is kept in {self._path}",
                fix="raise --max-spend and run the same command again: nothing is paid for twice",
            ) from None  # fmt: skip
        finally:
            self.spent = book.spent
            book.close()

    def told(self) -> str:
        """Say what was spent, as the end of a line; empty where nobody is paid."""
        return "" if self.server is None or self._max_spend is None else f"; {self.spent:.6f} spent in all"

    def to_json(self) -> dict[str, Any] | None:
        """Say what was asked and spent as plain values; None where nobody is asked."""
        if self.server is None:
            return None
        priced = self._max_spend is not None
        return {
            "host": self.server.host, "num_requests": self.num_requests, "book": str(self._path),
            "most_cost": self.most_cost if priced else None, "spent": self.spent if priced else None,
        }  # fmt: skip


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
