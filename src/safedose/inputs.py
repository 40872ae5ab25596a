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
from safedose.records import Arm, Example, Prompt
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
    def num_instruction(self) -> int:
        """Instruction rows at dose 0."""
        return len(self.pool.instruction)


def load_inputs(study: Study) -> Inputs:
    """Load what a study names.

    Raises:
        InputError: For the first thing that cannot be found or read.
    """
    data = study.data
    pool = Pool((), (), ())
    if data:
        seed = derive(study.seed, "rows")
        pool = Pool(_rows(data.instruction, seed), _rows(data.safety, seed), _rows(data.contrast, seed))
    return Inputs(
        pool=pool,
        suites={choice.name: _prompts(choice) for choice in study.suites} if data else {},
        judges=tuple(load_judge(name) for name in study.judges),
    )


def made_of(study: Study, inputs: Inputs) -> str:
    """Hash what stands behind all arms of a study besides their own dose and seeds."""
    ratio = study.mix.contrast_ratio if study.mix else None
    return digest([study.seed, study.tune.model_dump(), ratio, pool_digest(inputs.pool)])


def pool_digest(pool: Pool) -> str:
    """Hash the training rows a study mixes from."""
    return digest([[to_json(e) for e in part] for part in (pool.instruction, pool.safety, pool.contrast)])


def check_arms(study: Study, inputs: Inputs, arms: tuple[Arm, ...]) -> None:
    """Find out, without spending anything, whether every arm can be made.

    Raises:
        InputError: When a base, a template or a dose cannot work.
    """
    if study.mix is None:
        return
    for base in study.bases:
        make_frame(load_tokenizer(find_base(base)), study.tune.template)
    for arm in arms:
        mixture = mix(arm, inputs.pool, contrast_ratio=study.mix.contrast_ratio, seed=study.seed)
        if study.tune.validation_rows >= len(mixture.rows):
            raise InputError(
                f"{study.tune.validation_rows} validation rows leave nothing of {len(mixture.rows)} to train on",
                where="tune.validation_rows", cause="the number is larger than the data",
                fix="lower tune.validation_rows",
            )  # fmt: skip


def _rows(sources: tuple[Source, ...], seed: int) -> tuple[Example, ...]:
    return tuple(e for s in sources for e in choose_rows(load_source(s.source), rows=s.rows, seed=seed))


def _prompts(choice: SuiteChoice) -> tuple[Prompt, ...]:
    if choice.path:
        expected = choice.expected or expected_of(choice.name)
        prompts = suite_from_rows(choice.name, read_rows(Path(choice.path)), expected)
    else:
        prompts = load_suite(choice.name)
    if choice.expected:
        prompts = tuple(dataclasses.replace(prompt, expected=choice.expected) for prompt in prompts)
    return prompts[: choice.limit]
