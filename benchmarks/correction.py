"""Does the corrected rate's interval hold what it promises? Coverage, width and bias where the truth is known.

Run it with `python benchmarks/correction.py [STUDIES]`: 60 simulated studies per setting by default, on one core; then
the settings that did worst again, with more. A setting has 1,000 or 100 responses, of which three in ten are hard: what
is to be counted is more frequent among them and the judge errs about twice as often, so that who is labelled matters.
Labels are drawn in four ways: by the judge's verdict, hard ones more often, hard ones less often, and by verdict and
hardness in equal numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from safedose.stats import correct_pooled, correct_rate, prediction_powered
from safedose.stats.labelled import Audit

HARD = 0.3  # share of hard responses
LEVEL = 0.95
NUM_DRAWS = 1500
PREVALENCES = (0.01, 0.05, 0.2, 0.5, 0.9)
JUDGES = ((0.7, 0.7), (0.7, 0.99), (0.99, 0.7), (0.9, 0.9), (0.99, 0.99))
LABELS = (30, 100, 400)
DESIGNS = {"verdict": (0.6, 0.4), "hard more": (0.4, 0.6), "hard less": (0.9, 0.1), "both": (0.25,) * 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true: how frequent the counted is, how the judge errs, how many are labelled and how they are drawn."""

    rate: float
    sensitivity: float
    specificity: float
    num_labels: int
    design: str
    num_responses: int = 1000


BIASED = World(rate=0.2, sensitivity=0.7, specificity=0.9, num_labels=100, design="hard more")
"""Where forgetting the weights shows at once."""


def worlds(num_responses: int = 1000) -> Iterator[World]:
    """List every setting."""
    for rate, (sensitivity, specificity), num, design in product(
        PREVALENCES, JUDGES, [num for num in LABELS if num <= num_responses], DESIGNS
    ):
        yield World(
            rate=rate,
            sensitivity=sensitivity,
            specificity=specificity,
            num_labels=num,
            design=design,
            num_responses=num_responses,
        )


def simulate(world: World, rng: np.random.Generator) -> tuple[Audit, np.ndarray]:
    """Draw responses, people's opinion of all of them, verdicts, and which ones people were asked about."""
    hard = rng.random(world.num_responses) < HARD
    truth = rng.random(world.num_responses) < np.where(hard, *_split(world.rate, 1.8))
    missed = np.where(hard, *_split(1 - world.sensitivity, 2.0))
    alarmed = np.where(hard, *_split(1 - world.specificity, 2.0))
    judged = np.where(truth, rng.random(len(truth)) >= missed, rng.random(len(truth)) < alarmed)
    strata = {"verdict": judged * 1, "both": 2 * hard + judged}.get(world.design, hard * 1)
    probability, people = np.ones(len(truth)), np.full(len(truth), np.nan)
    for code, share in enumerate(DESIGNS[world.design]):
        members = np.flatnonzero(strata == code)
        num = min(len(members), max(1, round(share * world.num_labels)))
        if num:
            drawn = rng.choice(members, num, replace=False)
            probability[members], people[drawn] = num / len(members), truth[drawn]
    return (
        Audit(
            judged=judged.astype(float),
            people=people,
            probability=probability,
            strata=strata.astype(np.intp),
            prompts=np.arange(len(truth)),
        ),
        truth,
    )


def _split(rate: float, factor: float) -> tuple[float, float]:
    """Give the rates among hard and easy responses that average to `rate`."""
    hard = min(factor * rate, (1 + rate) / 2)
    return hard, (rate - HARD * hard) / (1 - HARD)


def unweighted(audit: Audit) -> Audit:
    """Forget how the labels were drawn: the mistake that the weights are there for."""
    return replace(audit, probability=np.ones(len(audit.judged)), strata=np.zeros(len(audit.judged), dtype=np.intp))


def cover(world: World, num_studies: int, seed: int = 1) -> tuple[float, float]:
    """Give the share of studies whose interval holds the truth, and the mean width."""
    rng = np.random.default_rng(seed)
    found = [
        correct_rate(simulate(world, rng)[0], level=LEVEL, rng=rng, num_draws=NUM_DRAWS) for _ in range(num_studies)
    ]
    hits = np.mean([one.low <= world.rate <= one.high for one in found])
    return float(hits), float(np.mean([one.high - one.low for one in found]))


def deviation(world: World, num_studies: int, weighted: bool, seed: int = 2) -> float:
    """Give the mean error of `prediction_powered` against all people's opinions, in standard errors of that mean.

    The judge is trusted fully (tuning 1), which is where the estimate is unbiased exactly.
    """
    rng, errors = np.random.default_rng(seed), []
    for _ in range(num_studies):
        audit, truth = simulate(world, rng)
        errors.append(prediction_powered(audit if weighted else unweighted(audit), 1.0) - truth.mean())
    return float(np.mean(errors) / (np.std(errors, ddof=1) / np.sqrt(num_studies)))


def cover_pooled(rates: Sequence[float], num_labels: int, num_studies: int, margin: float) -> tuple[float, float]:
    """Give how often pooling was allowed, and how often its intervals held the truth where it was."""
    rng, allowed, hits = np.random.default_rng(3), 0, []
    for _ in range(num_studies):
        audits = {}
        for dose, rate in enumerate(rates):
            world = World(rate=rate, sensitivity=0.95, specificity=0.95, num_labels=num_labels, design="verdict")
            audits[dose] = simulate(world, rng)[0]
        found = correct_pooled(audits, margin=margin, level=LEVEL, rng=rng)
        if found[0].value is not None:
            allowed += 1
            hits += [found[dose].low <= rate <= found[dose].high for dose, rate in enumerate(rates)]
    return allowed / num_studies, float(np.mean(hits)) if hits else float("nan")


def report(num_responses: int, num_studies: int) -> None:
    """Try every setting, then the twenty lowest again with other studies, ten times as many."""
    found = [(*cover(world, num_studies), world) for world in worlds(num_responses)]
    covered = np.array([one[0] for one in found])
    print(f"{num_responses} responses, {len(found)} settings of {num_studies} studies: coverage {covered.mean():.3f}")
    for num in sorted({world.num_labels for *_, world in found}):
        shares, widths = zip(*(one[:2] for one in found if one[2].num_labels == num), strict=True)
        print(f"  {num:>3} labels: coverage {np.mean(shares):.3f}, mean width {np.mean(widths):.3f}")
    print(f"the twenty lowest again, {10 * num_studies} other studies each:")
    for _, _, world in sorted(found, key=lambda one: one[0])[:20]:
        share, width = cover(world, 10 * num_studies, seed=4)
        print(f"  {share:.3f}, width {width:.3f}, {world}")


def main(num_studies: int = 60) -> None:
    """Print the figures of docs/statistics-judges.md."""
    for num_responses in (1000, 100):
        report(num_responses, num_studies)
    for weighted in (True, False):
        error = deviation(BIASED, 1000, weighted)
        print(f"mean error {'with' if weighted else 'without'} weights: {error:+.1f} standard errors")
    share, covered = cover_pooled((0.4, 0.3, 0.2), 600, 5 * num_studies, 0.1)
    print(f"pooled over three doses, margin 0.1: allowed in {share:.2f} of studies, coverage {covered:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
