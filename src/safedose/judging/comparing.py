"""Judges that compare an answer with the one dose 0 gave: which of the two helps more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, final

from safedose.judging.pairs import TOGETHER, Bill, Instrument, Memory, Pair, Reader, is_asked, pair_of
from safedose.judging.verdicts import Reading, is_blank, verdict_on
from safedose.records import Axis, Prompt, Response, Verdict
from safedose.remote.asking import Asker
from safedose.remote.settings import JudgeServer

_SHARE = {"preferred": 1.0, "tie": 0.5, "not_preferred": 0.0}
_SEEN_FROM_THE_OTHER = {"preferred": "not_preferred", "tie": "tie", "not_preferred": "preferred"}


class Weigher(Instrument, Protocol):
    """Says of pairs with a rival which answer is preferred; what a comparing judge is made of."""

    def afresh(self) -> Weigher:
        """Give the same weigher, which has weighed nothing yet."""
        ...

    def expect(self, num_different: int) -> None:
        """Say how many different pairs it will be given in all; see `pairs.Asking.expect`."""
        ...

    def weigh(self, pairs: Sequence[Pair]) -> list[Reading]:
        """Give a reading on the axis `preference` for each pair, in their order; one weighed before costs nothing."""
        ...


@final
class BothOrders:
    """Asks a reader twice, each answer once in the first place: models love one place, whatever stands there.

    Orders that agree give their verdict; orders that do not give a tie, and the reason says so.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader, self._memory = reader, Memory(reader)

    @property
    def fingerprint(self) -> str:
        """Changes whenever the reader could say something else."""
        return self._reader.fingerprint

    @property
    def put(self) -> str:
        """Changes whenever the reader would ask something else."""
        return self._reader.put

    @property
    def server(self) -> JudgeServer | None:
        """The server it asks; None when it reads on this machine."""
        return self._reader.server

    def connect(self, remote: Asker) -> None:
        """Take the client that asks the server."""
        self._reader.connect(remote)

    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill:
        """Bound what comparing two answers to each prompt costs."""
        return self._reader.bill([*prompts, *prompts], answer_tokens=2 * answer_tokens)

    def afresh(self) -> BothOrders:
        """Give the same weigher, which has weighed nothing yet."""
        return BothOrders(self._reader)

    def expect(self, num_different: int) -> None:
        """Say how many different pairs it will be given in all; each is read in two orders."""
        self._memory.num_batches = math.ceil(2 * num_different / TOGETHER)

    def weigh(self, pairs: Sequence[Pair]) -> list[Reading]:
        turned = [Pair(prompt=p.prompt, response=p.rival or "", before=p.before, rival=p.response) for p in pairs]
        found = {key: reading for key, (reading,) in self._memory.read([*pairs, *turned]).items()}
        return [_both(found[pair.key], found[other.key]) for pair, other in zip(pairs, turned, strict=True)]


def _both(one: Reading, other: Reading) -> Reading:
    """Join the readings of two orders; what one of them lacks, the pair lacks."""
    if one.value is None or other.value is None:
        return one if one.value is None else other
    turned = _SEEN_FROM_THE_OTHER[other.value]
    score = (_SHARE[one.value] + _SHARE[turned]) / 2
    if one.value == turned:
        return Reading("value", f"{one.reason}; the other order agrees", one.value, score)
    return Reading("value", f"{one.reason}; the other order says {other.value} of the rival", "tie", score)


def _unread(pair: Pair) -> Reading | None:
    """Say what is plain without a reader; None where one must look."""
    if is_asked(pair):
        return None
    if is_blank(pair.response):
        return Reading("unusable", "both answers are empty")
    return Reading("value", "the two answers are the same", "tie", 0.5)


@final
class ComparingJudge:
    """The judge around a weigher: verdicts on the axis `preference`.

    Unread, two answers are a tie when they are the same, and `unusable` when neither has a visible character. `judge`
    alone has nothing to compare with, and abstains.
    """

    axes: tuple[Axis, ...] = ("preference",)

    def __init__(self, id: str, asks: Weigher) -> None:  # noqa: A002
        self.id, self.asks = id, asks

    @property
    def fingerprint(self) -> str:
        """Changes whenever the weigher could say something else."""
        return self.asks.fingerprint

    def afresh(self) -> ComparingJudge:
        """Give the same judge, which has compared nothing yet; the two share whom they ask."""
        return ComparingJudge(self.id, self.asks.afresh())

    def expect(self, num_different: int) -> None:
        """See `pairs.Asking.expect`."""
        self.asks.expect(num_different)

    def judge(self, responses: Sequence[Response]) -> list[Verdict]:
        reading = Reading("abstained", "there is no answer of dose 0 to compare with")
        return [verdict_on(response, self.id, "preference", reading) for response in responses]

    def compare(self, responses: Sequence[Response], rivals: Sequence[Response]) -> list[Verdict]:
        """Say of each response whether it is preferred to its rival; see `interfaces.Comparer`."""
        pairs = [pair_of(*both) for both in zip(responses, rivals, strict=True)]
        unread = [_unread(pair) for pair in pairs]
        asked = [pair for pair, reading in zip(pairs, unread, strict=True) if reading is None]
        weighed = iter(self.asks.weigh(asked))
        return [
            verdict_on(one, self.id, "preference", reading or next(weighed))
            for one, reading in zip(responses, unread, strict=True)
        ]
