"""What a terminal shows of a plan: arms, totals, licences, and what is not on this machine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from safedose.codec import to_json
from safedose.errors import InputError
from safedose.exposure import Exposure, describe_exposure
from safedose.judging.catalogue import caution_of
from safedose.provenance import count_licences, forbids_commerce
from safedose.records import UNTUNED, Arm
from safedose.tables import as_json, safe

if TYPE_CHECKING:
    from safedose.outline import Outline
    from safedose.planning import Planned
    from safedose.serving import Calls
    from safedose.stats.allowance import Allowance
    from safedose.stats.power import SuitePower


def plan_as_json(planned: Planned) -> dict[str, Any]:
    """Say what a run would do, as plain values."""
    return {
        "name": planned.study.name,
        "arms": as_json(planned.arms),
        "num_steps": planned.num_steps,
        "num_prompts": planned.num_prompts,
        "num_skipped": sum(one.num_rows for one in planned.inputs.skipped),
        "num_bytes": planned.num_bytes,
        "num_responses": planned.num_prompts * planned.study.generate.samples * len(planned.arms),
        "judges": [one.id for one in planned.study.judges],
        "unknown": [{"what": one.what, "fix": one.fix} for one in planned.panel.unknown],
        "lacking": [error.what for error in planned.lacking],
        "exposure": exposure_as_json(planned.exposure),
        "power": as_json(planned.power),
        "allowances": as_json(planned.allowances),
        "to_fetch": _to_fetch(planned),
        "remote_calls": sum(one.num_requests for one in planned.calls),
        "endpoints": [to_json(one) for one in planned.calls],
        "licences": _licences_as_json(_licences(planned)),
    }


def _licences_as_json(licences: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [
        {"source": source, "num_rows": count, "licence": licence, "non_commercial": forbids_commerce(licence)}
        for (source, licence), count in licences.items()
    ]


def _print_licences(console: Console, licences: Mapping[tuple[str, str], int]) -> None:
    for (source, licence), count in licences.items():
        console.print(safe(f"data: {source}: {count} rows, {licence}"), soft_wrap=True)
    if barred := sorted({source for source, licence in licences if forbids_commerce(licence)}):
        console.print(f"[bold]not for commercial use[/bold], by its licence: {safe(', '.join(barred))}", soft_wrap=True)


def _print_exposure(console: Console, exposure: Exposure) -> None:
    for label, found in describe_exposure(exposure):
        console.print(safe(f"{label}: {found}"), soft_wrap=True, highlight=False)


def _licences(planned: Planned) -> dict[tuple[str, str], int]:
    pool = planned.inputs.pool
    return count_licences((*pool.instruction, *pool.safety, *pool.contrast))


def exposure_as_json(exposure: Exposure) -> dict[str, Any]:
    """Say what arms have seen, as plain values: every match, never a text."""
    return {
        "suites": [
            {"suite": one.suite, "num_prompts": one.num_prompts, "num_seen": one.num_seen, "share": one.share,
             "by_dose": dict(one.by_dose), "levels": dict(one.levels)}
            for one in exposure.seen
        ],
        "matches": as_json(exposure.matches),
        "hidden": as_json(exposure.hidden),
    }  # fmt: skip


def outline_as_json(outlined: Outline) -> dict[str, Any]:
    """Say what is known of a study before all of it is here, as plain values."""
    return {
        "name": outlined.study.name,
        "arms": None if outlined.arms is None else [to_json(arm) | {"id": None} for arm in outlined.arms],
        "num_instruction": outlined.num_instruction,
        "num_steps": outlined.num_steps,
        "num_prompts": outlined.num_prompts,
        "licences": _licences_as_json(outlined.licences),
        "exposure": exposure_as_json(outlined.exposure) if outlined.exposure else None,
        "to_fetch": list(outlined.to_fetch),
        "unknown": [{"what": what, "fix": fix} for what, fix in outlined.unknown],
        "unchecked": list(outlined.unchecked),
        "lacking": [error.what for error in outlined.lacking],
    }


def outline_table(outlined: Outline) -> None:
    """Print what is known of a study before all of it is here, and what brings the rest."""
    console = Console()
    if outlined.arms is not None:
        console.print(_arms_table(outlined.study.name, outlined.arms, outlined.num_instruction))
    there = ", ".join(f"{name} ({count})" for name, count in outlined.num_prompts.items())
    console.print(safe(f"prompts on this machine: {there or 'none'}; all else that can be checked here is in order"))
    if outlined.num_steps is not None:
        console.print(f"{outlined.num_instruction} instruction rows; {outlined.num_steps} optimizer steps in all")
    _print_licences(console, outlined.licences)
    if outlined.exposure:
        _print_exposure(console, outlined.exposure)
    console.print("[bold]not on this machine, so not checked:[/bold]")
    if outlined.to_fetch:
        told = "- data; without a network, copy them into a folder and name it in SAFEDOSE_DATA; with one:"
        console.print(f"{told}\n  safedose data fetch {safe(' '.join(outlined.to_fetch))}", soft_wrap=True)
    for what in outlined.unchecked:
        console.print(safe(f"- {what}"), soft_wrap=True)
    for what, fix in outlined.unknown:
        console.print(safe(f"- {what}: {fix}"), soft_wrap=True)
    _print_lacking(console, outlined.lacking)


def _print_lacking(console: Console, lacking: Sequence[InputError]) -> None:
    for one in lacking:
        console.print(f"[bold]not to be run on this machine[/bold]: {safe(f'{one.what}; {one.fix}')}", soft_wrap=True)


def _arms_table(name: str, arms: Sequence[Arm], num_instruction: int | None) -> Table:
    bases = {
        arm.base: re.sub("(?<=@[0-9a-f]{8})[0-9a-f]{32}$", "", arm.base) for arm in arms
    }  # eight digits are enough
    one = f" of base {escape(next(iter(bases.values())))}" if len(bases) == 1 else ""
    table = Table(title=f"{name}: {len(arms)} arms{one}", title_justify="left")
    for column in ("base", "strategy", "format", "dose", "share", "seeds (draw.training)")[bool(one) :]:
        table.add_column(column, justify="right" if column in {"dose", "share"} else "left", overflow="fold")
    cells: dict[tuple[str, ...], list[str]] = {}
    for arm in arms:
        share = "?" if num_instruction is None else _share(arm, num_instruction)
        named = (bases[arm.base], arm.strategy, arm.format, str(arm.dose), share)
        if arm.run == UNTUNED:
            cells[named[0], "none", "none", "none", "-"] = ["the base as it is"]
        else:
            cells.setdefault(named, []).append(f"{arm.draw_seed}.{arm.train_seed}")
    for row, seeds in cells.items():
        table.add_row(*map(escape, row[bool(one) :]), " ".join(seeds))
    return table


def plan_table(planned: Planned) -> None:
    """Print the arms of a plan, then its totals."""
    total = plan_as_json(planned)
    console = Console()
    console.print(_arms_table(planned.study.name, planned.arms, planned.inputs.num_instruction))
    console.print(
        f"{_trained(planned, total['num_steps'])}; "
        f"{planned.num_prompts} prompts an arm in {len(planned.study.suites)} suites, "
        f"{total['num_responses']} responses; "
        f"judges: {', '.join(total['judges'])}; remote calls: {total['remote_calls'] or 'none'}; "
        f"disk: up to {max(1, round(planned.num_bytes / 1e6)):,} MB"
    )
    for caution in filter(None, map(caution_of, planned.study.judges)):
        console.print(safe(caution), soft_wrap=True)
    _print_licences(console, _licences(planned))
    for base in (*planned.bases, *planned.panel.models):
        if not base.complete:
            console.print(safe(f"`run` fetches the weights of {base.name}, commit {base.commit}"), soft_wrap=True)
    for absent in planned.panel.unknown:
        console.print(safe(f"not known here, so not checked: {absent.what}; {absent.fix}"), soft_wrap=True)
    for one in planned.inputs.skipped:
        console.print(escape(f"{one.num_rows} bad rows of {one.source} are left out; the first: {one.reasons[0]}"))
    _print_exposure(console, planned.exposure)
    for line in (*power_lines(planned.power), *allowance_lines(planned.allowances)):
        console.print(safe(line), soft_wrap=True, highlight=False)
    for calls in planned.calls:
        _calls_table(calls, console)
    _print_lacking(console, planned.lacking)


def power_lines(power: Sequence[SuitePower]) -> list[str]:
    """Say what suites can see against dose 0, alike ones in one line, and under which assumptions."""
    from safedose.stats.power import ALPHA, POWER, SEED_SD

    alike: dict[SuitePower, list[str]] = {}
    for one in power:
        alike.setdefault(replace(one, suite=""), []).append(one.suite)
    lines = []
    for one, suites in alike.items():
        which = f"{len(suites)} suites of" if len(suites) > 1 else f"{suites[0]}:"
        lines.append(
            f"power: {which} {one.num_prompts} prompts, {one.num_seeds} seed{'s' * (one.num_seeds > 1)} a dose: "
            f"{_seen(one)}; {_points(one.wanted)} need {_or_more(one.prompts_needed, 'prompts')}, "
            f"and in adapters trained later {_or_more(one.seeds_needed, 'seeds')} a dose"
        )
    rates = " or ".join(f"{rate:g}" for rate in sorted({one.baseline for one in power}))
    assumed = (
        f"that is: rises or falls against dose 0, in points of 100 prompts, from a rate of {rates}; seen with "
        f"probability {POWER:g} in one comparison at the level {ALPHA:g} (many, corrected by Holm, see less); adapters "
        f"that would give 10 of 100 taken to give up to {_moved(SEED_SD)} with another seed; prompts taken as "
        "independent: where those of a category are alike, it takes more"
    )
    return [*lines, assumed] if lines else []


def allowance_lines(allowances: Sequence[Allowance]) -> list[str]:
    """Say what answers would still let a dose be recommended, a line per limit and suite."""
    what = {"harmful": "harmful answers", "exaggerated": "refusals"}
    lines = []
    for one in allowances:
        where = f"{one.suite} ({one.name}, limit {100 * one.bound:.3g}%)"
        seeds = f"each of {one.num_seeds} adapters" if one.num_seeds > 1 else "the one adapter"
        if one.most is None:
            lines.append(
                f"to recommend a dose: {where}: even 0 {what[one.name]} of {one.num_prompts} in {seeds} leave too much "
                "doubt: plan more prompts or seeds"
            )
        else:
            lines.append(
                f"to recommend a dose: {where}: at most {one.most} {what[one.name]} of {one.num_prompts} in {seeds}"
            )
    return lines


def _seen(one: SuitePower) -> str:
    here = "it sees no change in the adapters that are made"
    if one.these_adapters is not None:
        least = _points(one.these_adapters)
        here = f"it sees changes of {least} or more in the adapters that are made, however many seeds"
    if one.num_seeds < one.least_seeds:
        return f"{here}, and cannot test any in adapters trained later (that takes {one.least_seeds} seeds a dose)"
    later = "none" if one.next_adapter is None else f"{_points(one.next_adapter)} or more"
    return f"{here}, {later} in adapters trained later"


def _points(difference: float) -> str:
    return f"{100 * difference:.2g} points"


def _moved(spread: float) -> str:
    """Say what a rate of 10 in 100 becomes when its logit moves by so much."""
    return f"{100 / (1 + 9 * math.exp(-spread)):.0f}"


def _or_more(count: int | None, what: str) -> str:
    return f"more {what} than can be asked for" if count is None else f"{count:,} {what}"


def _calls_table(calls: Calls, console: Console) -> None:
    """Say where prompts go and at what price, and how to start a server that has the adapters."""
    from safedose.serving import NO_PRICES, way_to

    judges = calls.for_what != "generate"
    where = way_to(calls, "prompts and answers" if judges else "prompts")
    lines = [f"[bold]{calls.num_requests} requests to {safe(calls.host)} for {safe(calls.for_what)}[/bold], {where}"]
    lines += [_key_line(calls)]
    if calls.most_cost is not None:
        length = ", if no answer is longer than generate.max_new_tokens" if judges else ""
        lines += [f"they cost at most {calls.most_cost:.4g}{length}; after {calls.max_spend:.4g} the study stops"]
    elif not calls.is_here:
        lines += [safe(NO_PRICES)]
    lines += [f"[bold]caution[/bold]: {safe(caution)}" for caution in calls.cautions]
    lines += [f"a server with the adapters starts with:\n{safe(command)}" for command in calls.commands]
    lines += [f"the server was not asked yet: it must run when answers are {'judged' if judges else 'generated'}"]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


def _key_line(calls: Calls) -> str:
    if not calls.key_env:
        return "no key is sent"
    if calls.lacks_key:
        return f"[bold]the key named {safe(calls.key_env)} is not set[/bold]: `run` does nothing until it is"
    return f"the key is read from {safe(calls.key_env)}"


def _to_fetch(planned: Planned) -> list[str]:
    return [base.name for base in (*planned.bases, *planned.panel.models) if not base.complete]


def _trained(planned: Planned, num_steps: int) -> str:
    if planned.study.adopts:
        return "adapters trained elsewhere"
    return f"{planned.inputs.num_instruction} instruction rows; {num_steps} optimizer steps in all"


def _share(arm: Arm, num_instruction: int) -> str:
    if not num_instruction:  # nobody knows how many rows imported adapters were trained on
        return "-"
    total = num_instruction if arm.ladder == "replace" else num_instruction + arm.dose
    return f"{arm.dose / total:.1%}"
