"""What a study file names, loaded and checked before any work: training rows, suites, judges, arms."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from safedose.bases import find_base, load_tokenizer
from safedose.codec import to_json
from safedose.data.readers import read_rows
from safedose.data.sources import load_source
from safedose.errors import InputError
from safedose.interfaces import Judge
from safedose.judging.catalogue import load_judge
from safedose.mixture import Pool, choose_rows, mix
from safedose.records import UNTUNED, Arm, Example, Mixture, Prompt
from safedose.seeding import derive
from safedose.store import digest
from safedose.study import Source, Study, SuiteChoice
from safedose.suites.catalogue import expected_of, load_suite, suite_from_rows
from safedose.templates import make_frame


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a study works on.

    Attributes:
        pool: Training rows to mix from.
        suites: Prompts per suite, in the order of the study file; empty for imported responses, whose
            prompts came with them.
        judges: Who reads the responses.
    """

    pool: Pool
    suites: dict[str, tuple[Prompt, ...]]
    judges: tuple[Judge, ...]

    @property
    def judge_ids(self) -> tuple[str, ...]:
        """Ids of the judges, in the study's order."""
        return tuple(judge.id for judge in self.judges)

    @property
    def num_instruction(self) -> int:
        """Instruction rows at dose 0."""
        return len(self.pool.instruction)


def load_inputs(study: Study, *, root: Path) -> Inputs:
    """Load what a study names; relative paths start from `root`, the study's folder.

    Raises:
        InputError: For the first thing that cannot be found or read.
    """
    data = study.data
    pool = Pool((), (), ())
    if data:
        seed = derive(study.seed, "rows")
        pool = Pool(
            instruction=_rows(data.instruction, by_item=False, seed=seed, root=root),
            safety=_rows(data.safety, by_item=True, seed=seed, root=root),
            contrast=_rows(data.contrast, by_item=True, seed=seed, root=root),
        )
    return Inputs(
        pool=pool,
        suites={choice.name: _prompts(choice, root) for choice in study.suites} if data else {},
        judges=tuple(load_judge(name) for name in study.judges),
    )


def load_judges(study: Study) -> Inputs:
    """Load the judges of a study and nothing else: enough for verbs that only read what is judged."""
    return Inputs(pool=Pool((), (), ()), suites={}, judges=tuple(load_judge(name) for name in study.judges))


def made_of(study: Study, inputs: Inputs) -> str:
    """Hash what stands behind all arms of a study besides their own dose and seeds."""
    ratio = study.mix.contrast_ratio if study.mix else None
    return digest([study.seed, study.tune.model_dump(), ratio, pool_digest(inputs.pool)])


def pool_digest(pool: Pool) -> str:
    """Hash the training rows a study mixes from."""
    return digest([[to_json(e) for e in part] for part in (pool.instruction, pool.safety, pool.contrast)])


def check_arms(study: Study, inputs: Inputs, arms: tuple[Arm, ...], *, root: Path) -> tuple[Mixture, ...]:
    """Find out, without spending anything, whether every arm can be made.

    Returns:
        The mixtures of the tuned arms, in order.

    Raises:
        InputError: When a base, a template or a dose cannot work.
    """
    ratio = study.mix.contrast_ratio if study.mix else 1.0
    for base in study.bases:
        make_frame(load_tokenizer(find_base(base, root=root)), study.tune.template)
    mixtures = [mix(arm, inputs.pool, contrast_ratio=ratio, seed=study.seed) for arm in arms if arm.run != UNTUNED]
    for mixture in mixtures:
        num_benign = sum(row.role == "instruction" for row in mixture.rows)
        if study.tune.validation_rows >= num_benign:
            raise InputError(
                f"{study.tune.validation_rows} validation rows leave nothing of {num_benign} instruction rows",
                where="tune.validation_rows", cause="the number is larger than the data",
                fix="lower tune.validation_rows",
            )  # fmt: skip
    return tuple(mixtures)


def _rows(sources: tuple[Source, ...], *, by_item: bool, seed: int, root: Path) -> tuple[Example, ...]:
    return tuple(
        example
        for source in sources
        for example in choose_rows(load_source(source.source, root=root), rows=source.rows, by_item=by_item, seed=seed)
    )


def _prompts(choice: SuiteChoice, root: Path) -> tuple[Prompt, ...]:
    if choice.path:
        expected = choice.expected or expected_of(choice.name)
        prompts = suite_from_rows(choice.name, read_rows(root / choice.path), expected)
    else:
        prompts = load_suite(choice.name)
    if choice.expected:
        prompts = tuple(dataclasses.replace(prompt, expected=choice.expected) for prompt in prompts)
    return prompts[: choice.limit]
