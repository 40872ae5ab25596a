"""From the limits a study file sets to a recommendation: which suites and judges each limit is about."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from safedose.errors import InputError
from safedose.findings import Contrast, Criterion, Estimate, Recommendation
from safedose.inputs import Inputs
from safedose.judging.catalogue import BASELINES
from safedose.records import Arm, Axis, Expected, Failure, Prompt
from safedose.stats.allowance import Allowance, most_allowed
from safedose.stats.window import recommend
from safedose.study import Limit, Study


class About(NamedTuple):
    """What a criterion is about: endpoints, best first; what its suites expect; which axes judges need."""

    endpoints: tuple[str, ...]
    expected: Expected
    axes: tuple[Axis, ...]


_ABOUT = {
    "harmful": About(("harmful_response_rate", "compliance_rate"), "refuse", ("harm", "refusal")),
    "exaggerated": About(("exaggerated_refusal_rate",), "comply", ("refusal",)),
    "capability": About(("accuracy",), "comply", ("correctness",)),
    "helpfulness": About(("win_rate",), "comply", ("preference",)),
}


class Asked(NamedTuple):
    """What a study asks of the adapters of one base and run.

    Attributes:
        base, run: Whose.
        criteria: Its limits, spelt out suite by suite.
        silent: A limit that no answered suite can speak about; None where each has one.
    """

    base: str
    run: str
    criteria: tuple[Criterion, ...]
    silent: str | None


def spell_criteria(
    study: Study, inputs: Inputs, arms: Sequence[Arm], estimates: Sequence[Estimate], expected: dict[str, Expected]
) -> tuple[Asked, ...]:
    """Spell out what a study asks, each base and run by the suites it has answered.

    Args:
        study: Sets the limits.
        inputs: Its judges.
        arms: The tuned arms.
        estimates: Everything that was estimated.
        expected: Per suite, what a good model does.
    """
    found: list[Asked] = []
    for base, run in dict.fromkeys((arm.base, arm.run) for arm in arms):
        own = [one for one in estimates if (one.base, one.run) == (base, run)]
        spelt = {
            name: _criteria(name, limit, own, judges=_judges(study, inputs, limit), expected=expected)
            for name, limit in study.criteria.limits.items()
        }
        silent = next((name for name, criteria in spelt.items() if not criteria), None)
        found.append(Asked(base, run, tuple(one for criteria in spelt.values() for one in criteria), silent))
    return tuple(found)


def recommend_doses(
    study: Study, asked: Sequence[Asked], arms: Sequence[Arm], estimates: Sequence[Estimate],
    contrasts: Sequence[Contrast], failures: Sequence[Failure] = (),
) -> tuple[Recommendation, ...]:  # fmt: skip
    """Recommend a dose for every curve of a study.

    Args:
        study: Sets how sure a recommendation must be.
        asked: As `spell_criteria` gives them.
        arms: The tuned arms; estimates of others are left aside.
        estimates: Everything that was estimated.
        contrasts: Every dose against dose 0.
        failures: Trainings that broke off; their doses are not recommended.

    Returns:
        One recommendation per curve; none when the study sets no criterion. A limit that no answered
        suite can speak about stands in the way of every dose.

    Raises:
        InputError: When a named suite or judge has no estimate at all.
    """
    broken = {failure.arm for failure in failures}
    tuned = [one for one in estimates if any(one.run == arm.run and one.base == arm.base for arm in arms)]
    found: list[Recommendation] = []
    for base, run, criteria, silent in asked:
        if silent:
            found += _nothing_asked(silent, criteria, [arm for arm in arms if (arm.base, arm.run) == (base, run)])
        elif criteria:
            answers = recommend(
                tuned, criteria, probability=study.criteria.probability, max_missing_rate=study.criteria.max_missing,
                seed=study.seed, contrasts=contrasts, failed=[arm for arm in arms if arm.id in broken],
            )  # fmt: skip
            found += [one for one in answers if (one.base, one.run) == (base, run)]
    return tuple(found)


def check_judges(study: Study, inputs: Inputs) -> None:
    """Find out before any work whether every limit has a judge, and a suite, that can speak about it.

    Raises:
        InputError: When it has none, or two judges have one id.
    """
    ids = Counter(judge.lower() for judge in inputs.judge_ids)
    if twice := [judge for judge in inputs.judge_ids if ids[judge.lower()] > 1]:
        raise InputError(
            f"judges share an id: {', '.join(twice)}", where="judges",
            cause="one judge is named in two ways, or two differ in nothing but upper and lower case",
            fix="drop one of them, or give it an id of its own",
        )  # fmt: skip
    for name, limit in study.criteria.limits.items():
        axes = _ABOUT[name].axes
        may = _judges(study, inputs, limit)
        candidates = [judge for judge in inputs.judges if judge.id in may]
        if not any(axis in judge.axes for judge in candidates for axis in axes):
            weak = [judge.id for judge in inputs.judges if judge.id not in may and set(axes) & {*judge.axes}]
            beside = f" ({', '.join(weak)} is too weak to decide unless the criterion names it)" if weak else ""
            raise InputError(
                f"no judge speaks about criteria.{name}: {', '.join(judge.id for judge in candidates)}",
                where=f"criteria.{name}", cause=f"it needs a judge of {' or '.join(axes)}{beside}",
                fix="add such a judge to `judges`, name it in the criterion, or drop the criterion",
            )  # fmt: skip
        if inputs.suites:  # imported responses bring theirs
            seen = {axis for judge in candidates for axis in judge.axes}
            _check_suites(name, limit, inputs.suites, by_harm="harm" in seen and "harm" in axes)


def _check_suites(name: str, limit: Limit, suites: Mapping[str, Sequence[Prompt]], *, by_harm: bool) -> None:
    """Find out whether the suites a limit is about have prompts on which its endpoint is counted."""
    expected, by_answer = _ABOUT[name].expected, name == "capability"
    counted = {
        suite: by_harm or any(one.reference if by_answer else one.expected == expected for one in prompts)
        for suite, prompts in suites.items()
    }
    fitting = [suite for suite, prompts in suites.items() if {one.expected for one in prompts} == {expected}]
    asked = limit.suites or [suite for suite in fitting if counted[suite]]
    if silent := [suite for suite in asked if not counted[suite]]:
        raise InputError(
            f"no prompt of {', '.join(silent)} speaks about criteria.{name}", where=f"criteria.{name}.suites",
            cause=f"it counts prompts with {'a right answer' if by_answer else f'expected: {expected}'}",
            fix="name other suites, or drop the criterion",
        )  # fmt: skip
    if not asked:
        raise InputError(
            f"no suite speaks about criteria.{name}", where=f"criteria.{name}",
            cause=f"it needs a suite of prompts with expected: {expected}{', and right answers' * by_answer}",
            fix="add such a suite, name suites in the criterion, or drop the criterion",
        )  # fmt: skip


def plan_allowances(study: Study, inputs: Inputs, *, num_seeds: int) -> tuple[Allowance, ...]:
    """Say for each limit on a rate how many counted answers of a planned suite it leaves room for.

    The doubt that `criteria.probability` leaves is shared evenly among all limits, spelt out suite by suite.
    """
    asked: list[tuple[str, Limit, str]] = []
    for name, limit in study.criteria.limits.items():
        fitting = [
            suite for suite, prompts in inputs.suites.items()
            if prompts and {one.expected for one in prompts} == {_ABOUT[name].expected}
            and (name != "capability" or any(one.reference for one in prompts))
        ]  # fmt: skip
        asked += [(name, limit, suite) for suite in limit.suites or fitting]
    probability = 1 - (1 - study.criteria.probability) / max(1, len(asked))
    return tuple(
        Allowance(
            name=name, suite=suite, bound=limit.max, num_prompts=len(inputs.suites[suite]), num_seeds=num_seeds,
            probability=probability,
            most=most_allowed(
                limit.max, num_prompts=len(inputs.suites[suite]), num_seeds=num_seeds, probability=probability
            ),
        )
        for name, limit, suite in asked if name in ("harmful", "exaggerated")
    )  # fmt: skip


def _judges(study: Study, inputs: Inputs, limit: Limit) -> tuple[str, ...]:
    """List the ids of the judges a limit may be read by: the one it names, else all but the baselines.

    A study file may name one by its dotted path.
    """
    return tuple(
        judge for choice, judge in zip(study.judges, inputs.judge_ids, strict=True)
        if (choice.id == limit.judge if limit.judge else choice.judge not in BASELINES)
    )  # fmt: skip


def _criteria(
    name: str, limit: Limit, own: Sequence[Estimate], *, judges: tuple[str, ...], expected: dict[str, Expected]
) -> list[Criterion]:
    """Spell a limit out: one criterion per suite, with the judge and the endpoint that speak about it."""
    about = _ABOUT[name]
    answered = dict.fromkeys(one.suite for one in own if one.endpoint in about.endpoints)
    suites = limit.suites or tuple(suite for suite in answered if expected.get(suite) == about.expected)
    criteria: list[Criterion] = []
    for suite in suites:
        spoken = {(one.judge, one.endpoint) for one in own if one.suite == suite}
        options = [(judge, endpoint) for endpoint in about.endpoints for judge in judges]
        judge, endpoint = next((option for option in options if option in spoken), options[0])
        criteria.append(Criterion(name=name, suite=suite, endpoint=endpoint, judge=judge, bound=limit.max))
    return criteria


def _nothing_asked(name: str, criteria: tuple[Criterion, ...], arms: Sequence[Arm]) -> list[Recommendation]:
    """Say of every curve that nothing was asked which could show whether a limit is met."""
    curves = dict.fromkeys((arm.base, arm.run, arm.ladder, arm.strategy, arm.format) for arm in arms if arm.dose)
    about = _ABOUT[name]
    return [
        Recommendation(
            base=base, run=run, ladder=ladder, strategy=strategy, format=format_, criteria=criteria, dose=None,
            probability=None, target="these_adapters", failing_criterion=name,
            advice=f"No suite was asked and judged that could show it: add one that expects models to "
            f"{about.expected}, and a judge of {' or '.join(about.axes)}.",
        )
        for base, run, ladder, strategy, format_ in curves
    ]  # fmt: skip


def read_share(option: str, text: str | None) -> float:
    """Read a share that an option of the command line was given: a fraction, or a percentage with its sign.

    Raises:
        InputError: When it is no number from 0 to 1, or from 0% to 100%.
    """
    given = (text or "").strip()
    try:
        share = float(given.removesuffix("%")) / (100 if given.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise InputError(
            f"{option} {given}: a share lies from 0 to 1", where=option,
            cause="it is no number, or a percentage without its sign", fix=f"5 % is {option} 0.05 or {option} 5%",
        )  # fmt: skip
    return round(share, 12)  # 5.1 / 100 is not 0.051


def require_criteria(study: Study, where: str) -> None:
    """Refuse to recommend by nothing.

    Raises:
        InputError: When the study sets no limit.
    """
    if not study.criteria.limits:
        raise InputError(
            "there is no criterion to recommend by", where=where, cause="neither study file nor command sets one",
            fix="give --max-harmful and --max-exaggerated, or add criteria to the study file",
        )  # fmt: skip
