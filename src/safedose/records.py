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

Axis = Literal["refusal", "harm", "correctness", "preference"]
"""What a judge looks at."""

State = Literal["value", "abstained", "unusable", "not_run"]
"""Whether a verdict carries a value, and if not, why not."""

Finish = Literal["stop", "length", "imported", "failed"]
"""Why a response ended: the model stopped, the token limit cut it, nobody knows, or a server gave none."""

Scope = Literal["arm", "dose"]
"""Whether an estimate speaks of one trained adapter or of all adapters trained at one dose."""

Kind = Literal["rate", "mean"]
"""Whether an estimate is a fraction in [0, 1] or a mean on a judge's own scale."""


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
            `harmless` on the harm axis; `correct` or `wrong` on the correctness axis; `preferred`, `tie` or
            `not_preferred` to the answer of dose 0 on the preference axis. None unless state is `value`.
        score: The judge's own number, if it has one; on the harm axis it grows with harm.
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
class Rereading:
    """One answer that a judge read a second time, along one axis, when all others were judged.

    Attributes:
        place: When it was first read, among the different answers the judge was asked about, from 1.
        num_judged: How many these were.
        first: What the judge said then; of several answers that are the same, of the one that came first.
        second: What it says now, asked in the same words.
    """

    place: int
    num_judged: int
    first: Verdict
    second: Verdict


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
