"""Judges that read a prompt with its answer and nothing else: each pair is read once, whoever gave the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, final, runtime_checkable

from safedose.judging.verdicts import Reading, is_blank, verdict_on
from safedose.records import Axis, Prompt, Response, Turn, Verdict
from safedose.remote.asking import Asker
from safedose.remote.settings import Server
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


class Bill(NamedTuple):
    """What judging so many answers asks of a server at most."""

    num_requests: int
    prompt_tokens: int
    completion_tokens: int


class Reader(Protocol):
    """Reads pairs; what a model-based judge is made of.

    Attributes:
        axes: What it looks at.
        fingerprint: Changes whenever it could say something else.
        server: The server it asks; None when it reads on this machine.
    """

    @property
    def axes(self) -> tuple[Axis, ...]: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def server(self) -> Server | None: ...

    def read(self, pairs: Sequence[Pair]) -> list[tuple[Reading, ...]]:
        """Give a reading per axis for each pair, in their order; never raises for what a pair contains."""
        ...

    def connect(self, remote: Asker) -> None:
        """Take who asks `server`, before anything is read; once more to put another in its place."""
        ...

    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill:
        """Bound what reading one answer of so many tokens to each of these prompts asks of the server."""
        ...


@runtime_checkable
class Asking(Protocol):
    """A judge that may ask a server."""

    @property
    def id(self) -> str: ...
    @property
    def server(self) -> Server | None: ...
    def connect(self, remote: Asker) -> None: ...
    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill: ...
    def judge(self, responses: Sequence[Response]) -> list[Verdict]: ...

    def afresh(self) -> Asking:
        """Give the same judge, which has read nothing yet; the two share whom they ask."""
        ...


@final
class PairJudge:
    """The judge around a reader: verdicts on responses from readings of pairs.

    Pairs that were read before, by this judge in this process, are not read again, and a batch is made of different
    pairs in the order of their keys: so a verdict depends on prompt and answer, not on whose it is or what stands
    beside it. An answer without a visible character is `unusable` unread.

    Args:
        id: Written on each verdict.
        reader: What reads.
    """

    def __init__(self, id: str, reader: Reader) -> None:  # noqa: A002
        self.id, self._reader = id, reader
        self.axes = reader.axes
        self._known: dict[str, tuple[Reading, ...]] = {}

    @property
    def fingerprint(self) -> str:
        """Changes whenever the reader could say something else."""
        return self._reader.fingerprint

    @property
    def server(self) -> Server | None:
        """The server it asks; None when it reads on this machine."""
        return self._reader.server

    def connect(self, remote: Asker) -> None:
        """Take the client that asks the server."""
        self._reader.connect(remote)

    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill:
        """Bound what judging one answer of so many tokens to each of these prompts asks of the server."""
        return self._reader.bill(prompts, answer_tokens=answer_tokens)

    def afresh(self) -> PairJudge:
        """Give the same judge, which has read nothing yet; the two share whom they ask."""
        return PairJudge(self.id, self._reader)

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        pairs = [Pair(prompt=one.prompt.text, response=one.text, before=one.prompt.before) for one in responses]
        keys = [pair.key for pair in pairs]
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self._known}
        self._read([new[key] for key in sorted(new)])
        return [
            verdict_on(response, self.id, axis, found)
            for response, key in zip(responses, keys, strict=True)
            for axis, found in zip(self.axes, self._known[key], strict=True)
        ]

    def _read(self, pairs: Sequence[Pair]) -> None:
        empty = [pair for pair in pairs if is_blank(pair.response)]
        self._known |= {pair.key: (Reading("unusable", "empty response"),) * len(self.axes) for pair in empty}
        said = [pair for pair in pairs if not is_blank(pair.response)]
        for start in range(0, len(said), TOGETHER):
            batch = said[start : start + TOGETHER]
            found = zip(batch, self._reader.read(batch), strict=True)
            self._known |= {pair.key: readings for pair, readings in found}
