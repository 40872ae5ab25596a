"""Second readings: a judge that asks a server reads some answers again in the end, in the same words.

What comes out otherwise is the judge's own doing: it says how far the judge agrees with itself and, by when an answer
was first read, whether it changed on the way (`stats.steadiness`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, final

from safedose import keys
from safedose.codec import read_records, write_records
from safedose.errors import RunError
from safedose.findings import Answering, Steadiness
from safedose.inputs import Inputs
from safedose.interfaces import Advance, Comparer, Judge
from safedose.judging.pairs import Asking, is_asked, pair_of, server_of
from safedose.judging.verdicts import Reading, blaming, verdict_on
from safedose.outcome import judging_work
from safedose.progress import Watch
from safedose.records import Arm, Rereading, Response, Verdict
from safedose.remote.answering import answered_by
from safedose.remote.book import NAME
from safedose.seeding import generator, rank
from safedose.serving import Connector, shelf
from safedose.stats.steadiness import told_twice, weigh_rereadings
from safedose.store import StudyFolder, Unit, digest
from safedose.store.journal import in_parts
from safedose.store.ledger import read_ledger
from safedose.store.writer import LEDGER
from safedose.study import Study
from safedose.work import JUDGED_AT_ONCE, read_rivals

_NO_STUDY = 0
"""Seed outside a study: nothing that is written depends on it."""

_LEVEL = 0.95
"""Of intervals outside a study."""

Files = Sequence[tuple[Arm, str]]
"""Arms and suites whose answers a judge reads."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer that is to be read again.

    Attributes:
        place: When it was first read, among the different answers the judge was asked about, from 1.
        response: It.
        rival: The answer it is compared with, by a judge that compares.
        first: What the judge said of it, a verdict per axis.
    """

    place: int
    response: Response
    rival: Response | None
    first: tuple[Verdict, ...]


@final
class Sample:
    """Draws from the answers of a file, while they pass by: so many of the different ones, whatever their order.

    Args:
        judge: Who will read them a second time; nothing is drawn for one that asks no server.

    Attributes:
        occasion: Names all that has passed by, whatever its order: a file that has grown is another.
    """

    def __init__(self, judge: Judge) -> None:
        server = server_of(judge)
        self._judge, self._number = judge, server.reread if server else 0
        self._seen: set[str] = set()
        self._drawn: dict[bytes, tuple[int, int, Response, Response | None]] = {}  # by rank: place, row, both answers
        self._first: dict[int, Mapping[str, Any]] = {}
        self._num_rows, self._num_heard, self._sum = 0, 0, 0

    def look(self, answers: Sequence[Response], rivals: Sequence[Response]) -> None:
        """Let answers pass by, and what they are compared with by a judge that compares."""
        for row, (one, rival) in enumerate(zip_longest(answers, rivals) if self._number else (), self._num_rows):
            pair = pair_of(one, rival)
            if is_asked(pair) and (key := pair.key) not in self._seen:
                self._seen.add(key)
                self._sum ^= int(key, 16)
                self._drawn[rank(_NO_STUDY, "reread", key)] = len(self._seen), row, one, rival
        self._num_rows += len(answers)
        self._drawn = {key: self._drawn[key] for key in sorted(self._drawn)[: self._number]}

    def hear(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take note of what is said of the same answers, in the same order, as `rows.judge_rows` gives it."""
        wanted = {row for _, row, _, _ in self._drawn.values()}
        self._first |= {number: row for number, row in enumerate(rows, self._num_heard) if number in wanted}
        self._num_heard += len(rows)

    @property
    def occasion(self) -> str:
        return digest([len(self._seen), self._sum])

    @property
    def drawn(self) -> tuple[list[Response], list[Response]]:
        """What was drawn, in the order it passed by, and what it is compared with, if anything."""
        chosen = sorted(self._drawn.values(), key=lambda one: one[0])
        return [one for _, _, one, _ in chosen], [rival for _, _, _, rival in chosen if rival is not None]

    def read(self, turn_to: Callable[[str], None], watch: Watch) -> list[Rereading]:
        """Let the judge read what was drawn a second time; nothing where not all was heard, or nothing drawn.

        Args:
            turn_to: Lets the judge ask anew on an occasion.
            watch: Shows what is going on.
        """
        if not self._drawn or self._num_heard < self._num_rows:
            return []
        drawn = [
            Drawn(place, one, rival, (_as_verdict(one, self._first[row]),))
            for place, row, one, rival in sorted(self._drawn.values(), key=lambda one: one[0])
        ]
        turn_to(self.occasion)
        with watch.stage("reread", total=len(drawn), unit="answers") as advance:
            found = read_again(self._judge, drawn, len(self._seen))
            advance(len(drawn), "")
        return found


def _as_verdict(response: Response, row: Mapping[str, Any]) -> Verdict:
    reading = Reading(row["state"], row["reason"], row["verdict"], row["score"])
    return verdict_on(response, row["judge"], row["axis"], reading)


def tell_rows(
    readings: Sequence[Rereading], who: tuple[Answering, ...], tell: Callable[[str], None]
) -> Steadiness | None:  # fmt: skip
    """Say what came of second readings along one axis of a file; None where there were none."""
    rng = generator(_NO_STUDY, "steadiness")
    for found in weigh_rereadings(readings, answered_by=who, level=_LEVEL, rng=rng):
        for line in told_twice(found):
            tell(line)
        return found
    return None


def reread_answers(
    unit: Unit, study: Study, folder: StudyFolder, judge: Judge, files: Files, servers: Connector, advance: Advance
) -> None:
    """Draw answers evenly from all that a judge has read, let it read them again, and commit what it says.

    What is asked stands in the book under the key of the unit: a run that was stopped asks nothing twice, and a study
    that has grown reads anew, its older answers too.
    """
    drawn, num_judged = _draw(study, folder, judge, files)
    servers.connect(judge, occasion=unit.key)
    parts = [drawn[start : start + JUDGED_AT_ONCE] for start in range(0, len(drawn), JUDGED_AT_ONCE)]
    found = in_parts(
        unit, parts, lambda _, part: read_again(judge, part, num_judged), kind=Rereading,
        done=lambda _: advance(0, judge.id),
    )  # fmt: skip
    with unit.commit() as path:
        write_records(path, found, Rereading)


def read_again(judge: Judge, drawn: Sequence[Drawn], num_judged: int) -> list[Rereading]:
    """Let a judge read what was drawn as if for the first time, and set what it says beside what it said.

    Axes on which the first reading is not given are left out.
    """
    if not isinstance(judge, Asking):
        raise AssertionError("a judge that asks no server is not read twice")
    responses, again = [one.response for one in drawn], judge.afresh()
    with blaming(judge):
        if isinstance(again, Comparer):
            said = again.compare(responses, [one.rival for one in drawn if one.rival is not None])
        else:
            said = again.judge(responses)
    first = [(one.place, verdict) for one in drawn for verdict in one.first]
    axes = {verdict.axis for _, verdict in first}
    return [
        Rereading(place=place, num_judged=num_judged, first=verdict, second=second)
        for (place, verdict), second in zip(first, (one for one in said if one.axis in axes), strict=True)
    ]


def weigh_judges(study: Study, inputs: Inputs, folder: StudyFolder) -> tuple[Steadiness, ...]:
    """Say of each judge that reads twice whether it says the same again, and whether it changed on the way.

    Raises:
        RunError: When second readings are missing, or not of the verdicts that are there now, or damaged.
    """
    found: list[Steadiness] = []
    for judge, files in keys.read_twice(judging_work(study, inputs, folder)):
        unit = keys.rereadings_unit(study, folder, judge, files)
        if not unit.is_committed():
            raise RunError(
                f"{judge.id} has not read its answers a second time", where=str(unit.path),
                cause="judging was stopped, or verdicts were made again since",
                fix=f"run `safedose judge {folder.path}`, then estimate again; or set reread: 0 in the endpoint of the "
                "judge",
            )  # fmt: skip
        readings = read_records(unit.path, Rereading)
        found += weigh_rereadings(
            readings, answered_by=answered_by(folder.path / NAME, shelf(judge)), level=study.criteria.level,
            rng=generator(study.seed, "steadiness", judge.id),
        )  # fmt: skip
    return tuple(found)


def _draw(study: Study, folder: StudyFolder, judge: Judge, files: Files) -> tuple[list[Drawn], int]:
    """Draw as many answers as are to be read again, one from each of as many equal parts of the order of judging.

    Returns:
        The drawn ones in that order, and how many different answers there are.
    """
    files = _as_judged(folder, judge, files)
    seen: dict[str, tuple[int, int]] = {}  # where each different answer comes first: file, row
    for number, (arm, suite) in enumerate(files):
        for row, response, rival in _answers(folder, judge, arm, suite):
            pair = pair_of(response, rival)
            if is_asked(pair):
                seen.setdefault(pair.key, (number, row))
    names, server = list(seen), server_of(judge)
    number = min(len(names), server.reread if server else 0)
    parts = [range(part * len(names) // number, (part + 1) * len(names) // number) for part in range(number)]
    chosen = [min(part, key=lambda place: rank(study.seed, "reread", names[place])) for part in parts]
    wanted = {seen[names[place]]: place + 1 for place in chosen}
    return list(_fetch(folder, judge, files, wanted)), len(names)


def _fetch(
    folder: StudyFolder, judge: Judge, files: Files, wanted: Mapping[tuple[int, int], int]
) -> Iterator[Drawn]:  # fmt: skip
    for number in sorted({number for number, _ in wanted}):
        arm, suite = files[number]
        verdicts, axes = read_records(folder.verdicts(arm, judge.id, suite).committed(), Verdict), len(judge.axes)
        for row, response, rival in _answers(folder, judge, arm, suite):
            if (number, row) in wanted:
                first = tuple(verdicts[row * axes : (row + 1) * axes])
                yield Drawn(wanted[number, row], response, rival, first)


def _answers(
    folder: StudyFolder, judge: Judge, arm: Arm, suite: str
) -> Iterator[tuple[int, Response, Response | None]]:  # fmt: skip
    """Walk the answers that a judge was shown, with their row and with what they are compared with."""
    rivals = read_rivals(folder, judge, arm, suite)
    for row, one in enumerate(read_records(folder.responses(arm, suite).committed(), Response)):
        rival = rivals.get((one.prompt.id, one.sample))
        if one.finish != "failed" and (rival is not None or not isinstance(judge, Comparer)):
            yield row, one, rival


def _as_judged(folder: StudyFolder, judge: Judge, files: Files) -> Files:
    """Order files by when their verdicts were first written, by the ledger: a study that grows judges later ones last.

    Those that the ledger does not know, such as those of a study that was forked, are older.
    """
    written: dict[tuple[str, str], int] = {}
    for entry in read_ledger(folder.path / LEDGER):
        if entry.event == "committed":
            written.setdefault((entry.unit, entry.detail.get("content", "")), entry.seq)

    def when(file: tuple[Arm, str]) -> int:
        unit = folder.verdicts(file[0], judge.id, file[1])
        return written.get((unit.path.relative_to(folder.path).as_posix(), unit.content()), 0)

    return sorted(files, key=when)
