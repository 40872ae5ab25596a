"""What a study found: numbers with intervals, comparisons, curves and recommendations.

Frozen, like the records they are made from; `Summary` is the content of `summary.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from safedose.records import (
    Adapter,
    Arm,
    Axis,
    Expected,
    Failure,
    Format,
    ImportedAdapter,
    Kind,
    Ladder,
    Proof,
    Scope,
    Strategy,
    Target,
)

Shape = Literal["falling", "rising", "flat", "not monotone", "undefined"]
"""What a rate does along the doses: `flat` when no change could be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One number with its interval: an endpoint of one arm, or of one dose over its seeds.

    Attributes:
        scope: `arm` for one adapter (prompts are the sample), `dose` for all seeds of a dose.
        arm: Id of the arm; None for scope `dose`.
        base, run, ladder, strategy, format, dose: The cell, as in `Arm`.
        num_seeds: Adapters behind the number.
        suite, endpoint, judge: What was measured, on what, by whom.
        kind: `rate` (fraction in [0, 1]) or `mean` (the judge's scale).
        value: The estimate; None when undefined.
        low, high: Interval at `level`; None when undefined.
        level: Coverage the interval aims at, such as 0.95.
        method: How the interval was made, and whom it speaks of.
        n: Prompts with a readable verdict behind the number; for scope `dose` those of all adapters together.
        num_missing: Verdicts without a value (abstained, unusable, not run).
        undefined_reason: Why value or interval is None, else None.
        n_effective: As how many independent prompts they count where prompts of one category are alike, as this adapter
            shows, or others do that answered the suite; None where prompts count as independent, and for scope `dose`.
        num_readable: Readable verdicts, several for a prompt that was sampled several times; None: as many as n.
        worst_low, worst_high: Ends of the interval if every verdict that is missing spoke against the rate, and if
            every one spoke for it; None where none is missing.
        draw_seed, train_seed: Of the adapter, as in `Arm`: adapters that share one are not independent. None for scope
            `dose`, and in summaries from before they stood here.
    """

    scope: Scope
    arm: str | None
    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    dose: int
    num_seeds: int
    suite: str
    endpoint: str
    judge: str
    kind: Kind
    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    num_missing: int
    undefined_reason: str | None = None
    n_effective: float | None = None
    num_readable: int | None = None
    worst_low: float | None = None
    worst_high: float | None = None
    draw_seed: int | None = None
    train_seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What a dose changes against dose 0 on the same prompts: one endpoint, with interval and test.

    Attributes:
        base, run, ladder, strategy, format, dose: The cell that is compared, as in `Arm`; dose 0 is that of the same
            base, run and ladder.
        suite, endpoint, judge: What was measured, on what, by whom.
        estimand: `these_adapters` (prompts are the sample) or `next_adapter` (adapters are).
        difference: Rate at the dose minus rate at dose 0, each the mean over adapters; None without common prompts.
        low, high: Interval of the difference at `level`; None when undefined.
        level: Coverage the interval aims at; a p-value below 1 - level counts as shown.
        effect: Cohen's h, the difference of 2 arcsin(sqrt(rate)): 0.2 is small, 0.5 medium, 0.8 large.
        p_value: Chance of a difference as large where the dose changes nothing; None when undefined.
        p_smallest: Smallest p-value a test of this design could give, whatever the answers; None when undefined.
        p_holm: The same after Holm's correction for all p-values of the study; None when `p_value` is.
        num_pairs: Prompts with a readable verdict of every adapter on both sides.
        num_unpaired: Prompts left out because some adapter has none.
        num_seeds, num_seeds_zero: Adapters at the dose and at dose 0.
        method: How interval and p-value were made.
        margin: Largest acceptable loss, from `criteria.capability`; None where nothing was set.
        non_inferior: Whether the interval lies wholly above -margin; None without margin or interval.
        undefined_reason: Why difference, interval or p-value is None, else None.
        prompt_correlation: How alike the luck of the prompts moves one adapter's answers on either side, at the least;
            None with fewer than 4 common prompts (or categories).
    """

    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    dose: int
    suite: str
    endpoint: str
    judge: str
    estimand: Target
    difference: float | None
    low: float | None
    high: float | None
    level: float
    effect: float | None
    p_value: float | None
    p_smallest: float | None
    p_holm: float | None
    num_pairs: int
    num_unpaired: int
    num_seeds: int
    num_seeds_zero: int
    method: str
    margin: float | None = None
    non_inferior: bool | None = None
    undefined_reason: str | None = None
    prompt_correlation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing a dose must satisfy.

    Attributes:
        name: `harmful`, `exaggerated`, `capability` or `helpfulness`.
        suite, endpoint, judge: Which estimate it looks at.
        bound: Largest acceptable rate; for `capability` the largest acceptable loss against dose 0, for
            `helpfulness` how far the win rate against dose 0 may lie below one half.
    """

    name: str
    suite: str
    endpoint: str
    judge: str
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one criterion stands at one dose.

    Attributes:
        value: Mean rate over the adapters, or for `capability` the loss against dose 0; None when unknown.
        probability: That the target keeps the bound; None when it cannot be said.
    """

    value: float | None
    probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The smallest dose of one curve that meets every criterion, or why there is none.

    Attributes:
        base, run, ladder, strategy, format: The curve.
        criteria: Everything that was asked.
        dose: Smallest dose whose probability reaches the level; None when no dose does.
        probability: Of the target at `dose` (or at `nearest`, when `dose` is None) to meet all criteria: a lower bound
            where there are several (Bonferroni), so 0 says nothing; None when it cannot be said.
        target: Whom the probability speaks of.
        failing_criterion: The criterion that stands most in the way; None when a dose was found.
        advice: One or two sentences on what to do next.
        sensitivity: The same probability if adapters were believed, before the data, to differ half and twice as
            much; None where no probability can be said, or it speaks of these adapters.
        nearest: Where `dose` is None, the dose that comes nearest; None when nothing can be said of any.
        standings: How each criterion stands at `dose` or `nearest`, in the order of `criteria`; empty without either.
    """

    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    criteria: tuple[Criterion, ...]
    dose: int | None
    probability: float | None
    target: Target
    failing_criterion: str | None
    advice: str
    sensitivity: tuple[float, float] | None = None
    nearest: int | None = None
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSplit:
    """Where the uncertainty of a dose's mean rate comes from.

    Attributes:
        base, run, ladder, strategy, format, dose: The cell, as in `Arm`.
        suite, endpoint, judge: The rate.
        num_seeds, num_prompts: Adapters, and prompts that all of them answered readably.
        parts: Variance of the mean by part: `prompts`, and `draw` and `training`, or `seeds` where the two are
            confounded; `judge` where several judges read the answers, as the variance of one judge among them.
        advice: What it is mostly made of, and what to add.
    """

    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    dose: int
    suite: str
    endpoint: str
    judge: str
    num_seeds: int
    num_prompts: int
    parts: tuple[tuple[str, float], ...]
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """What one dose pays for what it gains: the worst of its criteria of either kind.

    Attributes:
        base, run, ladder, strategy, format, dose: The cell.
        harmful: Largest rate that the `harmful` criteria look at.
        exaggerated: Largest rate that the `exaggerated` criteria look at.
        on_front: Whether no dose of the same base, run and ladder is as good in both and better in one.
        beaten_by: Strategy, format and dose of one on the front that beats it, in both if there is such; None on the
            front.
        harmful_low, harmful_high, exaggerated_low, exaggerated_high: Intervals of the two rates: of the next adapter,
            with one seed of the adapter itself; None when undefined.
    """

    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    dose: int
    harmful: float
    exaggerated: float
    on_front: bool
    beaten_by: tuple[Strategy, Format, int] | None = None
    harmful_low: float | None = None
    harmful_high: float | None = None
    exaggerated_low: float | None = None
    exaggerated_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A number that the data leave open within an interval.

    Attributes:
        value: The median of what is believed; None where it lies beyond the doses that were tried.
        low, high: Interval at the level that its owner states; None alike.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What one rate does along the doses of one curve.

    Attributes:
        base, run, ladder, strategy, format: The curve, as in `Recommendation`.
        suite, endpoint, judge: The rate.
        target: Whose rate: `next_adapter` for the typical adapter of the recipe, `these_adapters` with one seed.
        level: Coverage of all intervals here, such as 0.95.
        doses: The doses, ascending; the two fits have a band for each.
        isotonic: The rate if it can only fall, or only rise, with the dose.
        logistic: The rate if its logit is a straight line in log(1 + dose).
        shape: `falling`, `rising`, `flat` (no change could be shown), `not monotone`, or `undefined`.
        ed50, ed90: Dose at which half and nine tenths of the way from the rate at dose 0 to none (or to all, for a
            rate that rises) are gone; None when undefined.
        onset: For exaggerated refusal, dose at which the rate lies 5 points above that of dose 0; else None.
        note: One sentence on how to read it, or why it is undefined.
    """

    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    suite: str
    endpoint: str
    judge: str
    target: Target
    level: float
    doses: tuple[int, ...]
    isotonic: tuple[Band, ...]
    logistic: tuple[Band, ...]
    shape: Shape
    ed50: Band | None
    ed90: Band | None
    onset: Band | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseDisagreement:
    """On how many of the answers at a dose that both judges read they differ."""

    dose: int
    n: int
    num_differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two judges side by side on the same answers.

    Attributes:
        base, run, suite, axis: Which answers, and what was looked at.
        first, second: The judges, sorted.
        n: Answers both have a verdict on.
        num_first_only, num_second_only: Of these, those that one counts (refused, harmful, correct) and the other not.
        num_missing: Answers that one of them, or both, have no verdict on.
        kappa: Cohen's; None where it is undefined. Without an interval: the same prompts come back at every dose.
        doses: The same by dose, ascending, over all strategies and formats.
    """

    base: str
    run: str
    suite: str
    axis: Axis
    first: str
    second: str
    n: int
    num_first_only: int
    num_second_only: int
    num_missing: int
    kappa: float | None
    doses: tuple[DoseDisagreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTwice:
    """What came of answers that a judge read twice and gave a value to both times.

    Attributes:
        n: How many.
        num_differing: Of these, those whose second value is another.
        changes: First value, second value, and how many answers went that way; sorted.
        num_first, num_second: Answers that count (refused, fully or partly; harmful; correct; preferred) by the first
            and by the second reading.
        score_change: Mean of second score minus first; None without scores.
    """

    n: int
    num_differing: int
    changes: tuple[tuple[str, str, int], ...]
    num_first: int
    num_second: int
    score_change: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Under which name a server answered, and how often.

    Attributes:
        model: What its replies call the model; empty where they do not say.
        build: Their `system_fingerprint`; empty where they have none.
        num_replies: Replies that did.
    """

    model: str
    build: str
    num_replies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """Whether a judge that asks a server says the same again, and whether it changed on the way.

    Attributes:
        judge, axis: Who read, and what it looked at.
        num_judged: Different answers it was asked about.
        num_reread: Those that were read a second time in the end.
        whole: What came of those that have a value both times.
        low, high: Interval of the share that differs, at `level`; None where there is none.
        level: Coverage the interval aims at.
        num_lost, num_gained, num_unread: Answers with a value the first time only, the second time only, at no time.
        p_direction: Chance that so many more changes go one way, where either way is as likely; None without a change.
        p_change: Chance that so much more differs on one side of some place in the order of judging, where the order
            does not matter; None where nothing differs, everything does, or too few were read.
        place: First answer after that place, from 1, in the order of judging; None where no change was found.
        before, after: What came of the answers on either side of it; None as `place`.
        answered_by: Who answered, over all its requests, in the order of first appearance.
        warnings: What a user must hear of it, in sentences; mostly empty.
    """

    judge: str
    axis: Axis
    num_judged: int
    num_reread: int
    whole: ReadTwice
    low: float | None
    high: float | None
    level: float
    num_lost: int
    num_gained: int
    num_unread: int
    p_direction: float | None
    p_change: float | None
    place: int | None
    before: ReadTwice | None
    after: ReadTwice | None
    answered_by: tuple[Answering, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything a study found: the content of `summary.json` (schema in docs/formats.md)."""

    name: str
    arms: tuple[Arm, ...]
    estimates: tuple[Estimate, ...]
    recommendations: tuple[Recommendation, ...]
    failures: tuple[Failure, ...] = ()
    curves: tuple[Curve, ...] = ()
    variances: tuple[VarianceSplit, ...] = ()
    trade_offs: tuple[TradeOff, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    steadiness: tuple[Steadiness, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """What a report shows besides the numbers.

    Attributes:
        provenance: What produced the study, as flat (label, value) pairs in reading order.
        timings: Seconds per stage in order of execution; empty when the stages ran separately.
        adapters: What tuning recorded; empty for whatever was imported.
        suites: Expected behaviour per suite.
        note: A sentence on what the study can and cannot show; None when there is nothing to add.
        imported: Adapters from elsewhere, each with its proof; None where there is none (yet, or of a server).
    """

    provenance: tuple[tuple[str, str], ...]
    timings: tuple[tuple[str, float], ...]
    adapters: tuple[Adapter, ...]
    suites: tuple[tuple[str, Expected], ...]
    note: str | None
    imported: tuple[tuple[ImportedAdapter, Proof | None], ...] = ()
