"""Judging a study, in words: what it is about to ask of servers, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from safedose.codec import read_records, to_json
from safedose.criteria import check_judges
from safedose.inputs import Inputs, load_inputs
from safedose.interfaces import Judge
from safedose.judging.catalogue import caution_of
from safedose.judging.pairs import Asking
from safedose.keys import verdicts_unit
from safedose.outcome import judging_work, read_verdicts
from safedose.panel import Panel, load_panel
from safedose.records import Arm, Response
from safedose.remote.asking import Rehearsal
from safedose.remote.book import NAME, Book
from safedose.remote.client import has_key
from safedose.remote.settings import JudgeServer
from safedose.serving import NO_PRICES, as_calls, shelf, way_to
from safedose.store import StudyFolder
from safedose.study import Study
from safedose.studyfile import read_study
from safedose.work import JUDGED_AT_ONCE, read_part, read_rivals

_LONGEST = 160
"""Signs of a reason that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a judge is about to ask of a server, read for the first time.

    Attributes:
        judge: Its id.
        server: Whom it asks.
        num_requests: Requests at most, canaries included.
        most_cost: What they cost at most, when each is sent once; 0 without prices.
        spent: What the study has spent already; 0 where that was not looked up.
    """

    judge: str
    server: JudgeServer
    num_requests: int
    most_cost: float
    spent: float = 0.0

    def told(self, max_spend: float | None) -> Iterator[str]:
        """Say it in words, under a cap."""
        server = self.server
        again = f", and up to {server.reread} answers a second time" if server.reread else ""
        yield f"at most {self.num_requests} requests to {server.host} for {self.judge}{again}, {way_to(server)}"
        if server.price_prompt is not None:
            spent = f" ({self.spent:.4g} are spent already)" if self.spent else ""
            stops = "" if max_spend is None else f"; after {max_spend:.4g} in all{spent} the study stops"
            what = "the first reading costs" if server.reread else "they cost"
            yield f"{what} at most {self.most_cost:.4g}{stops}"
        elif not server.is_here:
            yield NO_PRICES


def announce_judging(study: Study, inputs: Inputs, folder: StudyFolder, tell: Callable[[str], None]) -> None:
    """Say what judges will ask of servers, beyond what the book of requests holds, of whom and at what price."""
    place = folder.path / NAME
    with closing(Book(place, writer=folder.writer)) if place.exists() else nullcontext() as book:
        for asked in rehearse_judging(study, inputs, folder, book):
            for line in asked.told(study.budget.max_spend):
                tell(line)


def rehearse_judging(study: Study, inputs: Inputs, folder: StudyFolder, book: Book | None) -> Iterator[Asked]:
    """Let judges that ask servers read what they have not judged yet, and count what they ask; nothing is sent.

    The judges are left connected to a rehearsal: whoever lets them judge connects them to their server first.

    Args:
        study: Its settings.
        inputs: Its judges.
        folder: Its answers.
        book: What was asked before; None: that is not looked up.
    """
    todo = [one for one in judging_work(study, inputs, folder) if not verdicts_unit(folder, *one).is_committed()]
    for judge, works in groupby(todo, key=lambda one: one[0]):
        if isinstance(judge, Asking) and (server := judge.asks.server) is not None:
            rehearsal = Rehearsal(server, book)
            _rehearse(judge, rehearsal, [(arm, suite) for _, arm, suite in works], folder)
            yield Asked(
                judge=judge.id, server=server, num_requests=rehearsal.num_requests, most_cost=rehearsal.most_cost,
                spent=book.spent if book else 0.0,
            )  # fmt: skip


def _rehearse(judge: Asking, rehearsal: Rehearsal, files: Sequence[tuple[Arm, str]], folder: StudyFolder) -> None:
    reader = cast(Judge, judge.afresh())
    rehearsal.shelf = shelf(reader)
    judge.asks.connect(rehearsal)
    for arm, suite in files:
        answers = read_records(folder.responses(arm, suite).committed(), Response)
        rivals = read_rivals(folder, reader, arm, suite)
        for start in range(0, len(answers), JUDGED_AT_ONCE):
            read_part(reader, answers[start : start + JUDGED_AT_ONCE], rivals)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPlan:
    """What judging a study of imported responses would do.

    Attributes:
        study: Its settings.
        arms: Whose answers there are.
        num_responses: Answers that are to be judged, over all suites of the study.
        panel: Who judges, and the models they read with on this machine.
        num_left: Files of verdicts that are still to be made.
        asked: What each judge will ask of its server for them, if no request was sent before.
    """

    study: Study
    arms: tuple[Arm, ...]
    num_responses: int
    panel: Panel
    num_left: int
    asked: tuple[Asked, ...]

    def to_json(self) -> dict[str, Any]:
        """Say it as plain values."""
        endpoints = [as_calls(one.server, self.study, one.judge, one.num_requests, one.most_cost) for one in self.asked]
        return {
            "name": self.study.name,
            "arms": [to_json(arm) for arm in self.arms],
            "num_responses": self.num_responses,
            "judges": [one.id for one in self.study.judges],
            "num_left": self.num_left,
            "unknown": [{"what": one.what, "fix": one.fix} for one in self.panel.unknown],
            "to_fetch": self._to_fetch(),
            "remote_calls": sum(one.num_requests for one in self.asked),
            "endpoints": [to_json(one) for one in endpoints],
        }

    def told(self) -> Iterator[str]:
        """Say it in words."""
        calls = sum(one.num_requests for one in self.asked)
        yield (
            f"{self.study.name}: {len(self.arms)} arms of imported responses, {self.num_responses:,} responses in "
            f"{len(self.study.suites)} suites; judges: {', '.join(one.id for one in self.study.judges)}; "
            f"verdicts still to be made: {self.num_left} files; remote calls: {calls or 'none'}"
        )
        yield from filter(None, map(caution_of, self.study.judges))
        for name in self._to_fetch():
            yield f"`judge` fetches the weights of {name}"
        for absent in self.panel.unknown:
            yield f"not known here, so not checked: {absent.what}; {absent.fix}"
        for one in self.asked:
            yield from one.told(self.study.budget.max_spend)
            if not has_key(one.server):
                yield f"the key named {one.server.api_key_env} is not set: `judge` asks nothing until it is"

    def _to_fetch(self) -> list[str]:
        return [base.name for base in self.panel.models if not base.complete]


def plan_imported(file: Path, overrides: Sequence[str]) -> ImportedPlan | None:
    """Check a study of imported responses and say what judging it will do; None for a study that answers here.

    Nothing is written, and the book of requests is not opened: what it holds makes judging cheaper than is said.

    Raises:
        InputError: For anything that could not work.
        RunError: When answers or verdicts are damaged.
    """
    study, folder = read_study(file, overrides=overrides), StudyFolder(file.parent)
    if study.asks or not folder.arms():
        return None
    panel = load_panel(study, root=folder.root, look="may")
    inputs = load_inputs(study, root=folder.root, panel=panel)
    check_judges(study, inputs)
    work = judging_work(study, inputs, folder)
    files = {(arm.id, suite): folder.responses(arm, suite) for _, arm, suite in work}
    return ImportedPlan(
        study=study,
        arms=tuple(folder.arms()),
        num_responses=sum(len(read_records(unit.committed(), Response)) for unit in files.values()),
        panel=panel,
        num_left=sum(not verdicts_unit(folder, *one).is_committed() for one in work),
        asked=tuple(rehearse_judging(study, inputs, folder, None)),
    )


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
