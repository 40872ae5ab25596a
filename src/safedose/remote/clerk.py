"""Writing to the book for many requests at once: a disk takes one commit after the other, whoever asks for it."""

from __future__ import annotations

import asyncio
from typing import final

from safedose.remote.book import Book, Change, Intent

_GATHER_SECONDS = 0.002
"""How long the first waits for others: nothing beside a request, and one commit in place of many."""


@final
class Clerk:
    """Gathers what the requests of a round have to write down; each goes on when its row is on the disk."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._intents: list[tuple[Intent, asyncio.Future[int]]] = []
        self._changes: list[tuple[Change, asyncio.Future[int]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def spent(self) -> float:
        """What was spent, with what is about to be."""
        return self._book.spent + sum(intent.cost for intent, _ in self._intents)

    async def intend(self, key: str, *, cost: float) -> int:
        """Write down that a request is about to be sent; gives the number of its row."""
        future = self._future()
        self._intents.append((Intent(key, cost), future))
        return await future

    async def change(self, change: Change) -> None:
        """Write down what became of a request."""
        future = self._future()
        self._changes.append((change, future))
        await future

    def flush(self) -> None:
        """Write down all that was gathered, in one commit."""
        intents, changes = self._intents, self._changes
        self._intents, self._changes, self._timer = [], [], None
        if not intents and not changes:
            return
        waiting = [future for _, future in (*intents, *changes)]
        try:
            numbers = self._book.write([intent for intent, _ in intents], [change for change, _ in changes])
        except Exception as error:  # it is for those who wait
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for number, future in zip([*numbers, *(change.number for change, _ in changes)], waiting, strict=True):
            if not future.done():
                future.set_result(number)

    def _future(self) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(_GATHER_SECONDS, self.flush)
        return loop.create_future()
