"""What can be said of a study before all it names is on this machine: everything else is checked, the rest is named."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from safedose.adopted import adopted_arms
from safedose.bases import find_base
from safedose.criteria import check_judges
from safedose.data.sources import SOURCES
from safedose.errors import InputError, Unfetched
from safedose.fitting import find_lacking
from safedose.inputs import Inputs, check_base, load_prompts_of, load_rows
from safedose.judging.catalogue import load_judge
from safedose.kinds import is_zero
from safedose.mixture import Pool
from safedose.records import Arm, Example, Prompt
from safedose.store import StudyFolder
from safedose.study import Source, Study, SuiteChoice
from safedose.studyfile import read_study
from safedose.suites.catalogue import expected_of
from safedose.sweep.plan import grid, untuned_arms

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Outline:
    """A study of which something is not on this machine.

    Attributes:
        study: Its settings.
        num_instruction: Instruction rows at dose 0; None where nobody here knows.
        arms: What would be made; their ids are not those of a run. None where shares cannot be turned into numbers.
        num_prompts: Prompts per suite that is here.
        to_fetch: Sources of the catalogue whose files are missing.
        unknown: What else is missing, and what brings it.
        lacking: What this machine lacks to run it.
    """

    study: Study
    num_instruction: int | None
    arms: tuple[Arm, ...] | None
    num_prompts: dict[str, int]
    to_fetch: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    lacking: tuple[InputError, ...]


def outline(file: Path, overrides: Sequence[str]) -> Outline:
    """Check all of a study that can be checked on this machine; asks the Hub for what is missing of a base.

    Raises:
        InputError: For anything that could not work, as `plan` does.
    """
    study, root = read_study(file, overrides=overrides), file.parent
    missing: list[Unfetched] = []
    attempt, rows = functools.partial(_attempt, missing), functools.partial(load_rows, study=study, root=root)
    data, mix = study.data, study.mix
    counts = [_count(source, attempt(functools.partial(rows, source))) for source in (data.instruction if data else ())]
    for source in (*data.safety, *data.contrast) if data else ():
        attempt(functools.partial(rows, source, by_item=True))
    suites = {one.name: attempt(functools.partial(load_prompts_of, one, root)) for one in study.suites}
    judges = tuple(load_judge(name) for name in study.judges)
    asked = {one.name: suites[one.name] or _stand_in(one) for one in study.suites}
    check_judges(study, Inputs(pool=Pool((), (), ()), suites=asked, judges=judges))
    for name in study.bases:
        if base := attempt(functools.partial(find_base, name, root=root, weights=False)):
            check_base(base, study.tune)
    num_instruction = None if None in counts else sum(filter(None, counts))
    there = attempt(functools.partial(adopted_arms, StudyFolder(root))) if study.adopts else None
    adopted = (*untuned_arms(study), *there) if there else None
    countable = num_instruction is not None or (mix and all(isinstance(d, int) or is_zero(d) for d in mix.all_doses))
    return Outline(
        study=study,
        num_instruction=num_instruction,
        arms=grid(study, num_instruction=num_instruction or 0, made_of="") if mix and countable else adopted,
        num_prompts={name: len(prompts) for name, prompts in suites.items() if prompts},
        to_fetch=tuple(dict.fromkeys(one.source for one in missing if one.source)),
        unknown=tuple((one.what, one.fix) for one in missing if not one.source),
        lacking=find_lacking(study),
    )


def _attempt(missing: list[Unfetched], find: Callable[[], _Found]) -> _Found | None:
    """Give what is found; note what is missing, and give None."""
    try:
        return find()
    except Unfetched as absent:
        missing.append(absent)
        return None


def _count(source: Source, rows: Sequence[Example] | None) -> int | None:
    """Say how many rows a source gives: as loaded, as asked for, or as the catalogue knows."""
    if rows is not None:
        return len(rows)
    known = SOURCES.get(source.source)  # none of a data set of the Hub
    return source.rows or (known.num_rows if known else None)


def _stand_in(choice: SuiteChoice) -> tuple[Prompt, ...]:
    """Stand for the prompts of a suite that is not here, with what is known of it."""
    return (Prompt(id="1", suite=choice.name, text="?", expected=choice.expected or expected_of(choice.name)),)
