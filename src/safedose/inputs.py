"""What a study file names, loaded and checked before any work: training rows, suites, judges, arms."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safedose.bases import Base, blaming_tokenizer, load_tokenizer
from safedose.codec import to_json
from safedose.data.hubdata import find_hub_data, is_hub_data
from safedose.data.places import Pin, pin
from safedose.data.readers import find_rows
from safedose.data.rows import BadRows, FlawError, Row, Skipped
from safedose.data.shapes import read_question
from safedose.data.sources import SOURCES, load_prompts, load_source
from safedose.errors import InputError
from safedose.fitting import check_model
from safedose.generation.local import plan_batches
from safedose.interfaces import Judge
from safedose.kinds import SuiteField
from safedose.mixture import Pool, choose_rows, mix
from safedose.panel import Panel, load_panel
from safedose.records import UNTUNED, Arm, Example, Mixture, Prompt, Speaker, Turn
from safedose.seeding import derive
from safedose.store import digest
from safedose.store.seal import Batches
from safedose.study import Source, Study, SuiteChoice, Tune
from safedose.suites.catalogue import expected_of, find, load_suite, suite_from_rows
from safedose.templates import Encoder


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a study works on.

    Attributes:
        pool: Training rows to mix from.
        suites: Prompts per suite, in the order of the study file; empty for imported responses, whose
            prompts came with them.
        judges: Who reads the responses.
        skipped: Rows that were left out because they are bad, per source that has some, in the order of
            the study file; empty unless `data.skip_bad` is set.
        pins: Which bytes of the catalogue's files these are, per source and suite that has files, each once.
    """

    pool: Pool
    suites: dict[str, tuple[Prompt, ...]]
    judges: tuple[Judge, ...]
    skipped: tuple[Skipped, ...] = ()
    pins: tuple[Pin, ...] = ()

    @property
    def judge_ids(self) -> tuple[str, ...]:
        """Ids of the judges, in the study's order."""
        return tuple(judge.id for judge in self.judges)

    @property
    def num_instruction(self) -> int:
        """Instruction rows at dose 0."""
        return len(self.pool.instruction)


def load_inputs(
    study: Study, *, root: Path, tell: Callable[[str], None] | None = None, panel: Panel | None = None
) -> Inputs:
    """Load what a study names; relative paths start from `root`, the study's folder.

    Args:
        study: Its settings.
        root: The study's folder.
        tell: Told a line now and then while a long file is read; None: nobody is.
        panel: Its judges; None: they are loaded here, before any row is read.

    Raises:
        InputError: For the first thing that cannot be found or read.
    """
    panel = panel or load_panel(study, root=root, look="must")
    skipped: list[Skipped] = []

    def rows(sources: Sequence[Source], *, by_item: bool = False) -> tuple[Example, ...]:
        loaded = (load_rows(one, study, root=root, by_item=by_item, skipped=skipped, tell=tell) for one in sources)
        return tuple(itertools.chain.from_iterable(loaded))

    data = study.data
    pool = Pool((), (), ())
    if data:
        pool = Pool(rows(data.instruction), rows(data.safety, by_item=True), rows(data.contrast, by_item=True))
    return Inputs(
        pool=pool,
        suites={choice.name: load_prompts_of(choice, root) for choice in study.suites} if study.asks else {},
        judges=panel.judges,
        skipped=tuple(skipped),
        pins=_pins(study, root),
    )


def load_judges(study: Study, *, root: Path) -> Inputs:
    """Load the judges of a study and nothing else: enough for verbs that only read what is judged."""
    return Inputs(pool=Pool((), (), ()), suites={}, judges=load_panel(study, root=root, look="never").judges)


def made_of(study: Study, inputs: Inputs) -> str:
    """Hash what stands behind all arms of a study besides their own dose and seeds."""
    ratio = study.mix.contrast_ratio if study.mix else None
    return digest([study.seed, study.tune.model_dump(), ratio, pool_digest(inputs.pool)])


def pool_digest(pool: Pool) -> str:
    """Hash the training rows a study mixes from."""
    return digest([[to_json(e) for e in part] for part in (pool.instruction, pool.safety, pool.contrast)])


def check_arms(study: Study, inputs: Inputs, arms: tuple[Arm, ...], bases: Sequence[Base]) -> tuple[Mixture, ...]:
    """Find out, without spending anything, whether every arm can be made.

    Returns:
        A mixture per arm to be tuned, in order; arms that differ in seeds only share one.

    Raises:
        InputError: When a base, a template or a dose cannot work.
    """
    orders = speaking_orders(inputs)
    for base in bases:
        check_base(base, study.tune, orders)
    mixtures = mix_arms(study, inputs.pool, arms)
    for mixture in mixtures:
        check_held_out(study, sum(row.role == "instruction" for row in mixture.rows))
    return mixtures


def mix_arms(study: Study, pool: Pool, arms: Iterable[Arm]) -> tuple[Mixture, ...]:
    """Compose the mixture of every arm to be tuned, in order; arms that differ in seeds only share one.

    Raises:
        InputError: When a dose cannot be had from the pool.
    """
    tuned = [arm for arm in arms if study.mix and arm.run != UNTUNED]
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    by_cell: dict[tuple[object, ...], Mixture] = {}
    for arm in tuned:
        if _cell(arm) not in by_cell:
            by_cell[_cell(arm)] = mix(arm, pool, contrast_ratio=ratio, seed=study.seed)
    return tuple(by_cell[_cell(arm)] for arm in tuned)


def _cell(arm: Arm) -> tuple[object, ...]:
    """Say what decides how many rows an arm has: seeds choose other rows, never more."""
    return arm.ladder, arm.strategy, arm.format, arm.dose


def check_held_out(study: Study, num_instruction: int) -> None:
    """Find out whether validation leaves rows to train on.

    Raises:
        InputError: When it does not.
    """
    if study.mix and study.tune.validation_rows >= num_instruction:
        raise InputError(
            f"{study.tune.validation_rows} validation rows leave nothing of {num_instruction} instruction rows",
            where="tune.validation_rows", cause="the number is larger than the data", fix="lower tune.validation_rows",
        )  # fmt: skip


def check_base(base: Base, settings: Tune, orders: Iterable[tuple[Speaker, ...]] = ()) -> None:
    """Find out whether the parts of a base fit each other, the template and the layers; reads no weights.

    Args:
        base: What to look at.
        settings: Name template and layers.
        orders: Who speaks before prompts; see `speaking_orders`.

    Raises:
        InputError: When they do not.
    """
    tokenizer = load_tokenizer(base)
    with blaming_tokenizer(base):
        encoder = Encoder(tokenizer, settings.template)
        ids, _ = encoder.row("How are you?", "Well.")
        for order in orders:
            encoder.place("Hello.", [Turn(speaker=speaker, text="Hello.") for speaker in order])
        largest = max(tokenizer.vocab_size - 1, tokenizer.pad_token_id, *ids, *encoder.frame.stop)
    check_model(base, largest_id=largest, layers=settings.lora_modules)


def speaking_orders(inputs: Inputs) -> frozenset[tuple[Speaker, ...]]:
    """List who speaks, in order, before the prompts of rows and suites: what a chat template must be able to say."""
    pool = inputs.pool
    said: Iterable[Example | Prompt] = itertools.chain(
        pool.instruction, pool.safety, pool.contrast, *inputs.suites.values()
    )
    return frozenset(tuple(turn.speaker for turn in one.before) for one in said)


def plan_suites(
    study: Study, inputs: Inputs, bases: Sequence[Base], *,
    count_tokens: Callable[[Base, Study, Sequence[Prompt]], list[int]],
) -> dict[tuple[str, str], Batches]:  # fmt: skip
    """Decide which prompts share a batch, per base and suite: once, since answers can depend on their company."""
    settings = study.generate
    room = max(1, settings.batch_tokens // max(settings.samples, settings.num_beams))
    asked = [prompt for prompts in inputs.suites.values() for prompt in prompts]
    found: dict[tuple[str, str], Batches] = {}
    for base in bases:
        counted = iter(count_tokens(base, study, asked))  # of all suites in one call: each loads a tokenizer
        for suite, prompts in inputs.suites.items():
            lengths = list(itertools.islice(counted, len(prompts)))
            found[base.name, suite] = plan_batches(lengths, max_new_tokens=settings.max_new_tokens, batch_tokens=room)
    return found


def told(
    examples: Iterable[Example], source: str, tell: Callable[[str], None] | None, *, every: int = 500_000
) -> Iterator[Example]:
    """Pass on the examples of a source, and tell somebody each time that so many more were read."""
    for number, example in enumerate(examples, start=1):
        if tell and number % every == 0:
            tell(f"{source}: {number:,} rows read")
        yield example


def load_rows(
    source: Source, study: Study, *, root: Path, by_item: bool = False, skipped: list[Skipped] | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[Example, ...]:  # fmt: skip
    """Load the rows of one source that a study uses.

    Args:
        source: One of the study's.
        study: Its seed chooses rows, its `data.skip_bad` says what becomes of bad ones.
        root: The study's folder.
        by_item: Count and choose items, not rows.
        skipped: Where to note bad rows that are left out; None: nobody asks.
        tell: Told a line now and then; None: nobody is.

    Raises:
        Unfetched: When the source is published and not on this machine.
        InputError: When it cannot be found or read.
    """
    skip = study.data is not None and study.data.skip_bad
    bad = BadRows(skip=skip, how="data.skip_bad: true")
    examples = told(
        load_source(source.source, root=root, files=source.files, columns=source.columns, bad=bad), source.source, tell
    )
    chosen = choose_rows(examples, rows=source.rows, by_item=by_item, seed=derive(study.seed, "rows"))
    if skipped is not None and bad.num_rows:
        skipped.append(Skipped(source.source, bad.num_rows, tuple(bad.reasons)))
    return chosen


def _pins(study: Study, root: Path) -> tuple[Pin, ...]:
    """Say which bytes of published files a study uses."""
    sources = (*study.data.instruction, *study.data.safety, *study.data.contrast) if study.data else ()
    suites = (find(choice.name) for choice in study.suites if study.asks and not choice.path)
    named = dict.fromkeys([*(source.source for source in sources), *(suite.name for suite in suites if suite)])
    known = [pin(SOURCES[name]) for name in named if name in SOURCES and SOURCES[name].files]
    of_hub = {f"{one.source} {one.files or ''}".strip(): one for one in sources if is_hub_data(one.source, root=root)}
    found = {name: find_hub_data(one.source, one.files, root=root) for name, one in of_hub.items()}
    return (*known, *(Pin(name, data.commit, data.sha256, verified=False) for name, data in found.items()))


def load_prompts_of(choice: SuiteChoice, root: Path) -> tuple[Prompt, ...]:
    """Load the prompts of a suite that a study asks: from its file, the catalogue, or the small world.

    Raises:
        Unfetched: When the suite is published and not on this machine.
        InputError: When it cannot be found or read.
    """
    suite = find(choice.name)
    if choice.path:
        rows: Iterator[Row] | None = _renamed(root / choice.path, choice.columns)
    else:
        rows = load_prompts(suite.name) if suite else None
    if rows is None:
        prompts = load_suite(choice.name)
    else:
        prompts = suite_from_rows(choice.name, rows, choice.expected or expected_of(choice.name))
    if suite and suite.form and not choice.path:
        prompts = tuple(dataclasses.replace(prompt, form=prompt.form or suite.form) for prompt in prompts)
    if choice.expected:
        prompts = tuple(dataclasses.replace(prompt, expected=choice.expected) for prompt in prompts)
    return prompts[: choice.limit]


def _renamed(path: Path, columns: Mapping[SuiteField, str]) -> Iterator[Row]:
    """Read a file of prompts; mapped columns get the names that suites have, conversations become prompts.

    What stood under the name of a mapped column is left aside; where the prompt is mapped nothing is a conversation.
    """
    for row in find_rows(path):
        try:
            values = row.values if "prompt" in columns else read_question(row)
        except FlawError as error:
            raise error.flaw.error(path, f"row {row.number}") from None
        kept = {name: value for name, value in values.items() if name.lower() not in columns}
        yield Row(row.number, kept | {ours: values.get(theirs) for ours, theirs in columns.items()})
