"""Judging a study, in words: what it is about to ask of servers, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import groupby
from typing import cast

from safedose.codec import read_records
from safedose.inputs import Inputs
from safedose.interfaces import Judge
from safedose.judging.pairs import Asking
from safedose.keys import verdicts_unit
from safedose.outcome import judging_work, read_verdicts
from safedose.records import Arm, Response
from safedose.remote.asking import Rehearsal
from safedose.remote.book import NAME, Book
from safedose.serving import NO_PRICES, shelf, way_to
from safedose.store import StudyFolder
from safedose.study import Study
from safedose.work import JUDGED_AT_ONCE, read_part, read_rivals

_LONGEST = 160
"""Signs of a reason that are shown."""


def announce_judging(study: Study, inputs: Inputs, folder: StudyFolder, tell: Callable[[str], None]) -> None:
    """Say what judges will ask of servers, of whom and at what price, by rehearsing them; nothing is sent."""
    todo = [one for one in judging_work(study, inputs, folder) if not verdicts_unit(folder, *one).is_committed()]
    for judge, works in groupby(todo, key=lambda one: one[0]):
        if not isinstance(judge, Asking) or (server := judge.asks.server) is None:
            continue
        files, place = [(arm, suite) for _, arm, suite in works], folder.path / NAME
        with closing(Book(place, writer=folder.writer)) if place.exists() else nullcontext() as book:
            rehearsal, spent = Rehearsal(server, book), book.spent if book else 0.0
            _rehearse(judge, rehearsal, files, folder)
        again = f", and up to {server.reread} answers a second time" if server.reread else ""
        tell(f"at most {rehearsal.num_requests} requests to {server.host} for {judge.id}{again}, {way_to(server)}")
        if server.price_prompt is not None:
            cap = study.budget.max_spend
            stops = "" if cap is None else f"; after {cap:.4g} in all ({spent:.4g} are spent already) the study stops"
            tell(f"the first reading costs at most {rehearsal.most_cost:.4g}{stops}")
        elif not server.is_here:
            tell(NO_PRICES)


def _rehearse(judge: Asking, rehearsal: Rehearsal, files: Sequence[tuple[Arm, str]], folder: StudyFolder) -> None:
    reader = cast(Judge, judge.afresh())
    rehearsal.shelf = shelf(reader)
    judge.asks.connect(rehearsal)
    for arm, suite in files:
        answers = read_records(folder.responses(arm, suite).committed(), Response)
        rivals = read_rivals(folder, reader, arm, suite)
        for start in range(0, len(answers), JUDGED_AT_ONCE):
            read_part(reader, answers[start : start + JUDGED_AT_ONCE], rivals)


def tell_verdicts(study: Study, inputs: Inputs, folder: StudyFolder) -> Iterator[str]:
    """Say of each judge how many verdicts it gave, and why others are missing: a line, and one for the commonest cause.

    Raises:
        RunError: When verdicts are missing or damaged.
    """
    states: dict[str, Counter[str]] = {judge: Counter() for judge in inputs.judge_ids}
    reasons: dict[str, Counter[str]] = {judge: Counter() for judge in inputs.judge_ids}
    for one in read_verdicts(study, inputs, folder):
        states[one.judge][one.state] += 1
        if one.state != "value":
            reasons[one.judge][one.reason or ""] += 1
    for judge, found in states.items():
        missing = ", ".join(f"{number:,} {state}" for state, number in sorted(found.items()) if state != "value")
        yield f"{judge}: {found['value']:,} verdicts" + (f", {missing}" if missing else "")
        for reason, number in reasons[judge].most_common(1):
            yield f"  most often ({number:,}): {reason[:_LONGEST]}{'...' if len(reason) > _LONGEST else ''}"
