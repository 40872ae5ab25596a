"""A round of requests: sent side by side, each recorded before it leaves, repeated only where the transport failed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

from safedose import interruption
from safedose.errors import GateError, RunError
from safedose.remote.book import Book, Change, Outcome, State
from safedose.remote.clerk import Clerk
from safedose.remote.names import is_same_model
from safedose.remote.pace import Pace
from safedose.remote.replies import read_usage
from safedose.remote.settings import Server
from safedose.remote.transport import LONGEST_BACK_OFF, Fault, Line, Refusal, Sent, insist
from safedose.seeding import derive

if TYPE_CHECKING:
    import httpx2

MOST_UNANSWERED = 3
"""After so many requests given up in a row, without any answer between them, it is seen whether the server is up."""

LONGEST_WAIT = 600.0
"""Seconds of `Retry-After` that are waited; who asks for more is asked again another day."""

_TICK_SECONDS = 0.2
_GRACE_SECONDS = interruption.GRACE_SECONDS - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask a server.

    Attributes:
        key: What identifies it: two requests of one key are one, and it is answered once.
        path: What is asked for, after the address: `chat/completions`.
        body: The JSON object that is sent.
        prompt_tokens: The most tokens the prompt can have, for money and pace.
        completion_tokens: The most tokens the answer can have.
        serves: What the name of the model in the reply must hold; empty: anything.
        called: What model it must name, in one of the ways of `names.is_same_model`; empty: any.
        final: Whether its outcome is kept for good; else whoever asks again has it sent again.
        split: Makes of a reply about several things the reply to each, by the keys of those who would ask about one;
            nothing where the reply does not say. These are kept in place of the whole. None: it is about one thing.
    """

    key: str
    path: str
    body: Mapping[str, Any]
    prompt_tokens: int
    completion_tokens: int
    serves: str = ""
    called: str = ""
    final: bool = True
    split: Callable[[Mapping[str, Any]], Mapping[str, dict[str, Any]]] | None = None

    def on(self, shelf: str) -> Request:
        """Give the same request under keys that begin with a shelf: asked in the same words, answered by itself."""
        split = self.split
        found = replace(self, key=shelf + self.key)
        if split is None or not shelf:
            return found
        return replace(found, split=lambda reply: {shelf + key: part for key, part in split(reply).items()})

    def parts(self, outcome: Outcome) -> list[tuple[str, Outcome]]:
        """Give the outcomes for those who would ask about one thing, by their keys; empty where it is about one."""
        found = self.split(outcome.reply) if self.split and outcome.reply is not None else {}
        return [(key, Outcome(reply)) for key, reply in found.items()]

    def is_answered_by(self, model: str) -> bool:
        """Say whether a reply that names this model is one of the model that was asked."""
        return self.serves in model and (not self.called or is_same_model(model, self.called))


@final
@dataclass(slots=True, kw_only=True)
class Round:
    """Requests that are under way together.

    Attributes:
        settings: Limits and prices.
        line: The way to the server.
        book: Where each request is written down.
        pace: How fast requests may leave.
        max_spend: Money that all requests of the book may cost together; None: no limit.
        back_off: Seconds before a request is first sent again; doubled at each further time.
        seed: Spreads those seconds.
        num_unanswered: Requests given up since the last sign that the server is up.
        excess: Money by which a reply cost more than was reckoned, at most, over all rounds so far: a server's own
            system prompt is paid for with each. Later requests are reckoned with it.
        billed: Whether a request that went alone has shown what the server bills, and nothing more was billed since.
            Until then, under a cap, requests go one at a time.
    """

    settings: Server
    line: Line
    book: Book
    pace: Pace
    max_spend: float | None
    back_off: float
    seed: int
    num_unanswered: int = 0
    excess: float = 0.0
    billed: bool = False
    _clerk: Clerk = field(init=False)
    _slots: asyncio.Semaphore = field(init=False)
    _under_way: set[asyncio.Task[Any] | None] = field(default_factory=set)
    _alone: asyncio.Task[Any] | None = None
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _door: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._clerk, self._slots = Clerk(self.book), asyncio.Semaphore(self.settings.max_in_flight)

    async def ask(self, requests: Sequence[Request]) -> tuple[dict[str, Outcome], BaseException | None]:
        """Ask all; gives the outcomes by key, and what stopped the round before its end.

        What stops it lets requests under way come to their end, since they may be paid for.
        """
        async with self.line.open() as client:
            tasks = {asyncio.create_task(self._finish(client, request)): request.key for request in requests}
            error = await self._wait(set(tasks))
            self._clerk.flush()
            found = {key: task.result() for task, key in tasks.items() if not task.cancelled() and not task.exception()}
        return found, error

    async def _wait(self, pending: set[asyncio.Task[Outcome]]) -> BaseException | None:
        error: BaseException | None = None
        patience = math.inf
        while pending:
            done, pending = await asyncio.wait(pending, timeout=_TICK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            failed = (task.exception() for task in done if not task.cancelled())
            error = error or next((one for one in failed if one), None)
            try:
                interruption.point()
            except KeyboardInterrupt as asked:
                error, patience = asked, min(patience, time.monotonic() + _GRACE_SECONDS)
            if error:
                for task in pending if time.monotonic() > patience else pending - self._under_way:
                    task.cancel()
        return error

    async def _finish(self, client: httpx2.AsyncClient, request: Request) -> Outcome:
        """Send a request until it has an outcome, or its attempts are used up."""
        for attempt in range(1, self.settings.max_attempts + 1):
            sent = await self._send(client, request)
            if not isinstance(sent, Fault):
                return _no_reply(sent) if isinstance(sent, Refusal) else Outcome(sent)
            wait = self._wait_seconds(request, attempt, sent)
            if attempt == self.settings.max_attempts:
                return await self._give_up(sent)
            if sent.busy:
                self.pace.hold(wait)
            await asyncio.sleep(wait)
        raise AssertionError("a request is sent at least once")

    async def _send(self, client: httpx2.AsyncClient, request: Request) -> Sent:
        """Send a request once: its turn, its money, its row, its reply, its cost."""
        async with self._slots:
            await self.pace.turn(request.prompt_tokens + request.completion_tokens)
            most = await self._afford(self.settings.cost(request.prompt_tokens, request.completion_tokens))
            task = asyncio.current_task()
            self._under_way.add(task)
            try:
                number = await self._clerk.intend(request.key, cost=most)
                sent = await self.line.post(client, request.path, request.body)
                await self._settle(number, request, sent, most=most)
            finally:
                self._under_way.discard(task)
                self._settled.set()
        return sent

    async def _afford(self, reckoned: float) -> float:
        """Wait until a request fits under the cap, since what is under way may turn out cheaper; gives its most.

        Raises:
            GateError: When nothing is under way that could make room.
        """
        # what is under way may show an excess meanwhile
        while self.max_spend is not None:
            spent = self._clerk.spent
            fits = spent + reckoned + self.excess <= self.max_spend
            if fits and (self.billed or not self._under_way):
                self._alone = None if self.billed else asyncio.current_task()
                break
            if not self._under_way:
                raise GateError(
                    f"the next request may cost {reckoned + self.excess:.6g}, "
                    f"and {spent:.6g} of {self.max_spend:.6g} are spent",
                    where="budget.max_spend", cause="the study costs more than it was given",
                    fix="raise budget.max_spend and run the same command again; all answers are kept",
                )  # fmt: skip
            self._settled.clear()
            await self._settled.wait()
        return reckoned + self.excess

    async def _settle(self, number: int, request: Request, sent: Sent, *, most: float) -> None:
        """Write down what became of a request, and what it cost."""
        if isinstance(sent, Fault):
            await self._clerk.change(Change(number, "faulty", cost=most if sent.paid else 0.0))
            return
        self.num_unanswered = 0
        if isinstance(sent, Refusal):
            await self._keep(number, request, _no_reply(sent), cost=0.0 if sent.lack == "failed" else most)
            return
        used = read_usage(sent, most=(request.prompt_tokens, request.completion_tokens))
        cost = most if used is None else self.settings.cost(*used)
        beyond = cost - self.settings.cost(request.prompt_tokens, request.completion_tokens)
        if beyond > self.excess:
            self.excess, self.billed = beyond, False
            self.book.note_excess(self.settings.url, beyond)
        elif self._alone is asyncio.current_task():
            self.billed = True
        self.pace.give_back(0 if used is None else request.prompt_tokens + request.completion_tokens - sum(used))
        model = sent.get("model")
        if isinstance(model, str) and not request.is_answered_by(model):
            await self._clerk.change(Change(number, "faulty", cost))
            raise RunError(
                f"asked for the model {request.serves or request.called!r}, the server answered as {model[:100]!r}",
                where=self.settings.url, cause="it does not have that model, and answers with another in silence",
                fix="serve the model by that name, or (judges) write what it calls itself into answers_as of its "
                "endpoint; then run the same command again",
            )  # fmt: skip
        await self._keep(number, request, Outcome(sent), cost=cost)

    async def _keep(self, number: int, request: Request, outcome: Outcome, *, cost: float) -> None:
        state: State = "failed" if outcome.reply is None else "answered"
        kept = Change(number, state, cost, outcome) if request.final else Change(number, "faulty", cost)
        if parts := request.parts(outcome):
            kept = Change(number, "split", cost, parts=parts)
        await self._clerk.change(kept)

    async def _give_up(self, fault: Fault) -> Outcome:
        """Give a request up after its last attempt.

        Raises:
            RunError: When it is the server that has no time for anybody, or is down.
        """
        if fault.busy:
            raise self.down(f"the server turned a request away {self.settings.max_attempts} times: {fault.problem}")
        self.num_unanswered += 1
        await self._door.acquire()  # one knocks for all that are given up; where nobody opens, it stays shut
        if self.num_unanswered >= MOST_UNANSWERED:
            await self.require_up(f"the server left {self.num_unanswered} requests in a row unanswered")
        self._door.release()
        return Outcome(None, f"no answer in {self.settings.max_attempts} attempts; at last: {fault.problem}")

    async def require_up(self, problem: str) -> None:
        """Ask for the list of models, which is free: a server that gives any answer stumbles over requests alone.

        Raises:
            RunError: When it gives none; it says the problem, and how asking for the list went.
        """
        found = await insist(self.line.knock, attempts=self.settings.max_attempts, back_off=self.back_off)
        if isinstance(found, Fault):
            raise self.down(f"{problem}: {found.problem}")
        self.num_unanswered = 0

    def down(self, what: str) -> RunError:
        """Say in four parts that the server cannot be asked at the moment."""
        return RunError(
            what, where=self.settings.url, cause="it is down, overloaded, or not reachable from here",
            fix="see to the server, or lower max_in_flight of this endpoint; then run the same command again: "
            "all answers are kept",
        )  # fmt: skip

    def _wait_seconds(self, request: Request, attempt: int, fault: Fault) -> float:
        if fault.wait is not None and fault.wait > LONGEST_WAIT:
            raise RunError(
                f"the server asks to wait {fault.wait:.0f} seconds: {fault.problem}", where=self.settings.url,
                cause="a quota of the hour or the day is used up",
                fix="run the same command again after that time; all answers are kept",
            )  # fmt: skip
        longest = min(LONGEST_BACK_OFF, self.back_off * 2.0 ** (attempt - 1))
        spread = 0.5 + derive(self.seed, "retry", request.key, attempt) / 2**33
        return max(longest * spread, fault.wait or 0.0)


def _no_reply(refusal: Refusal) -> Outcome:
    return Outcome(None, refusal.problem, lack=refusal.lack)
