"""One client for every remote model: intent before money, bounded repeats, limits, a spend cap, a reply per key."""

from __future__ import annotations

import asyncio
import functools
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, final

from safedose.errors import InputError
from safedose.remote.book import Book, Outcome
from safedose.remote.pace import Pace
from safedose.remote.rounds import Request, Round
from safedose.remote.settings import Server
from safedose.remote.transport import Fault, Heard, Line, insist

BACK_OFF = 1.0
"""Seconds before a request is first sent again."""


@final
class Remote:
    """Asks one server.

    Args:
        settings: Where it is, its limits and its prices.
        book: Where requests are written down; several clients of a study may share one.
        max_spend: Money that all requests of the book may cost together; None: no limit.
        seed: Spreads the waits before requests are sent again.
        back_off: Seconds before a request is first sent again; doubled at each further time.
        shelf: Where in the book its requests stand: the beginning of their keys there, and of nothing that is sent.
        pace: How fast requests may leave, where several clients share one key; None: by these settings alone.

    Raises:
        InputError: When the settings name a key that is not there.
    """

    def __init__(
        self, settings: Server, *, book: Book, max_spend: float | None, seed: int, back_off: float = BACK_OFF,
        pace: Pace | None = None, shelf: str = "",
    ) -> None:  # fmt: skip
        self._settings, self._book, self._back_off, self._shelf = settings, book, back_off, shelf
        self._line = Line(settings, read_key(settings))
        self._round = functools.partial(
            Round, settings=settings, line=self._line, book=book, pace=pace or Pace(settings), max_spend=max_spend,
            back_off=back_off, seed=seed,
        )  # fmt: skip
        self._excess, self._billed = book.excess(settings.url), False
        self._given_up: dict[str, Outcome] = {}

    def ask(self, requests: Sequence[Request]) -> list[Outcome]:
        """Ask for what was not answered before; gives an outcome per request, in their order.

        What was given up after its last attempt is not asked again by this client, and is by the next.

        Raises:
            GateError: When the next request could pass the spend cap; answered requests are kept.
            RunError: When key, model or address is wrong, or the server is down; answered requests are kept.
            KeyboardInterrupt: When a signal asked for a stop; requests under way have three seconds.
        """
        wanted = {request.key: request for request in requests}
        known = {key: self._given_up[key] for key in wanted if key in self._given_up} | self.held(wanted)
        new = [request.on(self._shelf) for key, request in wanted.items() if key not in known]
        if new:
            found = asyncio.run(self._ask(new))
            known |= {key.removeprefix(self._shelf): outcome for key, outcome in found.items()}
            final = [key for key, request in wanted.items() if request.final and known[key].reply is None]
            self._given_up |= {key: known[key] for key in final}
        return [known[request.key] for request in requests]

    def held(self, keys: Iterable[str]) -> dict[str, Outcome]:
        """Give what the book holds of these keys, and leave out the others; nothing is sent."""
        found = ((key, self._book.outcome(self._shelf + key)) for key in keys)
        return {key: outcome for key, outcome in found if outcome is not None}

    async def _ask(self, requests: Sequence[Request]) -> dict[str, Outcome]:
        work = self._round(excess=self._excess, billed=self._billed)
        found, error = await work.ask(requests)
        self._excess, self._billed = work.excess, work.billed
        if error is not None:
            raise error
        if work.num_unanswered:  # and nothing was answered since
            await work.require_up("the server gave no answer")
        return found

    def models(self) -> frozenset[str] | None:
        """List the names of the models the server has; None when it has no such list.

        Raises:
            RunError: When it cannot be reached, or the key is wrong.
        """
        status, said = asyncio.run(self._reach("GET", "models", None))
        try:
            listed = json.loads(said)["data"] if status == 200 else None
            return None if listed is None else frozenset(str(model["id"]) for model in listed)
        except (ValueError, LookupError, TypeError, RecursionError):
            return None

    def call(self, path: str, body: Any) -> str:
        """Send something that costs nothing, such as an order to load an adapter; gives what went wrong, or nothing.

        Raises:
            RunError: When the server cannot be reached, or the key is wrong.
        """
        status, said = asyncio.run(self._reach("POST", path, body))
        return "" if 200 <= status < 300 else f"the server answered {status}: {self._line.clean(said)}"

    async def _reach(self, method: str, path: str, body: Any) -> tuple[int, str]:
        found = await insist(
            lambda: self._call(method, path, body), attempts=self._settings.max_attempts, back_off=self._back_off
        )
        if isinstance(found, Fault):
            raise self._round().down(f"the server cannot be reached: {found.problem}")
        return found

    async def _call(self, method: str, path: str, body: Any) -> Heard:
        async with self._line.open() as client:
            return await self._line.call(client, method, path, body)


def read_key(settings: Server) -> str | None:
    """Read the key from the environment variable that the settings name; None when they name none.

    Raises:
        InputError: When it is not set, or holds what no header can.
    """
    if settings.api_key_env is None:
        return None
    if not has_key(settings):
        raise InputError(
            f"the environment variable {settings.api_key_env} holds no key", where="api_key_env",
            cause="it is not set here, or holds signs that no key has",
            fix=f"set it, for example: export {settings.api_key_env}=...; the key itself is never written down",
        )  # fmt: skip
    return _key(settings.api_key_env)


def has_key(settings: Server) -> bool:
    """Say whether the key that the settings name, if they name one, is there."""
    key = "none" if settings.api_key_env is None else _key(settings.api_key_env)
    return bool(key) and key.isascii() and key.isprintable()


def _key(name: str) -> str:
    return os.environ.get(name, "").strip()
