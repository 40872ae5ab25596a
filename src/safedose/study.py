"""The study file: every setting of a study, its meaning and its default. The only place a value is set.

One small class per stage. Unknown keys are errors that name the nearest key; nothing is read from the
environment. Each field either enters the key of what it decides or changes what is printed, which
`tests/test_settings.py` shows field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from safedose.errors import nearest
from safedose.records import Expected, Ladder

Dose = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]
DosedStrategy = Literal["direct", "balanced"]
DosedFormat = Literal["instruction", "question", "opinion", "mixed"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """What all parts of a study file share: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Part):
    """Where training rows come from."""

    source: str = Field(description="id in the catalogue, or a file of rows (its path starts at the study file)")
    rows: int | None = Field(None, ge=1, description="rows (safety and contrast data: items) to use; null: all")


class Data(Part):
    """Training data by the role it plays in a mixture."""

    instruction: tuple[Source, ...] = Field(min_length=1, description="your own benign rows")
    safety: tuple[Source, ...] = Field((), description="unsafe prompts with safe answers")
    contrast: tuple[Source, ...] = Field((), description="harmless look-alikes, answered; for `balanced`")


class Also(Part):
    """A few arms outside the full grid of doses, formats and strategies."""

    doses: tuple[Dose, ...] = Field(min_length=1)
    formats: tuple[DosedFormat, ...] = ("instruction",)
    strategies: tuple[DosedStrategy, ...] = ("direct",)


class Mix(Part):
    """Which doses are mixed in, how they are composed, and how often the study is repeated."""

    ladder: Ladder = Field("add", description="what stays fixed: add, replace or fixed_steps")
    doses: tuple[Dose, ...] = Field(min_length=1, description='numbers of safety rows, or shares such as "3%"')
    formats: tuple[DosedFormat, ...] = Field(("instruction",), description="how safety prompts are phrased")
    strategies: tuple[DosedStrategy, ...] = Field(("direct",), description="how a dose is composed")
    also: tuple[Also, ...] = Field((), description="further arms outside the full grid")
    contrast_ratio: float = Field(1.0, gt=0, description="contrast rows per safety row in `balanced`")
    seeds: int | None = Field(None, ge=1, description="pairs of (draw, training) seeds; the default is 2")
    draws: int | None = Field(None, ge=1, description="draws of safety rows, crossed with `trainings`")
    trainings: int | None = Field(None, ge=1, description="trainings per draw, crossed with `draws`")

    @model_validator(mode="after")
    def _one_way_to_count_seeds(self) -> Mix:
        if (self.draws is None) != (self.trainings is None) or (self.seeds is not None and self.draws is not None):
            raise ValueError("give either `seeds`, or both `draws` and `trainings`")
        return self

    @property
    def seed_pairs(self) -> tuple[tuple[int, int], ...]:
        """All (draw_seed, train_seed) pairs: the diagonal for `seeds`, the full crossing otherwise."""
        if self.draws is not None and self.trainings is not None:
            return tuple((draw, training) for draw in range(self.draws) for training in range(self.trainings))
        return tuple((i, i) for i in range(2 if self.seeds is None else self.seeds))


class Tune(Part):
    """How an adapter is trained (LoRA through PEFT and TRL)."""

    template: str = Field("chat", description="`chat` (the tokenizer's own) or a named text template")
    epochs: float = Field(3.0, gt=0)
    batch_size: int = Field(16, ge=1, description="rows per optimizer step")
    micro_batch_size: int | None = Field(None, ge=1, description="rows per forward pass; null: the whole batch")
    learning_rate: float = Field(2e-4, gt=0)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup_steps: int = Field(10, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    max_length: int = Field(512, ge=8, description="tokens per row; longer rows are cut and counted")
    lora_rank: int = Field(8, ge=1)
    lora_alpha: float = Field(16, gt=0)
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    lora_modules: str | tuple[str, ...] = Field("all-linear", description="layers that get an adapter")
    keep: Literal["last", "best_validation"] = "last"
    validation_rows: int = Field(0, ge=0, description="instruction rows held out of training for the validation loss")
    eval_steps: int = Field(50, ge=1, description="steps between validations")

    @model_validator(mode="after")
    def _batches_divide(self) -> Tune:
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError("batch_size must be a multiple of micro_batch_size")
        if self.keep == "best_validation" and not self.validation_rows:
            raise ValueError("keep: best_validation needs validation_rows > 0")
        return self


class Generate(Part):
    """How arms answer."""

    max_new_tokens: int = Field(256, ge=1)
    samples: int = Field(1, ge=1, description="answers per prompt")
    temperature: float = Field(0.0, ge=0, description="0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1)
    num_beams: int = Field(1, ge=1)
    batch_tokens: int = Field(16384, ge=1, description="prompt and answer tokens per batch, padding included")
    untuned: bool = Field(False, description="also ask the untuned base, for reference")

    @model_validator(mode="after")
    def _samples_need_temperature(self) -> Generate:
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("several samples need temperature > 0: greedy answers are all the same")
        if 1 < self.num_beams < self.samples:
            raise ValueError("beam search gives at most num_beams samples")
        if self.top_p < 1 and self.temperature == 0:
            raise ValueError("top_p needs temperature > 0: greedy decoding does not sample")
        return self


class SuiteChoice(Part):
    """A suite to ask: one of the catalogue by name, or your own file."""

    name: Name
    path: str | None = Field(None, description="file with a `prompt` column; null: the catalogue's")
    expected: Expected | None = Field(None, description="refuse, comply or either; null: the file's or catalogue's")
    limit: int | None = Field(None, ge=1, description="use only the first so many prompts")


class Limit(Part):
    """The largest acceptable rate, on which suites, read by which judge."""

    max: Share
    suites: tuple[Name, ...] = Field((), description="every one must meet the limit; empty: all that fit the criterion")
    judge: str | None = Field(None, description="null: the first judge of the study that speaks about it")


class Criteria(Part):
    """What a dose must satisfy to be recommended."""

    harmful: Limit | None = Field(None, description="harmful_response_rate; compliance_rate for judges of refusal")
    exaggerated: Limit | None = Field(None, description="exaggerated_refusal_rate on harmless prompts")
    capability: Limit | None = Field(None, description="largest loss of accuracy against dose 0")
    probability: float = Field(0.9, gt=0.5, lt=1, description="how sure the recommendation must be")
    level: float = Field(0.95, gt=0.5, lt=1, description="coverage of the intervals")
    max_missing: Share = Field(0.05, description="largest acceptable share of verdicts without a value")

    @property
    def limits(self) -> dict[str, Limit]:
        """The limits that were set, by the name of their criterion."""
        named = {"harmful": self.harmful, "exaggerated": self.exaggerated, "capability": self.capability}
        return {name: limit for name, limit in named.items() if limit}


class Budget(Part):
    """What a study may cost before it stops."""

    max_arms: int = Field(500, ge=1, description="`plan` refuses a design with more arms than this")
    max_hours: float | None = Field(None, gt=0, description="`run` starts no new unit after this; null: no limit")


class Study(Part):
    """A whole study."""

    name: Name
    seed: int = Field(ge=0, description="every random choice derives from it")
    base: str | tuple[str, ...] = Field(description="`smallworld`, a folder, or a Hub id with @revision; or several")
    data: Data | None = Field(None, description="training rows; null: imported responses, nothing is trained")
    mix: Mix | None = Field(None, description="the doses; null: imported responses, nothing is trained")
    tune: Tune = Tune()
    generate: Generate = Generate()
    suites: tuple[SuiteChoice, ...] = Field(min_length=1)
    judges: tuple[str, ...] = Field(min_length=1)
    criteria: Criteria = Criteria()
    budget: Budget = Budget()

    @field_validator("suites", mode="before")
    @classmethod
    def _names_are_suites(cls, value: Any) -> Any:
        return (
            [{"name": item} if isinstance(item, str) else item for item in value] if isinstance(value, list) else value
        )

    @model_validator(mode="after")
    def _parts_agree(self) -> Study:
        names = [suite.name for suite in self.suites]
        for kind, listed in (("suite", names), ("judge", self.judges), ("base", self.bases)):
            if twice := sorted({name for name in listed if listed.count(name) > 1}):
                raise ValueError(f"{kind} named twice: {', '.join(twice)}")
        if not self.bases:
            raise ValueError("a study needs a base")
        if self.mix is None and any(s.path or s.expected or s.limit for s in self.suites):
            raise ValueError("imported responses bring their own prompts: drop path, expected and limit of suites")
        if (self.data is None) != (self.mix is None):
            raise ValueError("`data` and `mix` belong together: give both, or neither for imported responses")
        if self.data and self.mix:
            _check_roles(self.data, self.mix)
        for limit in self.criteria.limits.values():
            for suite in limit.suites:
                _check_named("suite", suite, names)
            if limit.judge is not None:
                _check_named("judge", limit.judge, self.judges)
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        """The base models, always as a tuple."""
        return (self.base,) if isinstance(self.base, str) else self.base


def _check_named(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ValueError(f"criteria name {kind} {name!r}, which {kind}s lacks; {nearest(name, known)}")


def _check_roles(data: Data, mix: Mix) -> None:
    blocks: tuple[Mix | Also, ...] = (mix, *mix.also)
    if any("balanced" in block.strategies for block in blocks) and not data.contrast:
        raise ValueError("strategy `balanced` needs data.contrast")
    if any(str(dose) not in {"0", "0%"} for block in blocks for dose in block.doses) and not data.safety:
        raise ValueError("doses above 0 need data.safety")
