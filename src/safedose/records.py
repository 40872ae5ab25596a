"""The frozen values that flow between stages: every stage reads some of these and writes others.

Stages never call each other; they exchange these records through files in the study folder.
All rates are fractions in [0, 1]; a dose is always a number of rows (an int).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["instruction", "question", "opinion"]
"""How a single prompt is phrased: an order, a question, or a request for an opinion."""

Format = Literal["none", "instruction", "question", "opinion", "mixed"]
"""How the safety rows of an arm are phrased; `none` belongs to dose 0."""

Strategy = Literal["none", "direct", "balanced"]
"""How a dose is composed; `none` belongs to dose 0."""

Ladder = Literal["add", "replace", "fixed_steps"]
"""What stays fixed while the dose grows: the instruction rows, all rows, or the optimizer steps."""

Role = Literal["instruction", "safety", "contrast"]
"""Why a row is in a mixture."""

Expected = Literal["refuse", "comply", "either"]
"""The behaviour a suite asks of a safe and helpful model."""

Axis = Literal["refusal", "harm", "correctness"]
"""What a judge looks at."""

State = Literal["value", "abstained", "unusable", "not_run"]
"""Whether a verdict carries a value, and if not, why not."""

Finish = Literal["stop", "length", "imported", "failed"]
"""Why a response ended: the model stopped, the token limit cut it, nobody knows, or a server gave none."""

Scope = Literal["arm", "dose"]
"""Whether an estimate speaks of one trained adapter or of all adapters trained at one dose."""

Kind = Literal["rate", "mean"]
"""Whether an estimate is a fraction in [0, 1] or a mean on a judge's own scale."""

Shape = Literal["falling", "rising", "flat", "not monotone", "undefined"]
"""What a rate does along the doses: `flat` when no change could be shown."""

Target = Literal["next_adapter", "these_adapters"]
"""Whom a statement is about: the next adapter trained the same way, or only the ones measured."""


Speaker = Literal["system", "user", "assistant"]
"""Who says a turn of a conversation."""


UNTUNED = "untuned"
"""Run label of the reference arm that asks the base without any adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said in a conversation, and by whom."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One training row: a prompt and the answer the model should learn to give.

    Attributes:
        item: Names the underlying request. The instruction and question phrasings of one request
            share it, so that a dose in another format is a dose of the same items.
        prompt: What the user says. Never empty.
        response: What the assistant should answer. Never empty.
        source: Id of the source in the catalogue.
        row: Position of the row in its source, from 0.
        licence: Licence of the source as its publisher states it.
        category: What the row is about (a harm category for safety rows). Doses are stratified by it.
        form: How the prompt is phrased.
        before: What was said before the prompt, oldest first: a system turn at most at the start, then user
            and assistant by turns. The model learns the assistant's earlier turns too.
    """

    item: str
    prompt: str
    response: str
    source: str
    row: int
    licence: str
    category: str
    form: Form
    before: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One test prompt of a suite, with the behaviour a good model shows.

    Attributes:
        id: Unique inside its suite.
        suite: Name of the suite.
        text: What is asked. Harmful text may stand here: reports leave it out by default.
        expected: Whether a good model refuses, complies, or either is fine.
        category: Topic or template of the prompt; prompts of one category are not independent.
        form: How it is phrased; None where nobody said.
        reference: The right answer for capability suites, else None.
        before: What was said before, as in `Example`.
    """

    id: str
    suite: str
    text: str
    expected: Expected
    category: str = ""
    form: Form | None = None
    reference: str | None = None
    before: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One tuned model of a study: the base plus one dose of safety data under one pair of seeds.

    Attributes:
        id: Folder name: readable front, then a hash of everything that makes the arm.
        base: The base model as the study names it.
        run: Free label that keeps apart arms which are not comparable (two imported trainings).
        ladder: What stays fixed while the dose grows.
        strategy: How the dose is composed; `none` at dose 0.
        format: How the safety rows are phrased; `none` at dose 0.
        dose: Number of safety rows mixed in.
        draw_seed: Which safety rows are drawn (index of the draw, from 0).
        train_seed: Which initialisation and row order (index of the training, from 0).
    """

    id: str
    base: str
    run: str
    ladder: Ladder
    strategy: Strategy
    format: Format
    dose: int
    draw_seed: int
    train_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedRow:
    """One row of a mixture: the example, why it is there, in words a reader of the manifest understands."""

    example: Example
    role: Role
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """The exact training rows of one arm in training-file order.

    Attributes:
        arm: Id of the arm.
        rows: Every row, in order; the order is a function of the seeds alone.
        num_step_rows: Number of rows that decides the optimizer steps of an epoch. Equals the
            number of rows except on the `fixed_steps` ladder, where it is that of dose 0.
    """

    arm: str
    rows: tuple[MixedRow, ...]
    num_step_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A tuned adapter and the proof that it does something.

    Attributes:
        arm: Id of the arm.
        num_rows: Training rows, held-out validation rows not counted.
        num_cut: Training rows that reached `max_length` and lost their end.
        num_steps: Optimizer steps taken.
        micro_batch_size: Rows per forward pass; fewer than the settings say if memory ran out.
        kept_step: Step whose weights were kept (the last, or the one of best validation loss).
        train_loss: Mean training loss over the run, in nats per answer token.
        validation_loss: Loss on the held-out rows at `kept_step`; None when nothing was held out.
        logit_difference: Largest absolute difference to the base's logits on the probe prompts; > 0.
        precision: In what the base was computed: `fp32`, `bf16` or `fp16`.
    """

    arm: str
    num_rows: int
    num_cut: int
    num_steps: int
    micro_batch_size: int
    kept_step: int
    train_loss: float
    validation_loss: float | None
    logit_difference: float
    precision: str = "fp32"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAdapter:
    """An adapter that was trained elsewhere and brought in.

    Attributes:
        arm: What the table of doses says it is.
        folder: Where it lay in the folder of adapters; `.` for that folder itself.
        trained_on: The base that its configuration names; empty where it names none.
        rank: Rank of its LoRA layers, where no pattern says otherwise.
        num_weights: Numbers in its file of weights.
    """

    arm: Arm
    folder: str
    trained_on: str
    rank: int
    num_weights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an adapter from elsewhere does something to the base it is put on.

    Attributes:
        arm: Id of the arm.
        logit_difference: As in `Adapter`.
    """

    arm: str
    logit_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A training that broke off: the arm has no adapter and is not asked.

    Attributes:
        arm: Id of the arm.
        step: Optimizer step at which it broke off, from 1.
        reason: What happened.
        kept_step: Step of the last good checkpoint, which is kept; None when there is none.
    """

    arm: str
    step: int
    reason: str
    kept_step: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What one arm said to one prompt.

    Attributes:
        arm: Id of the arm.
        prompt: The prompt, carried along so that a file of responses can be judged on its own.
        sample: Which of several samples of the same prompt, from 0.
        text: The answer, without control tokens.
        finish: Why it ended.
        num_tokens: Generated tokens, the end token included; None for imported responses.
        batch: Number of the planned batch it was generated in; None for imported responses.
        split: Which part of a batch that did not fit into memory, half by half (`01` is the second half
            of the first half); empty for a whole batch.
        thinking: What the model wrote between thinking marks before the answer; judges do not read it.
        error: Why there is no text, where `finish` is `failed`; else empty.
    """

    arm: str
    prompt: Prompt
    sample: int
    text: str
    finish: Finish
    num_tokens: int | None = None
    batch: int | None = None
    split: str = ""
    thinking: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judge's reading of one response along one axis.

    Attributes:
        arm, suite, prompt_id, sample: Name the response.
        expected, category: Copied from the prompt: what an estimate needs besides the value.
        judge: Id of the judge.
        axis: What was looked at.
        state: `value` when there is a value; otherwise why there is none. Missing is never a default.
        value: `complied`, `partial_refusal` or `full_refusal` on the refusal axis; `harmful` or
            `harmless` on the harm axis; `correct` or `wrong` on the correctness axis. None unless
            state is `value`.
        score: The judge's own number, if it has one.
        reason: Why, in the judge's words: the phrase matched, the failure met.
    """

    arm: str
    suite: str
    prompt_id: str
    sample: int
    expected: Expected
    category: str
    judge: str
    axis: Axis
    state: State
    value: str | None = None
    score: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One person's verdict on one response along one axis.

    Attributes:
        arm, suite, prompt_id, sample: Name the response.
        axis: What was looked at.
        value: As `Verdict.value` on that axis. A person who cannot say leaves no label.
        rater: Who said it, under a name that is not the person's own.
        stratum: The group of responses it was drawn from, such as "dose 500, judged harmful".
        inclusion_probability: Chance that this response was drawn for labelling, in (0, 1]. Its inverse is
            the number of responses it stands for; without it no rate can be corrected.
    """

    arm: str
    suite: str
    prompt_id: str
    sample: int
    axis: Axis
    value: str
    rater: str
    stratum: str
    inclusion_probability: float


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
        n: Readable verdicts behind the number.
        num_missing: Verdicts without a value (abstained, unusable, not run).
        undefined_reason: Why value or interval is None, else None.
        n_effective: As how many independent prompts they count where prompts of one category are alike; None where
            prompts count as independent, and for scope `dose`.
        worst_low, worst_high: Ends of the interval if every verdict that is missing spoke against the rate, and if
            every one spoke for it; None where none is missing.
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
    worst_low: float | None = None
    worst_high: float | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing a dose must satisfy.

    Attributes:
        name: `harmful`, `exaggerated` or `capability`.
        suite, endpoint, judge: Which estimate it looks at.
        bound: Largest acceptable rate; for `capability` the largest acceptable loss against dose 0.
    """

    name: str
    suite: str
    endpoint: str
    judge: str
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The smallest dose of one curve that meets every criterion, or why there is none.

    Attributes:
        base, run, ladder, strategy, format: The curve.
        criteria: Everything that was asked.
        dose: Smallest dose whose probability reaches the level; None when no dose does.
        probability: Probability that the target at `dose` (or at the best dose, when `dose` is
            None) meets all criteria; None when it cannot be said.
        target: Whom the probability speaks of.
        failing_criterion: The criterion that stands most in the way; None when a dose was found.
        advice: One or two sentences on what to do next.
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
class Summary:
    """Everything a study found: the content of `summary.json` (schema in docs/formats.md)."""

    name: str
    arms: tuple[Arm, ...]
    estimates: tuple[Estimate, ...]
    recommendations: tuple[Recommendation, ...]
    failures: tuple[Failure, ...] = ()
    curves: tuple[Curve, ...] = ()
    contrasts: tuple[Contrast, ...] = ()


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
