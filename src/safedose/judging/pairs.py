"""Judges that read a prompt with its answer and nothing else: each pair is read once, whoever gave the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, final, runtime_checkable

from safedose.interfaces import Judge
from safedose.judging.verdicts import Reading, is_blank, verdict_on
from safedose.records import Axis, Prompt, Response, Turn, Verdict
from safedose.remote.asking import Asker
from safedose.remote.settings import JudgeServer
from safedose.store import digest

TOGETHER = 64
"""Pairs handed to a reader at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is read: a prompt, what was said before it, and an answer, or two answers to be compared."""

    prompt: str
    response: str
    before: tuple[Turn, ...] = ()
    rival: str | None = None

    @property
    def key(self) -> str:
        """Identifies it: pairs of one key are one."""
        rival = [] if self.rival is None else [self.rival]
        return digest([[[turn.speaker, turn.text] for turn in self.before], self.prompt, self.response, *rival])


def pair_of(response: Response, rival: Response | None = None) -> Pair:
    """Give what is read of a response, and of the one it is compared with."""
    prompt, other = response.prompt, None if rival is None else rival.text
    return Pair(prompt=prompt.text, response=response.text, before=prompt.before, rival=other)


def is_asked(pair: Pair) -> bool:
    """Say whether anybody is asked about it: neither where nothing is to be seen, nor of two answers that are one."""
    if is_blank(pair.response) and is_blank(pair.rival or ""):
        return False
    return pair.response != pair.rival


class Read(NamedTuple):
    """What a reader found: readings per axis for each pair, and why batches are void, by those that are."""

    readings: list[tuple[Reading, ...]]
    void: Mapping[str, Reading] = MappingProxyType({})


class Bill(NamedTuple):
    """What judging so many answers asks of a server at most."""

    num_requests: int
    prompt_tokens: int
    completion_tokens: int


class Instrument(Protocol):
    """What a judge reads with, on this machine or by a server.

    Attributes:
        fingerprint: Changes whenever it could say something else.
        put: Changes whenever it would ask something else, or somebody else; not with how the reply is read.
        server: The server it asks; None when it reads on this machine.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def put(self) -> str: ...
    @property
    def server(self) -> JudgeServer | None: ...

    def connect(self, remote: Asker) -> None:
        """Take who asks `server`, before anything is read; once more to put another in its place."""
        ...

    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill:
        """Bound what reading one answer of so many tokens to each of these prompts asks of the server."""
        ...


class Reader(Instrument, Protocol):
    """Reads pairs; what a model-based judge is made of. `axes` is what it looks at."""

    @property
    def axes(self) -> tuple[Axis, ...]: ...

    def read(self, pairs: Sequence[Pair], *, batches: Sequence[str]) -> Read:
        """Read pairs in their order; never raises for what a pair contains.

        Args:
            pairs: What this reader did not read before; maybe nothing.
            batches: Names of batches that begin here: what watches over a judge is asked for each.
        """
        ...


@runtime_checkable
class Asking(Protocol):
    """A judge that may ask a server, by what it reads with.

    It is a `Judge` too. What that has is not repeated here: to say whether somebody is an `Asking`, Python looks at all
    its attributes, and to look at `fingerprint` fetches a model's weights.

    Attributes:
        id: As of any judge.
        asks: What it reads with.
    """

    @property
    def id(self) -> str: ...
    @property
    def asks(self) -> Instrument: ...
    def judge(self, responses: Sequence[Response]) -> list[Verdict]: ...

    def afresh(self) -> Asking:
        """Give the same judge, which has read nothing yet; the two share whom they ask."""
        ...

    def expect(self, num_different: int) -> None:
        """Say how many different answers it will be given in all, part by part, before it is given any.

        Which answers make a batch follows from the answers then, not from their order or from what a part holds.
        """
        ...


def server_of(judge: Judge) -> JudgeServer | None:
    """Say which server a judge asks; None when it reads on this machine."""
    return judge.asks.server if isinstance(judge, Asking) else None


@final
class Memory:
    """What a reader found so far: a pair is read once, whoever asks.

    All the pairs of a call make its batches, different ones in the order of their keys, those read before included. So
    which batches there are, and whether one is void, follows from the call alone: a process that goes on where another
    was stopped comes to the same, by the replies that are kept. Where the number of all pairs is known beforehand
    (`num_batches`), a pair's key alone says which batch it belongs to.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.num_batches: int | None = None
        self._known: dict[str, tuple[Reading, ...]] = {}
        self._void: dict[str, Reading | None] = {}

    def read(self, pairs: Sequence[Pair]) -> dict[str, tuple[Reading, ...]]:
        """Give the readings of pairs, by their keys; what has a value in a void batch loses it."""
        different = {pair.key: pair for pair in pairs}
        batch_of = self._batches(sorted(different))
        new = [key for key in batch_of if key not in self._known]
        begun = [batch for batch in dict.fromkeys(batch_of.values()) if batch not in self._void]
        if new or begun:
            readings, void = self._reader.read([different[key] for key in new], batches=begun)
            self._known |= zip(new, readings, strict=True)
            self._void |= {batch: void.get(batch) for batch in begun}
        return {key: _unless(self._void[batch], self._known[key]) for key, batch in batch_of.items()}

    def _batches(self, keys: Sequence[str]) -> dict[str, str]:
        """Say which batch each key belongs to."""
        if self.num_batches is not None:
            return {key: f"{int(key, 16) % self.num_batches} of {self.num_batches}" for key in keys}
        parts = [keys[start : start + TOGETHER] for start in range(0, len(keys), TOGETHER)]
        return {key: digest(part) for part in parts for key in part}


def _unless(void: Reading | None, readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Take the values of a void batch away; what had none keeps its own reason."""
    return readings if void is None else tuple(one if one.value is None else void for one in readings)


@final
class PairJudge:
    """The judge around a reader: verdicts on responses from readings of pairs.

    A verdict depends on prompt and answer, not on whose it is or what stands beside it, but for a batch that is void.
    An answer without a visible character is `unusable` unread.

    Args:
        id: Written on each verdict.
        asks: What reads.
    """

    def __init__(self, id: str, asks: Reader) -> None:  # noqa: A002
        self.id, self.asks = id, asks
        self.axes, self._memory = asks.axes, Memory(asks)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the reader could say something else."""
        return self.asks.fingerprint

    def afresh(self) -> PairJudge:
        """Give the same judge, which has read nothing yet; the two share whom they ask."""
        return PairJudge(self.id, self.asks)

    def expect(self, num_different: int) -> None:
        """See `Asking.expect`."""
        self._memory.num_batches = math.ceil(num_different / TOGETHER)

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        pairs = [pair_of(one) for one in responses]
        found = self._memory.read([pair for pair in pairs if is_asked(pair)])
        empty = (Reading("unusable", "empty response"),) * len(self.axes)
        return [
            verdict_on(response, self.id, axis, one)
            for response, pair in zip(responses, pairs, strict=True)
            for axis, one in zip(self.axes, found.get(pair.key, empty), strict=True)
        ]
