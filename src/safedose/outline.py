"""What can be said of a study before all it names is on this machine: everything else is checked, the rest is named."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from safedose.adopted import adopted_arms
from safedose.bases import find_base
from safedose.criteria import check_judges
from safedose.data.sources import SOURCES
from safedose.errors import InputError, Unfetched
from safedose.exposure import Exposure, measure_exposure, require_unseen
from safedose.fitting import find_lacking
from safedose.inputs import Inputs, check_base, check_held_out, load_prompts_of, load_rows, mix_arms, speaking_orders
from safedose.kinds import is_zero
from safedose.mixture import Pool
from safedose.panel import load_panel
from safedose.provenance import count_licences
from safedose.records import Arm, Example, Prompt, Role
from safedose.store import StudyFolder
from safedose.study import Source, Study, SuiteChoice
from safedose.studyfile import read_study
from safedose.suites.catalogue import expected_of
from safedose.sweep.plan import grid, untuned_arms
from safedose.tuning.sft import count_steps

_Found = TypeVar("_Found")
_Rows = tuple[Example, ...]
ROLES: tuple[Role, ...] = ("instruction", "safety", "contrast")


@dataclass(frozen=True, slots=True)
class Outline:
    """A study of which something is not on this machine.

    Attributes:
        study: Its settings.
        num_instruction: Instruction rows at dose 0; None where nobody here knows.
        arms: What would be made; their ids are not those of a run. None where shares cannot be turned into numbers.
        num_steps: Optimizer steps over all arms; None where rows are missing.
        num_prompts: Prompts per suite that is here.
        licences: Rows that are here by (source, licence).
        exposure: What was found of overlap between the rows and prompts that are here; None where rows are missing.
        to_fetch: Sources of the catalogue whose files are missing.
        unknown: What else is missing, and what brings it.
        unchecked: What could not be held against what is missing.
        lacking: What this machine lacks to run it.
    """

    study: Study
    num_instruction: int | None
    arms: tuple[Arm, ...] | None
    num_steps: int | None
    num_prompts: dict[str, int]
    licences: dict[tuple[str, str], int]
    exposure: Exposure | None
    to_fetch: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    unchecked: tuple[str, ...]
    lacking: tuple[InputError, ...]


def outline(file: Path, overrides: Sequence[str]) -> Outline:
    """Check all of a study that can be checked on this machine; asks the Hub for what is missing of a base.

    Raises:
        InputError: For anything that could not work, as `plan` does.
    """
    study, root = read_study(file, overrides=overrides), file.parent
    missing: list[Unfetched] = []
    attempt, data = functools.partial(_attempt, missing), study.data
    panel = attempt(functools.partial(load_panel, study, root=root, look="may"))
    rows = {role: _load(study, role, root, attempt) for role in ROLES}
    suites = {one.name: attempt(functools.partial(load_prompts_of, one, root)) for one in study.suites}
    here = {name: prompts for name, prompts in suites.items() if prompts}
    pool = Pool(*(tuple(itertools.chain.from_iterable(filter(None, rows[role]))) for role in ROLES))
    inputs = Inputs(pool=pool, suites=here, judges=panel.judges if panel else ())
    if panel:
        missing += panel.unknown
        asked = {one.name: suites[one.name] or _stand_in(one) for one in study.suites}
        check_judges(study, dataclasses.replace(inputs, suites=asked))
    for name in study.bases:
        if base := attempt(functools.partial(find_base, name, root=root, weights=False)):
            check_base(base, study.tune, speaking_orders(inputs))
    counts = [
        _count(source, found)
        for source, found in zip(data.instruction if data else (), rows["instruction"], strict=True)
    ]
    num_instruction = None if None in counts else sum(filter(None, counts))
    arms = _arms(study, num_instruction, root, attempt)
    whole = {role for role in ROLES if None not in rows[role]}
    checked = _check_rows(study, inputs, arms or (), whole=whole, num_instruction=num_instruction)
    return Outline(
        study=study,
        num_instruction=num_instruction,
        arms=arms,
        num_steps=checked.num_steps,
        num_prompts={name: len(prompts) for name, prompts in here.items()},
        licences=count_licences((*pool.instruction, *pool.safety, *pool.contrast)),
        exposure=checked.exposure,
        to_fetch=tuple(dict.fromkeys(one.source for one in missing if one.source)),
        unknown=tuple((one.what, one.fix) for one in missing if not one.source),
        unchecked=checked.unchecked if panel else (*checked.unchecked, "whether a judge speaks about each criterion"),
        lacking=find_lacking(study),
    )


def _load(
    study: Study, role: Role, root: Path, attempt: Callable[[Callable[[], _Rows]], _Rows | None]
) -> list[_Rows | None]:
    """Load each source of a role; None stands for one that is not here."""
    sources: tuple[Source, ...] = getattr(study.data, role) if study.data else ()
    load = functools.partial(load_rows, study=study, root=root, by_item=role != "instruction")
    return [attempt(functools.partial(load, source)) for source in sources]


def _arms(study: Study, num_instruction: int | None, root: Path, attempt: Callable[..., Any]) -> tuple[Arm, ...] | None:
    """List the arms as far as they can be told."""
    if study.adopts:
        there = attempt(functools.partial(adopted_arms, StudyFolder(root)))
        return (*untuned_arms(study), *there) if there else None
    mix = study.mix
    if mix and (num_instruction is not None or all(isinstance(dose, int) or is_zero(dose) for dose in mix.all_doses)):
        return grid(study, num_instruction=num_instruction or 0, made_of="")
    return None


class _Checked(NamedTuple):
    num_steps: int | None
    exposure: Exposure | None
    unchecked: tuple[str, ...]


def _check_rows(
    study: Study, inputs: Inputs, arms: Sequence[Arm], *, whole: Collection[Role], num_instruction: int | None
) -> _Checked:
    """Hold doses, validation and suites against the rows that are here; says what came of it, and what could not be.

    Raises:
        InputError: When something does not fit.
    """
    if not study.mix or not study.data:
        return _Checked(None, None, ())
    if num_instruction is not None:
        check_held_out(study, num_instruction)
    enough = {"safety", "contrast"} | ({"instruction"} if study.mix.ladder == "replace" else set())
    if not arms or not enough <= set(whole):
        unchecked = (
            "whether the sources have rows enough for every dose",
            "whether test prompts stand in training rows",
        )
        return _Checked(None, None, unchecked)
    mixtures = mix_arms(study, inputs.pool, arms)
    exposure = measure_exposure(study, inputs, arms)
    require_unseen(exposure, limit=study.data.max_overlap)
    complete = set(ROLES) <= set(whole)
    all_here = complete and len(inputs.suites) == len(study.suites)
    return _Checked(
        num_steps=sum(count_steps(mixture, study.tune) for mixture in mixtures) if complete else None,
        exposure=exposure,
        unchecked=() if all_here else ("whether test prompts stand in training rows, where either is not here",),
    )


def _attempt(missing: list[Unfetched], find: Callable[[], _Found]) -> _Found | None:
    """Give what is found; note what is missing, and give None."""
    try:
        return find()
    except Unfetched as absent:
        missing.append(absent)
        return None


def _count(source: Source, rows: Sequence[Example] | None) -> int | None:
    """Say how many rows a source gives: as loaded, as asked for, or as the catalogue knows of plain files."""
    if rows is not None:
        return len(rows)
    known = SOURCES.get(source.source)  # none of a data set of the Hub
    return source.rows or (known.num_rows if known and known.reader == "rows" else None)


def _stand_in(choice: SuiteChoice) -> tuple[Prompt, ...]:
    """Stand for the prompts of a suite that is not here, with what is known of it."""
    return (Prompt(id="1", suite=choice.name, text="?", expected=choice.expected or expected_of(choice.name)),)
