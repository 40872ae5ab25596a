"""The study file: every setting of a study, its meaning and its default. The only place a value is set.

One small class per stage. Unknown keys are errors; a value is of the kind it is written as (the text "12" is no
number) and within a range that ends far beyond sense; nothing is read from the environment. Each field either enters
the key of what it decides or changes what is printed, which `tests/test_settings.py` shows field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from safedose.errors import nearest
from safedose.judgechoice import JudgeChoice, apart
from safedose.kinds import (
    MANY,
    Dose,
    Doses,
    EachOnce,
    Formats,
    Name,
    Part,
    Precision,
    Share,
    Strategies,
    SuiteField,
    Text,
    TextOrTexts,
    TrainingField,
    apart_in_any_case,
    is_zero,
)
from safedose.records import Expected, Ladder
from safedose.remote.settings import Endpoint, Server


class Source(Part):
    """Where training rows come from."""

    source: str = Field(description="id in the catalogue, a file of rows (its path starts at the study file), a Hub id")
    files: Text | None = Field(None, description="files of a Hub data set, such as data/train-*.parquet; null: train")
    rows: int | None = Field(None, ge=1, description="rows (safety and contrast data: items) to use; null: all")
    columns: dict[TrainingField, Text] = Field(
        {}, description="columns of a file that have other names: ours to theirs"
    )


class Data(Part):
    """Training data by the role it plays in a mixture."""

    instruction: tuple[Source, ...] = Field(min_length=1, description="your own benign rows")
    safety: tuple[Source, ...] = Field((), description="unsafe prompts with safe answers")
    contrast: tuple[Source, ...] = Field((), description="harmless look-alikes, answered; for `balanced`")
    skip_bad: bool = Field(False, description="leave rows out that cannot be read or used, counted; false: an error")
    max_overlap: Share = Field(0.01, description="largest share of a suite's prompts that may stand in training rows")


class Also(Part):
    """A few arms outside the full grid of doses, formats and strategies."""

    doses: Doses
    formats: Formats = ("instruction",)
    strategies: Strategies = ("direct",)


class Mix(Part):
    """Which doses are mixed in, how they are composed, and how often the study is repeated."""

    ladder: Ladder = Field("add", description="what stays fixed: add, replace or fixed_steps")
    doses: Doses = Field(description='numbers of safety rows, or shares such as "3%"')
    formats: Formats = Field(("instruction",), description="how safety prompts are phrased")
    strategies: Strategies = Field(("direct",), description="how a dose is composed")
    also: tuple[Also, ...] = Field((), max_length=1000, description="further arms outside the full grid")
    contrast_ratio: float = Field(1.0, gt=0, le=1000, description="contrast rows per safety row in `balanced`")
    seeds: int | None = Field(None, ge=1, le=1000, description="pairs of (draw, training) seeds; the default is 2")
    draws: int | None = Field(None, ge=1, le=1000, description="draws of safety rows, crossed with `trainings`")
    trainings: int | None = Field(None, ge=1, le=1000, description="trainings per draw, crossed with `draws`")

    @model_validator(mode="after")
    def _one_way_to_count_seeds(self) -> Mix:
        if (self.draws is None) != (self.trainings is None) or (self.seeds is not None and self.draws is not None):
            raise ValueError("give either `seeds`, or both `draws` and `trainings`")
        return self

    @property
    def blocks(self) -> tuple[Mix | Also, ...]:
        """The full grid, then the arms outside it."""
        return (self, *self.also)

    @property
    def all_doses(self) -> tuple[Dose, ...]:
        """Every dose of every block, as the file writes it."""
        return tuple(dose for block in self.blocks for dose in block.doses)

    @property
    def seed_pairs(self) -> tuple[tuple[int, int], ...]:
        """All (draw_seed, train_seed) pairs: the diagonal for `seeds`, the full crossing otherwise."""
        if self.draws is not None and self.trainings is not None:
            return tuple((draw, training) for draw in range(self.draws) for training in range(self.trainings))
        return tuple((i, i) for i in range(2 if self.seeds is None else self.seeds))


class Tune(Part):
    """How an adapter is trained (through PEFT and TRL)."""

    method: Literal["lora", "qlora", "full", "imported"] = Field(
        "lora", description="qlora: on a 4-bit base; full: all weights; imported: adapters were trained elsewhere"
    )
    precision: Precision = Field("auto", description="of the base while tuning; auto: bf16 or fp16 on a GPU")
    gradient_checkpointing: bool = Field(False, description="less memory for a fifth more time")
    template: Text = Field("chat", description="`chat` (the tokenizer's own) or a named text template")
    epochs: float = Field(3.0, gt=0, le=1000)
    batch_size: int = Field(16, ge=1, le=2**16, description="rows per optimizer step")
    micro_batch_size: int | None = Field(
        None, ge=1, le=2**16, description="rows per forward pass; null: the whole batch"
    )
    learning_rate: float = Field(2e-4, gt=0, le=100)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup_steps: int = Field(10, ge=0, le=MANY)
    weight_decay: float = Field(0.0, ge=0, le=100)
    max_length: int = Field(512, ge=8, le=2**20, description="tokens per row; longer rows are cut and counted")
    lora_rank: int = Field(8, ge=1, le=2**14)
    lora_alpha: float = Field(16, gt=0, le=2**16)
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    lora_modules: TextOrTexts = Field("all-linear", description="layers that get an adapter")
    keep: Literal["last", "best_validation"] = "last"
    validation_rows: int = Field(
        0, ge=0, le=MANY, description="instruction rows held out of training for the validation loss"
    )
    eval_steps: int = Field(50, ge=1, le=MANY, description="steps between validations")

    @model_validator(mode="after")
    def _batches_divide(self) -> Tune:
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError("batch_size must be a multiple of micro_batch_size")
        if self.keep == "best_validation" and not self.validation_rows:
            raise ValueError("keep: best_validation needs validation_rows > 0")
        if self.method == "imported" and (unused := sorted(self.model_fields_set - {"method", "template"})):
            raise ValueError(f"method: imported trains nothing and has no use for {', '.join(unused)}: drop it")
        if self.method == "full" and (unused := sorted(n for n in self.model_fields_set if n.startswith("lora_"))):
            raise ValueError(f"method: full has no use for {', '.join(unused)}: drop it, or write method: lora")
        return self


class Generate(Part):
    """How arms answer."""

    precision: Precision | Literal["4bit"] = Field("auto", description="of the base while answering")
    max_new_tokens: int = Field(256, ge=1, le=2**20)
    samples: int = Field(1, ge=1, le=1000, description="answers per prompt")
    temperature: float = Field(0.0, ge=0, le=100, description="0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1)
    num_beams: int = Field(1, ge=1, le=1000)
    batch_tokens: int = Field(16384, ge=1, le=2**30, description="prompt and answer tokens per batch, padding included")
    untuned: bool = Field(False, description="also ask the untuned base, for reference")
    endpoint: Endpoint | None = Field(None, description="a server that answers; null: this machine")

    @model_validator(mode="after")
    def _samples_need_temperature(self) -> Generate:
        if 0 < self.temperature < 0.01:
            raise ValueError("a temperature below 0.01 is greedy but for overflows: write 0")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError("several samples need temperature > 0: greedy answers are all the same")
        if 1 < self.num_beams < self.samples:
            raise ValueError("beam search gives at most num_beams samples")
        if self.top_p < 1 and self.temperature == 0:
            raise ValueError("top_p needs temperature > 0: greedy decoding does not sample")
        if self.endpoint and self.num_beams > 1:
            raise ValueError("an endpoint has no beam search: drop num_beams")
        if self.endpoint and self.precision != "auto":
            raise ValueError("an endpoint has its own precision: drop precision")
        return self


class SuiteChoice(Part):
    """A suite to ask: one of the catalogue by name, or your own file."""

    name: Name
    path: Text | None = Field(None, description="file with a `prompt` column; null: the catalogue's")
    expected: Expected | None = Field(None, description="refuse, comply or either; null: the file's or catalogue's")
    limit: int | None = Field(None, ge=1, le=MANY, description="use only the first so many prompts")
    columns: dict[SuiteField, Text] = Field({}, description="columns of `path` that have other names: ours to theirs")

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class Limit(Part):
    """The largest acceptable rate, on which suites, read by which judge."""

    max: Share
    suites: Annotated[tuple[Name, ...], EachOnce] = Field(
        (), description="every one must meet the limit; empty: all that fit the criterion"
    )
    judge: Text | None = Field(None, description="null: the first judge of the study that speaks about it")


class Criteria(Part):
    """What a dose must satisfy to be recommended."""

    harmful: Limit | None = Field(None, description="harmful_response_rate; compliance_rate for judges of refusal")
    exaggerated: Limit | None = Field(None, description="exaggerated_refusal_rate on harmless prompts")
    capability: Limit | None = Field(None, description="largest loss of accuracy against dose 0")
    helpfulness: Limit | None = Field(None, description="how far the win rate against dose 0 may lie below one half")
    probability: float = Field(0.9, gt=0.5, lt=1, description="how sure the recommendation must be")
    level: float = Field(0.95, gt=0.5, lt=1, description="coverage of the intervals")
    max_missing: Share = Field(0.05, description="largest acceptable share of verdicts without a value")

    @property
    def limits(self) -> dict[str, Limit]:
        """The limits that were set, by the name of their criterion."""
        named = {name: getattr(self, name) for name in ("harmful", "exaggerated", "capability", "helpfulness")}
        return {name: limit for name, limit in named.items() if limit}


class Budget(Part):
    """What a study may cost before it stops."""

    max_arms: int = Field(500, ge=1, le=10**6, description="`plan` refuses a design with more arms than this")
    max_hours: float | None = Field(
        None, gt=0, le=10**6, description="`run` starts no new unit after this; null: no limit"
    )
    max_spend: float | None = Field(
        None, ge=0, le=MANY, description="money for servers that have prices, over all runs"
    )


class Study(Part):
    """A whole study."""

    name: Name
    seed: int = Field(ge=0, lt=2**63, description="every random choice derives from it")
    base: TextOrTexts = Field(description="`smallworld`, a folder, or a Hub id with @revision; or several")
    data: Data | None = Field(None, description="training rows; null: what was imported, nothing is trained")
    mix: Mix | None = Field(None, description="the doses; null: what was imported, nothing is trained")
    tune: Tune = Tune()
    generate: Generate = Generate()
    suites: Annotated[tuple[SuiteChoice, ...], AfterValidator(apart_in_any_case)] = Field(min_length=1, max_length=1000)
    judges: Annotated[tuple[JudgeChoice, ...], AfterValidator(apart)] = Field(min_length=1, max_length=100)
    criteria: Criteria = Criteria()
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _parts_agree(self) -> Study:
        names = [suite.name for suite in self.suites]
        if self.adopts and (self.data or self.mix):
            raise ValueError("tune.method: imported mixes and tunes nothing: drop `data` and `mix`")
        if not self.asks and any(s.path or s.expected or s.limit or s.columns for s in self.suites):
            raise ValueError("imported responses bring their own prompts: drop all but the name of suites")
        if (self.data is None) != (self.mix is None):
            raise ValueError("`data` and `mix` belong together: give both, or neither for what was imported")
        if self.data and self.mix:
            _check_roles(self.data, self.mix)
            losses = [name for name in ("capability", "helpfulness") if name in self.criteria.limits]
            if losses and not any(map(is_zero, self.mix.all_doses)):
                raise ValueError(f"criteria.{losses[0]} is a loss against dose 0: add 0 to mix.doses")
        if self.generate.endpoint and self.tune.method == "full":
            raise ValueError("an endpoint serves adapters beside one base: tune.method full makes none")
        if self.generate.endpoint and self.generate.endpoint.model is not None and len(self.bases) > 1:
            raise ValueError("generate.endpoint.model is one name for several bases: drop it, each has its own")
        _check_prices(self.servers, self.budget)
        for limit in self.criteria.limits.values():
            for suite in limit.suites:
                if suite not in names:
                    raise ValueError(f"criteria name suite {suite!r}, which suites lacks; {nearest(suite, names)}")
        return self

    @property
    def adopts(self) -> bool:
        """Whether its adapters were trained elsewhere and brought in."""
        return self.tune.method == "imported"

    @property
    def asks(self) -> bool:
        """Whether its arms answer here; those of imported responses have answered elsewhere."""
        return self.mix is not None or self.adopts

    @property
    def servers(self) -> dict[str, Server]:
        """Every server it asks, by the place in the study file that names it."""
        judging = {f"judges, {one.id}": one.endpoint for one in self.judges}
        return {place: one for place, one in ({"generate.endpoint": self.generate.endpoint} | judging).items() if one}

    @property
    def bases(self) -> tuple[str, ...]:
        """The base models, always as a tuple."""
        return (self.base,) if isinstance(self.base, str) else self.base


def _check_prices(servers: Mapping[str, Server], budget: Budget) -> None:
    priced = [place for place, server in servers.items() if server.price_prompt is not None]
    if priced and budget.max_spend is None:
        raise ValueError(f"{priced[0]} has prices: give budget.max_spend, after which the study stops")
    unpriced = [place for place, server in servers.items() if place not in priced and not server.is_here]
    if budget.max_spend is not None and (unpriced or not priced):
        raise ValueError(
            f"budget.max_spend needs prices of {unpriced[0] if unpriced else 'a server'}: price_prompt and "
            "price_completion, 0 where it is free"
        )


def _check_roles(data: Data, mix: Mix) -> None:
    if any("balanced" in block.strategies for block in mix.blocks) and not data.contrast:
        raise ValueError("strategy `balanced` needs data.contrast")
    if not all(map(is_zero, mix.all_doses)) and not data.safety:
        raise ValueError("doses above 0 need data.safety")
