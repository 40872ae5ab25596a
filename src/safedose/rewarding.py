"""Training a reward model from a file: what is held out, how well it agrees with people there, and its card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from safedose import interruption
from safedose.bases import Base, find_base
from safedose.data import places
from safedose.data.dialogues import COLUMNS, Preferred, Rated, read_judged
from safedose.data.rows import BadRows
from safedose.data.shapes import Conversation
from safedose.data.sources import SOURCES
from safedose.errors import InputError, nearest
from safedose.generation.armrows import check_mapping
from safedose.importing import read_mapping
from safedose.judging.pairs import Pair
from safedose.judging.rewardfile import Direction, RewardFile, require_length
from safedose.progress import Watch
from safedose.provenance import describe_machine
from safedose.rewardcard import LEVEL, Made, Metric, card
from safedose.seeding import generator, rank
from safedose.stats.rates import wilson
from safedose.stats.resampling import cluster_bootstrap
from safedose.store.durable import remove, replacing

if TYPE_CHECKING:
    from safedose.judging.train_reward import Recipe, Target  # brings in torch

_STOPPED = "interrupted: nothing of this training is kept; the same command starts it anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a reward model is to be made from, and how.

    Attributes:
        data: A file of rows, or an id of the catalogue.
        model: The encoder: a folder or a Hub id with its commit.
        higher: What a higher rating means, or what the preferred answer is.
        threshold: Score at which harm begins; None: for ratings the middle between the lowest and the highest one
            trained on, for pairs none, since their scores have no zero.
        held_out: Share of the first prompts whose rows are kept for measuring, in (0, 1).
        mapping: `ours=theirs`, once per column of another name.
        licence: Of the data; the catalogue knows its own.
        skip_bad: Leave bad rows of a file out, counted; of the catalogue's they always are.
    """

    data: str
    model: str
    higher: Direction
    threshold: float | None = None
    held_out: float = 0.1
    mapping: Sequence[str] = ()
    licence: str = "not stated"
    skip_bad: bool = False


def train_reward(wishes: Wishes, recipe: Recipe, out: Path, watch: Watch) -> Made:
    """Train a reward model on a file and measure it on rows with prompts it never saw.

    Population of the metrics: rows like those of the file. Unit: dialogues with one first prompt go together; the
    interval of the accuracy of pairs takes rows as independent.

    Raises:
        InputError: Before any training, for whatever could not work.
        RunError: When the training fails; nothing is left then.
    """
    from safedose.judging import train_reward as training

    _check(wishes, recipe, out)
    base = find_base(wishes.model, root=Path(), what="model", where="--model")
    require_length(base, recipe.max_tokens, "--max-tokens")
    source = _read(wishes)
    kept, held = _split(source.rows, wishes, recipe.seed)
    kind: Literal["ratings", "pairs"] = "ratings" if isinstance(kept[0], Rated) else "pairs"
    threshold = wishes.threshold
    if threshold is None and kind == "ratings" and wishes.higher != "better":
        ratings = [row.rating for row in kept if isinstance(row, Rated)]
        threshold = (min(ratings) + max(ratings)) / 2
    file = RewardFile(
        layout=recipe.layout, max_tokens=recipe.max_tokens, higher=wishes.higher, threshold=threshold
    )  # fmt: skip
    targets = [_target(row) for row in kept]
    with interruption.telling(_STOPPED), replacing(out) as folder:
        folder.mkdir()
        try:
            with watch.stage("train", total=training.count_steps(len(targets), recipe), unit="steps") as advance:
                trained = training.train(base, targets, recipe, file, out=folder, advance=advance)
            scored = _score(Base(str(out), folder, ""), file, held, watch)
        except KeyboardInterrupt:
            remove(folder)
            raise
        made = Made(
            kind=kind, data=source.name, sha256=source.sha256, licence=source.licence, encoder=_named(base),
            file=file, recipe=recipe, trained=trained, num_bad=source.num_bad, num_held_out=len(held),
            num_unscored=len(held) - len(scored), metrics=_metrics(scored, targets, recipe.seed),
            machine=describe_machine(),
        )  # fmt: skip
        (folder / "README.md").write_text(card(made), encoding="utf-8")
    return made


def _check(wishes: Wishes, recipe: Recipe, out: Path) -> None:
    """Refuse numbers that cannot be, and to write over anything."""
    problem, where, fix = "", "", ""
    if out.exists():
        problem, where, fix = f"{out} is there already", "--out", "name a folder that does not exist"
    elif not 0 < wishes.held_out < 1:
        problem, where, fix = f"no part is {wishes.held_out}", "--held-out", "give a share between 0 and 1, such as 0.1"
    elif recipe.batch_size < 1 or recipe.micro_batch_size < 1 or recipe.batch_size % recipe.micro_batch_size:
        problem = f"batches of {recipe.batch_size} cannot be made of {recipe.micro_batch_size} rows at a time"
        where, fix = "--micro-batch-size", "give a divisor of --batch-size"
    elif recipe.epochs < 1 or not (recipe.learning_rate > 0 and math.isfinite(recipe.learning_rate)):
        problem = f"{recipe.epochs} epochs at a learning rate of {recipe.learning_rate} train nothing"
        where, fix = "--epochs, --learning-rate", "give 1 epoch or more, and a rate above 0"
    elif not 0 <= recipe.seed < 2**32:
        problem, where, fix = f"the seed is {recipe.seed}", "--seed", "give a whole number from 0, below 2**32"
    elif wishes.threshold is not None and not math.isfinite(wishes.threshold):
        problem, where, fix = f"the threshold is {wishes.threshold}", "--threshold", "give a finite number"
    elif wishes.threshold is not None and wishes.higher == "better":
        problem, where, fix = "a score of how good an answer is has no threshold of harm", "--threshold", "drop it"
    if problem:
        raise InputError(problem, where=where, cause="the options do not fit together", fix=fix)


class _Source(NamedTuple):
    """Judged dialogues, and where they are from."""

    rows: list[Rated | Preferred]
    name: str
    sha256: tuple[str, ...]
    licence: str
    num_bad: int


def _read(wishes: Wishes) -> _Source:
    """Read all judged dialogues; they must be of one kind."""
    mapping = read_mapping(wishes.mapping)
    check_mapping(mapping, COLUMNS, apart=COLUMNS)
    known = SOURCES.get(wishes.data)
    if known is None and "/" not in wishes.data and "." not in wishes.data:
        raise InputError(
            f"unknown source {wishes.data!r}", where="--data", cause="it is neither in the catalogue nor a file",
            fix=nearest(wishes.data, SOURCES),
        )  # fmt: skip
    paths = [found.path for found in places.require(known)] if known else [Path(wishes.data)]
    bad = BadRows(skip=wishes.skip_bad or known is not None)
    rows = [row for path in paths for row in read_judged(path, columns=mapping, bad=bad)]
    rated, preferred = ([row for row in rows if isinstance(row, kind)] for kind in (Rated, Preferred))
    if (rated and preferred) or not rows:
        raise InputError(
            f"{len(rated)} rows have ratings and {len(preferred)} are pairs", where=wishes.data,
            cause="a model is trained on one or the other", fix="split the file, or map the columns with --map",
        )  # fmt: skip
    return _Source(
        rows=rows, name=known.id if known else Path(wishes.data).name,
        sha256=tuple(places.hash_of(path) for path in paths), licence=known.licence if known else wishes.licence,
        num_bad=bad.num_rows,
    )  # fmt: skip


def _split(
    rows: Sequence[Rated | Preferred], wishes: Wishes, seed: int
) -> tuple[list[Rated | Preferred], list[Rated | Preferred]]:
    """Split rows into those to train on and those held out; rows with one first prompt stay together."""
    limit = int(wishes.held_out * 2**64)
    held = {one: int.from_bytes(rank(seed, "held out", one)[:8], "big") < limit for one in map(_first, rows)}
    kept, out = ([row for row in rows if held[_first(row)] is side] for side in (False, True))
    if not kept or not out:
        raise InputError(
            f"of {len(held)} different first prompts {sum(held.values())} are held out", where="--held-out",
            cause="there are too few rows, or the share is too near to 0 or 1",
            fix="give more rows, another --held-out, or another --seed",
        )  # fmt: skip
    return kept, out


def _first(row: Rated | Preferred) -> str:
    """Give the first thing a user said in a row."""
    said = row.dialogue if isinstance(row, Rated) else row.chosen
    return next((turn.text for turn in said.before if turn.speaker == "user"), said.prompt)


def _target(row: Rated | Preferred) -> Target:
    from safedose.judging.train_reward import Target

    if isinstance(row, Rated):
        return Target(_pair(row.dialogue), rating=row.rating)
    return Target(_pair(row.chosen), other=_pair(row.rejected))


def _pair(said: Conversation) -> Pair:
    return Pair(prompt=said.prompt, response=said.response, before=said.before)


class _Scored(NamedTuple):
    """What the trained judge says of a held-out row: of its answer, and of the other one of a pair."""

    row: Rated | Preferred
    score: float
    other: float


def _score(base: Base, file: RewardFile, rows: Sequence[Rated | Preferred], watch: Watch) -> list[_Scored]:
    """Score held-out rows just as the judge will; rows of which it cannot score an answer are left out."""
    from safedose.judging.scoring import LocalScorer

    scorer, scored = LocalScorer(lambda: base, file, "fp32", where="--out"), []
    with watch.stage("measure", total=len(rows), unit="rows") as advance:
        for row in rows:
            target = _target(row)
            score = scorer.score(target.answer).value
            other = scorer.score(target.other).value if target.other else 0.0
            if math.isfinite(score) and math.isfinite(other):
                scored.append(_Scored(row, score, other))
            advance(1, "")
    return scored


def _metrics(scored: Sequence[_Scored], targets: Sequence[Target], seed: int) -> dict[str, Metric]:
    if targets[0].rating is None:
        won = sum(1.0 if one.score > one.other else 0.5 * (one.score == one.other) for one in scored)
        low, high = wilson(won, len(scored), LEVEL) if scored else (None, None)
        return {"accuracy": Metric(won / len(scored) if scored else None, low, high, len(scored), "Wilson, ties half")}
    ratings = np.array([one.row.rating for one in scored if isinstance(one.row, Rated)])
    scores, clusters = np.array([one.score for one in scored]), [_first(one.row) for one in scored]
    mean = math.fsum(target.rating or 0.0 for target in targets) / len(targets)
    errors = {"mse": (scores - ratings) ** 2, "mae": abs(scores - ratings), "mse_of_mean": (mean - ratings) ** 2}
    found = {}
    for name, values in errors.items():
        ends = cluster_bootstrap(values, clusters, level=LEVEL, rng=generator(seed, "metric", name))
        value = float(values.mean()) if len(values) else None
        found[name] = Metric(value, ends.low, ends.high, len(values), "BCa bootstrap of first prompts")
    return {"correlation": _correlation(scores, ratings), **found}


def _correlation(scores: np.ndarray, ratings: np.ndarray) -> Metric:
    """Give Pearson's correlation with Fisher's interval; undefined for fewer than four rows or without variation."""
    from scipy import stats

    method = "Pearson; Fisher (1915), rows taken as independent"
    if len(scores) < 4 or np.ptp(scores) == 0 or np.ptp(ratings) == 0:
        return Metric(None, None, None, len(scores), method)
    found = stats.pearsonr(scores, ratings)
    low, high = found.confidence_interval(LEVEL)
    return Metric(float(found.statistic), float(low), float(high), len(scores), method)


def _named(base: Base) -> str:
    """Name the encoder without a path of this machine."""
    if base.commit:
        return f"{base.name.partition('@')[0]}@{base.commit}"
    return Path(base.name).name
