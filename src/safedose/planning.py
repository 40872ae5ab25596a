"""Planning: a study checked to the last row, and what a run of it would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safedose.adopted import adopted_arms
from safedose.bases import Base
from safedose.criteria import check_judges, plan_allowances
from safedose.engines import LOCAL, Engines
from safedose.errors import InputError, RunError
from safedose.exposure import Exposure, measure_exposure, require_unseen
from safedose.fitting import find_lacking
from safedose.inputs import Inputs, check_arms, load_inputs, made_of, plan_suites
from safedose.keys import ingredients
from safedose.outcome import find_bases
from safedose.panel import Panel, load_panel
from safedose.pins import check_pins
from safedose.records import UNTUNED, Arm
from safedose.remote.client import read_key
from safedose.room import bytes_needed
from safedose.serving import Calls, planned_calls
from safedose.stats.allowance import Allowance
from safedose.stats.power import ACCURACY, RATE, SuitePower, suite_power
from safedose.store import StudyFolder
from safedose.store.seal import Seal, grow
from safedose.study import Study
from safedose.studyfile import read_study
from safedose.sweep.plan import grid, untuned_arms
from safedose.tuning.sft import count_steps


@dataclass(frozen=True, slots=True)
class Planned:
    """A study that was checked and could be run.

    Attributes:
        study: Its settings.
        inputs: Everything it names, loaded.
        arms: What will be made.
        num_steps: Optimizer steps over all arms.
        num_prompts: Prompts each arm answers.
        num_bytes: What the study will write at most, about.
        bases: The base models.
        panel: Who judges, and the models they read with on this machine.
        calls: What it will ask of servers; empty when it asks none.
        exposure: Which prompts stand in the rows it trains on, and which instruction rows look like safety rows.
        power: What each suite can see against dose 0; empty without a dose to compare, or without a dose 0.
        allowances: How many counted answers each limit leaves room for; empty where `power` is.
        lacking: What this machine lacks to run it.
        seal: What a run would write down before it begins.
    """

    study: Study
    inputs: Inputs
    arms: tuple[Arm, ...]
    num_steps: int
    num_prompts: int
    num_bytes: int
    bases: tuple[Base, ...]
    panel: Panel
    calls: tuple[Calls, ...]
    exposure: Exposure
    power: tuple[SuitePower, ...]
    allowances: tuple[Allowance, ...]
    lacking: tuple[InputError, ...]
    seal: Seal


def plan(
    file: Path, overrides: Sequence[str], engines: Engines = LOCAL, *, to_run: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Planned:  # fmt: skip
    """Check a study to the last row and say what it will do; writes nothing.

    Args:
        file: The study file.
        overrides: Settings that win over it.
        engines: Who says how long prompts are.
        to_run: Fetch bases of the Hub whole, and refuse what this machine lacks, keys of servers among it. Otherwise
            fetch only what says how a base or a judge's model is built and read, and note what is lacking.
        tell: Told a line now and then while long files are read.

    Raises:
        InputError: For anything that could not work, or would change what finished work was made of.
    """
    study = read_study(file, overrides=overrides)
    panel = load_panel(study, root=file.parent, look="must" if to_run else "may")
    if to_run:
        for server in study.servers.values():
            read_key(server)
    inputs = load_inputs(study, root=file.parent, tell=tell, panel=panel)
    folder = StudyFolder(file.parent)
    check_pins(folder, inputs.pins)
    check_judges(study, inputs)
    if study.adopts:
        arms = (*untuned_arms(study), *adopted_arms(folder))
    else:
        arms = grid(study, num_instruction=inputs.num_instruction, made_of=made_of(study, inputs))
    bases = find_bases(study, folder, weights=to_run)
    lacking = find_lacking(study)
    if lacking and to_run:
        raise lacking[0]
    mixtures = check_arms(study, inputs, arms, bases)
    exposure = measure_exposure(study, inputs, arms)
    require_unseen(exposure, limit=study.data.max_overlap if study.data else 1.0)
    now = Seal(
        made_of=ingredients(study, inputs, bases),
        arms=arms,
        batches=plan_suites(study, inputs, bases, count_tokens=engines.count_tokens),
    )
    power = plan_power(inputs, arms)
    return Planned(
        study=study,
        inputs=inputs,
        arms=arms,
        num_steps=sum(count_steps(mixture, study.tune) for mixture in mixtures),
        num_prompts=sum(map(len, inputs.suites.values())),
        num_bytes=bytes_needed(study, inputs, arms, mixtures, bases),
        bases=bases,
        panel=panel,
        calls=planned_calls(study, inputs, arms, folder, bases),
        exposure=exposure,
        power=power,
        allowances=plan_allowances(study, inputs, num_seeds=power[0].num_seeds) if power else (),
        lacking=lacking,
        # what a base is can be held against finished work only when all of it is here
        seal=grow(_sealed(folder), now, folder=folder.path) if all(base.complete for base in bases) else now,
    )


def plan_power(inputs: Inputs, arms: Sequence[Arm]) -> tuple[SuitePower, ...]:
    """Say what each suite can see, with the seeds of the dose that has fewest."""
    cells = Counter(
        (arm.dose, arm.base, arm.run, arm.ladder, arm.strategy, arm.format) for arm in arms if arm.run != UNTUNED
    )
    if len({dose > 0 for dose, *_ in cells}) < 2:
        return ()
    by_answer = any("correctness" in judge.axes for judge in inputs.judges)
    return tuple(
        suite_power(
            suite, num_prompts=len(prompts), num_seeds=min(cells.values()),
            baseline=ACCURACY if by_answer and any(one.reference for one in prompts) else RATE,
        )
        for suite, prompts in inputs.suites.items() if prompts
    )  # fmt: skip


def _sealed(folder: StudyFolder) -> Seal | None:
    """Read what was sealed before; a damaged plan is none: the run sets it aside and seals again."""
    try:
        return folder.sealed()
    except RunError:
        return None
