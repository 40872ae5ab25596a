"""What a terminal shows: plans, summaries and recommendations as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from safedose.codec import to_json
from safedose.records import Arm, Estimate, Recommendation, Summary

if TYPE_CHECKING:
    from safedose.commands import Planned

HEADLINES = ("harmful_response_rate", "compliance_rate", "exaggerated_refusal_rate", "accuracy")
"""Endpoints worth a column in the terminal, most telling first; the report shows all."""

MAX_COLUMNS = 4
"""Columns of rates that fit a terminal of 80 characters."""


def as_json(records: Sequence[Any]) -> list[Any]:
    """Turn records into plain JSON values."""
    return [to_json(record) for record in records]


def plan_as_json(planned: Planned) -> dict[str, Any]:
    """Say what a run would do, as plain values."""
    return {
        "name": planned.study.name,
        "arms": as_json(planned.arms),
        "num_steps": planned.num_steps,
        "num_prompts": planned.num_prompts,
        "num_responses": planned.num_prompts * planned.study.generate.samples * len(planned.arms),
        "judges": list(planned.study.judges),
        "remote_calls": 0,
    }


def plan_table(planned: Planned) -> None:
    """Print the arms of a plan, then its totals."""
    total = plan_as_json(planned)
    table = Table(title=f"{planned.study.name}: {len(planned.arms)} arms", title_justify="left")
    for column in ("base", "strategy", "format", "dose", "share", "seeds (draw.training)"):
        table.add_column(column, justify="right" if column in {"dose", "share"} else "left")
    cells: dict[tuple[str, ...], list[str]] = {}
    for arm in planned.arms:
        share = _share(arm, planned.inputs.num_instruction)
        row: tuple[str, ...] = (arm.base, arm.strategy, arm.format, str(arm.dose), share)
        cells.setdefault(row, []).append(f"{arm.draw_seed}.{arm.train_seed}")
    for row, seeds in cells.items():
        table.add_row(*map(escape, row), " ".join(seeds))
    console = Console()
    console.print(table)
    console.print(
        f"{planned.inputs.num_instruction} instruction rows; {total['num_steps']} optimizer steps in all; "
        f"{planned.num_prompts} prompts an arm in {len(planned.study.suites)} suites, "
        f"{total['num_responses']} responses; "
        f"judges: {', '.join(planned.study.judges)}; remote calls: none"
    )


def _share(arm: Arm, num_instruction: int) -> str:
    total = num_instruction if arm.ladder == "replace" else num_instruction + arm.dose
    return f"{arm.dose / total:.1%}" if total else "-"


def summary_table(summary: Summary) -> None:
    """Print the rates the criteria are about, per curve and dose, then the recommendations."""
    columns = _columns(summary)
    table = Table(title=f"{escape(summary.name)}: rates over seeds", title_justify="left")
    for column in ("strategy", "format", "dose"):
        table.add_column(column, justify="right" if column == "dose" else "left", no_wrap=True)
    for suite, endpoint, judge in columns:
        name = endpoint.removesuffix("_rate").replace("_", " ")
        table.add_column(f"{_short(suite)}\n{name}\n({escape(judge)})", justify="right")
    rows: dict[tuple[Any, ...], dict[tuple[str, str, str], Estimate]] = {}
    for one in summary.estimates:
        if one.scope == "dose":
            row = (one.base, one.run, one.ladder, one.strategy, one.format, one.dose)
            rows.setdefault(row, {})[(one.suite, one.endpoint, one.judge)] = one
    for row, cells in rows.items():
        shown = [_rate(cells.get(column)) for column in columns]
        table.add_row(escape(row[3]), escape(row[4]), str(row[5]), *shown)
    Console().print(table)
    recommendation_table(summary.recommendations)


def _columns(summary: Summary) -> list[tuple[str, str, str]]:
    """Pick the columns the criteria are about; without criteria, the first few headline endpoints."""
    asked = {(c.suite, c.endpoint, c.judge): None for r in summary.recommendations for c in r.criteria}
    if asked:
        return list(asked)
    told = {(e.suite, e.endpoint, e.judge): None for e in summary.estimates if e.endpoint in HEADLINES}
    return sorted(told, key=lambda column: HEADLINES.index(column[1]))[:MAX_COLUMNS]


def _short(suite: str) -> str:
    return escape(suite.removeprefix("smallworld-"))


def _rate(one: Estimate | None) -> str:
    if one is None:
        return ""
    return "undefined" if one.value is None else f"{one.value:.2f}"


def recommendation_table(recommendations: Sequence[Recommendation]) -> None:
    """Print one line per curve: its dose and probability, or what fails, and what to do."""
    console = Console()
    for one in recommendations:
        curve = f"{one.strategy}/{one.format}" + ("" if one.run == "default" else f" ({one.run})")
        whom = one.target.replace("_", " ")
        chance = "" if one.probability is None else f"probability {one.probability:.2f}, {whom}"
        found = f"dose {one.dose} ({chance})"
        missed = f"no dose meets the criteria (nearest: {chance})" if chance else "no dose meets the criteria"
        answer = found if one.dose is not None else missed
        failing = f"; fails: {one.failing_criterion}" if one.failing_criterion else ""
        console.print(f"[bold]{escape(curve)}[/bold]: {escape(answer + failing)}. {escape(one.advice)}", soft_wrap=True)


def status_table(counts: Mapping[str, Any]) -> None:
    """Print what is finished, a line a stage."""
    console = Console()
    console.print(f"{escape(counts['name'])}: {counts['arms']} arms")
    for stage, (done, total) in counts["stages"].items():
        console.print(f"  {stage:>10} {done} of {total}")


def time_line(seconds: Mapping[str, float], *, total: float) -> str:
    """Say in one line where the time went; what no stage took (checking, loading) is the rest."""
    spent = {**seconds, "rest": total - sum(seconds.values())}
    return f"time: {total:.1f} s ({', '.join(f'{stage} {one:.1f} s' for stage, one in spent.items())})"
