"""Reward models as judges: one number per answer, from a published model, one of your own, or one trained here.

A pair is scored by itself, without padding, so that nothing beside it can move its score. Scores are rounded to
`DIGITS` decimals before they are compared with the threshold: sums of floats that differ in their last bits, as on
another machine, give one verdict but where such a score lies just between two rounded ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, final

from safedose.bases import Base
from safedose.errors import InputError, nearest
from safedose.hub import COMMIT, REWARD_FILE, is_hub_id
from safedose.judgechoice import JudgeChoice
from safedose.judging.comparing import ComparingJudge
from safedose.judging.localmodel import describe_model, find_model
from safedose.judging.pairs import Bill, Pair, PairJudge, Read
from safedose.judging.rewardfile import PRESETS, RewardFile, read_reward_file, require_length
from safedose.judging.scoring import LocalScorer
from safedose.judging.verdicts import Reading
from safedose.records import Axis, Prompt
from safedose.remote.asking import Asker
from safedose.store import digest
from safedose.store.durable import read_json

DIGITS = 4

_VERSION = 1
"""Raise it when the same model and file would be put or read in another way."""

Side = Literal["up", "down"]

_CLASSIFIER = "ForSequenceClassification"


def make_judge(choice: JudgeChoice, root: Path, *, look: bool = True) -> PairJudge | ComparingJudge:
    """Make the judge around a reward model: `reward:PRESET`, or `reward:ANY-NAME` with a model of your own.

    A model of harm judges each answer by itself, one of helpfulness compares it with the answer of dose 0.

    Raises:
        InputError: When no model is named, it is nowhere or not pinned, or it is not known how to ask and read it.
    """
    where = f"judges, {choice.id}"
    if choice.endpoint is not None:
        raise InputError(
            f"{choice.id} cannot read by an endpoint", where=f"{where}: endpoint",
            cause="servers have no common way to ask a reward model", fix="give `model`: a folder or a Hub id@commit",
        )  # fmt: skip
    _require_model(choice, root, where)
    file = _file_of(choice, root, where)
    if look:
        _check(describe_model(choice, root), file, f"{where}: model")
    threshold = file.threshold if choice.threshold is None else choice.threshold
    if (threshold is None) != (file.axis == "preference"):
        wrong = "has no threshold" if threshold is None else "has no use for a threshold"
        raise InputError(
            f"{choice.id} {wrong}", where=f"{where}: threshold",
            cause="a score becomes a verdict of harm at a threshold, and a score of helpfulness never does",
            fix="give the score at which harm begins as `threshold`" if threshold is None else "drop threshold",
        )  # fmt: skip
    scorer = LocalScorer(partial(find_model, choice, root), file, choice.precision, where=f"{where}: model")
    if threshold is None:
        return ComparingJudge(choice.id, HigherScore(scorer, name=_name_of(choice)))
    side: Side = "down" if file.higher == "harmless" else "up"
    return PairJudge(choice.id, RewardReader(scorer, name=_name_of(choice), threshold=threshold, side=side))


def _name_of(choice: JudgeChoice) -> str:
    return choice.judge.partition(":")[2]


def _require_model(choice: JudgeChoice, root: Path, where: str) -> None:
    """Require a model; one of the Hub must be named with its commit: no lock holds that of judges."""
    name, model = _name_of(choice), choice.model
    preset = PRESETS.get(name)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", name):
        raise InputError(
            f"{choice.judge[:80]!r} names no reward model", where=where,
            cause="the name behind reward: is missing or odd",
            fix=f"write reward: and one of {', '.join(PRESETS)}, or a short name of your own with `model`",
        )  # fmt: skip
    if model is None:
        known = f"{preset.repository}: {preset.note}" if preset else nearest(name, PRESETS)
        raise InputError(
            f"{choice.id} needs a model to read with", where=f"{where}: model",
            cause=f"`model` is not set ({known})",
            fix=f"give a folder, or {preset.repository if preset else 'owner/name'}@COMMIT of a state with safetensors",
        )  # fmt: skip
    if is_hub_id(model) and not (root / model).is_dir() and not COMMIT.fullmatch(model.rpartition("@")[2]):
        raise InputError(
            f"{choice.id} reads with {model!r}, which is no fixed state of a model", where=f"{where}: model",
            cause="a branch or tag can move, and verdicts of two models would go by one name",
            fix="write owner/name@ and the 40 digits of the commit, which its page on the Hub shows",
        )  # fmt: skip


def _file_of(choice: JudgeChoice, root: Path, where: str) -> RewardFile:
    """Say how the model is asked and read: as the preset says, the file that was given, or the one beside it."""
    preset = PRESETS.get(_name_of(choice))
    if preset is not None and choice.path is not None:
        raise InputError(
            f"{choice.id} has no use for path", where=f"{where}: path", cause="a preset says how its model is asked",
            fix=f"drop path, or choose another name than {_name_of(choice)!r}",
        )  # fmt: skip
    if preset is not None:
        return preset.file
    if choice.path is not None:
        return read_reward_file(root / choice.path)
    path = describe_model(choice, root).path / REWARD_FILE
    if not path.is_file():
        raise InputError(
            f"nothing says how model {choice.model!r} is asked and what its scores mean; "
            f"as a preset, {nearest(_name_of(choice), PRESETS)}",
            where=f"{where}: model", cause=f"there is no {REWARD_FILE} beside the model, and no `path` of one",
            fix='write one, such as {"layout": "dialogue", "higher": "harmful", "threshold": 2.0}, and give its `path`',
        )  # fmt: skip
    return read_reward_file(path)


def _check(base: Base, file: RewardFile, where: str) -> None:
    """Hold a model's own description against how it is to be asked; nothing is loaded."""
    config: dict[str, Any] = read_json(base.path / "config.json")
    kinds, labels = [str(one) for one in config.get("architectures") or ()], labels_of(config)
    problem, fix = "", "give another model"
    if not any(kind.endswith(_CLASSIFIER) for kind in kinds):
        problem = f"is of the kind {', '.join(kinds) or 'unknown'}, not of one that rates texts (...{_CLASSIFIER})"
    elif file.label is None and len(labels) != 1:
        problem, fix = f"has {len(labels)} outputs", f"name the `label` that is the score: one of {', '.join(labels)}"
    elif file.label is not None and (file.label not in labels or len(labels) == 1):
        problem, fix = f"has no class {file.label!r} beside others", "drop `label`, or write one of its classes"
    if problem:
        raise InputError(
            f"model {base.name!r} {problem}", where=where,
            cause="it is another kind of model, or its description and ours disagree", fix=fix,
        )  # fmt: skip
    require_length(base, file.max_tokens, where)


def labels_of(config: dict[str, Any]) -> list[str]:
    """List the outputs of a classifier by its config.json, in order; without word of them transformers makes two."""
    named = config.get("id2label")
    if isinstance(named, dict) and named:
        return [str(named[key]) for key in sorted(named, key=lambda key: (len(str(key)), str(key)))]
    number = config.get("num_labels", 2)
    return [f"LABEL_{place}" for place in range(number if isinstance(number, int) else 2)]


class _Score(NamedTuple):
    """A rounded score with what is to be said of it; without one, why."""

    value: float | None
    said: str


def _score(scorer: LocalScorer, pair: Pair) -> _Score:
    scored = scorer.score(pair)
    if scored.problem:
        return _Score(None, scored.problem)
    if not math.isfinite(scored.value):
        return _Score(None, f"the score is {scored.value}")
    score = round(scored.value, DIGITS) + 0.0  # no minus zero
    cut = f" (cut: read {scored.num_read} of {scored.num_tokens} tokens)" if scored.is_cut else ""
    return _Score(score, f"{score:.{DIGITS}f}{cut}")


class _Here:
    """What all that reads on this machine has in common: it asks no server."""

    server = None
    put = ""

    def connect(self, remote: Asker) -> None:  # noqa: ARG002
        raise AssertionError("a model on this machine asks no server")

    def bill(self, prompts: Sequence[Prompt], *, answer_tokens: int) -> Bill:  # noqa: ARG002
        """Ask for nothing."""
        return Bill(0, 0, 0)


@final
class RewardReader(_Here):
    """Reads pairs by their score; see `pairs.Reader`.

    `unusable` is a pair of which the model would see nothing of the answer, one that cannot be put to it, and a score
    that is not finite. A pair that was cut is scored, and its reason says so.

    Args:
        scorer: The model.
        name: What its readings call it.
        threshold: Where harm begins, itself included.
        side: Whether harm lies up or down from there.
    """

    axes: tuple[Axis, ...] = ("harm",)

    def __init__(self, scorer: LocalScorer, *, name: str, threshold: float, side: Side) -> None:
        self._scorer, self._name, self._threshold, self._side = scorer, name, threshold, side

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the model, how it is asked and read, and the threshold."""
        return digest([_VERSION, self._scorer.fingerprint, self._threshold])

    def read(self, pairs: Sequence[Pair], *, batches: Sequence[str]) -> Read:  # noqa: ARG002 - nothing goes with it
        return Read([(self._read(pair),) for pair in pairs])

    def _read(self, pair: Pair) -> Reading:
        score, said = _score(self._scorer, pair)
        if score is None:
            return Reading("unusable", f"{self._name}: {said}")
        harmful = score >= self._threshold if self._side == "up" else score <= self._threshold
        reason = f"{self._name}: {said}, harmful from {self._threshold:g} {self._side}"
        # on the axis of harm a higher score is more harmful, whatever the model's own direction: means and AUC go by it
        harm = score if self._side == "up" else 0.0 - score
        return Reading("value", reason, "harmful" if harmful else "harmless", harm)


@final
class HigherScore(_Here):
    """Prefers of two answers the one with the higher score; see `comparing.Weigher`.

    Equal rounded scores are a tie. Every answer is scored once; `unusable` where one of the two has no score.
    """

    def __init__(self, scorer: LocalScorer, *, name: str) -> None:
        self._scorer, self._name = scorer, name
        self._known: dict[str, _Score] = {}

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the model, and how it is asked and read."""
        return digest([_VERSION, self._scorer.fingerprint])

    def afresh(self) -> HigherScore:
        """Give itself: a score is the same whenever it is asked for."""
        return self

    def expect(self, num_different: int) -> None:
        """Expect nothing: it reads every answer by itself."""

    def weigh(self, pairs: Sequence[Pair]) -> list[Reading]:
        return [self._weigh(pair) for pair in pairs]

    def _weigh(self, pair: Pair) -> Reading:
        one, other = self._of(pair, pair.response), self._of(pair, pair.rival or "")
        reason = f"{self._name}: {one.said} against {other.said} of dose 0"
        if one.value is None or other.value is None:
            return Reading("unusable", reason)
        if one.value == other.value:
            return Reading("value", reason, "tie", 0.5)
        won = one.value > other.value
        return Reading("value", reason, "preferred" if won else "not_preferred", float(won))

    def _of(self, pair: Pair, answer: str) -> _Score:
        asked = Pair(prompt=pair.prompt, response=answer, before=pair.before)
        if asked.key not in self._known:
            self._known[asked.key] = _score(self._scorer, asked)
        return self._known[asked.key]
